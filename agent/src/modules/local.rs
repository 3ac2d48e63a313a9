//! Local modules: whether Envoy can load what a resource names.

use std::collections::HashMap;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::cache::Stamp;
use super::error::LocalError;
use super::{regular_file, validation};

/// Looks at local modules, at each once for as long as it stays as it is: a response may name one a thousand times.
#[derive(Debug, Default)]
pub(super) struct LocalModules(Mutex<HashMap<PathBuf, Arc<Known>>>);

/// How the file was when it was found valid. It is locked while somebody looks.
type Known = Mutex<Option<Stamp>>;

impl LocalModules {
    /// Whether the file at `path` is a module of at most `limit` octets. Blocks on the disk.
    pub(super) fn check(&self, path: &Path, limit: u64) -> Result<(), LocalError> {
        self.check_by(path, || check(path, limit))
    }

    fn check_by(
        &self,
        path: &Path,
        check: impl FnOnce() -> Result<(), LocalError>,
    ) -> Result<(), LocalError> {
        let known = Arc::clone(self.known().entry(path.to_owned()).or_default());
        let mut valid = known.lock().unwrap_or_else(PoisonError::into_inner);
        // As it is before it is read: what changes meanwhile is looked at again.
        let stamp = path.metadata().ok().map(|metadata| Stamp::from(&metadata));
        if stamp.is_some() && *valid == stamp {
            return Ok(());
        }
        *valid = None;
        check()?;
        *valid = stamp.filter(Stamp::is_settled);
        Ok(())
    }

    /// Forgets all, so that names which nobody uses any more cost nothing.
    pub(super) fn forget(&self) {
        self.known().clear();
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<PathBuf, Arc<Known>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn check(path: &Path, limit: u64) -> Result<(), LocalError> {
    let octets = read(path, limit).map_err(|error| LocalError::Unreadable {
        path: path.to_owned(),
        cause: error.to_string(),
    })?;
    validation::validate(&octets).map_err(|cause| LocalError::Invalid {
        path: path.to_owned(),
        cause,
    })
}

/// Whoever names the file could name `/dev/zero` or a pipe, which have no end.
fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut octets = Vec::new();
    regular_file::open(path)?
        .take(limit.saturating_add(1))
        .read_to_end(&mut octets)?;
    if octets.len() as u64 > limit {
        return Err(io::Error::other(format!(
            "it is larger than {limit} bytes; `ISTIO_WASM_MAX_BINARY_SIZE_BYTES` is the limit"
        )));
    }
    Ok(octets)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn a_file_that_stays_as_it_is_is_looked_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.wasm");
        std::fs::write(&path, "one").unwrap();
        let modules = LocalModules::default();
        let looks = |outcome: Result<(), LocalError>| {
            let mut looks = 0;
            let checked = modules.check_by(&path, || {
                looks += 1;
                outcome
            });
            (looks, checked.is_ok())
        };
        let refused = || {
            Err(LocalError::Invalid {
                path: path.clone(),
                cause: "no".to_owned(),
            })
        };
        // What was refused is looked at again.
        assert_eq!(looks(refused()), (1, false));
        assert_eq!(looks(refused()), (1, false));
        // A file that changed just now could change again without a trace.
        let deadline = Instant::now() + Duration::from_secs(10);
        while looks(Ok(())) == (1, true) {
            assert!(Instant::now() < deadline, "it is looked at for ever");
            std::thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(looks(refused()), (0, true));
        std::fs::write(&path, "two").unwrap();
        assert_eq!(looks(refused()), (1, false));
        assert_eq!(looks(refused()), (1, false));
    }
}
