//! The module as the server holds it: always a whole one, and the newest whole one there is.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use hyper::body::Bytes;

use crate::module::{CHECKSUM_FILE_NAME, Digest, FILE_NAME, Module};

/// A module in the forms that answers need.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) bytes: Bytes,
    pub(crate) digest: Digest,
    pub(crate) checksum_line: String,
}

impl From<Module> for Served {
    fn from(module: Module) -> Self {
        Self {
            checksum_line: module.checksum_line(),
            digest: module.digest,
            bytes: module.bytes.into(),
        }
    }
}

/// The module of a folder, read again when its files change.
pub(crate) struct Store {
    folder: PathBuf,
    current: Mutex<Current>,
}

struct Current {
    served: Arc<Served>,
    /// The files that `served` was read from.
    version: Version,
}

/// Tells whether files may have changed, without reading them.
#[derive(PartialEq, Eq)]
struct Version([Option<(SystemTime, u64)>; 2]);

impl Version {
    fn of(folder: &Path) -> Self {
        Self([FILE_NAME, CHECKSUM_FILE_NAME].map(|name| {
            let metadata = fs::metadata(folder.join(name)).ok()?;
            Some((metadata.modified().ok()?, metadata.len()))
        }))
    }
}

impl Store {
    /// Reads the module in `folder`, which must be there and match its checksum.
    pub(crate) fn open(folder: PathBuf) -> anyhow::Result<Self> {
        let version = Version::of(&folder);
        let served = Arc::new(Module::open(&folder)?.into());
        Ok(Self {
            folder,
            current: Mutex::new(Current { served, version }),
        })
    }

    /// The newest module that matched its checksum. Between the two renames of a rebuild, or
    /// when the folder was emptied, that is the previous one.
    pub(crate) fn current(&self) -> Arc<Served> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        // Taken before the files are read: a change meanwhile is seen the next time.
        let version = Version::of(&self.folder);
        if version != current.version
            && let Ok(module) = Module::open(&self.folder)
        {
            *current = Current {
                served: Arc::new(module.into()),
                version,
            };
        }
        Arc::clone(&current.served)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(bytes: &[u8]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        Module::from(bytes.to_vec()).publish(folder.path()).unwrap();
        folder
    }

    #[test]
    fn a_rebuilt_module_is_picked_up() {
        let folder = folder_with(b"old");
        let store = Store::open(folder.path().to_path_buf()).unwrap();
        assert_eq!(store.current().bytes, "old");
        Module::from(b"rebuilt".to_vec())
            .publish(folder.path())
            .unwrap();
        assert_eq!(store.current().bytes, "rebuilt");
        assert_eq!(store.current().digest, Digest::of(b"rebuilt"));
    }

    #[test]
    fn a_half_written_module_is_not_served() {
        let folder = folder_with(b"old");
        let store = Store::open(folder.path().to_path_buf()).unwrap();
        fs::write(folder.path().join(FILE_NAME), b"half").unwrap();
        assert_eq!(store.current().bytes, "old");
        let whole = Module::from(b"half and half".to_vec());
        fs::write(folder.path().join(FILE_NAME), &whole.bytes).unwrap();
        assert_eq!(
            store.current().bytes,
            "old",
            "its checksum is still the old one"
        );
        fs::write(
            folder.path().join(CHECKSUM_FILE_NAME),
            whole.checksum_line(),
        )
        .unwrap();
        assert_eq!(store.current().bytes, "half and half");
    }

    #[test]
    fn an_emptied_folder_leaves_the_module_served() {
        let folder = folder_with(b"old");
        let store = Store::open(folder.path().to_path_buf()).unwrap();
        folder.close().unwrap();
        assert_eq!(store.current().bytes, "old");
    }
}
