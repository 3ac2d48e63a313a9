//! The modules as the server holds them: always whole ones, and the newest whole one there is.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use hyper::body::Bytes;

use crate::file_version::FileVersion;
use crate::module::{CHECKSUM_FILE_NAME, Digest, FILE_NAME, Module};

/// A module in the forms that answers need.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) bytes: Bytes,
    pub(crate) digest: Digest,
    pub(crate) checksum_line: String,
    /// When its file was last modified.
    pub(crate) modified: SystemTime,
}

impl Served {
    fn new(module: Module, version: &FileVersion) -> Self {
        Self {
            checksum_line: module.checksum_line(),
            digest: module.digest,
            bytes: module.bytes.into(),
            modified: version.modified().unwrap_or(SystemTime::UNIX_EPOCH),
        }
    }
}

/// The modules of a folder, read again when their files change.
pub(crate) struct Store {
    folder: PathBuf,
    state: Mutex<State>,
}

struct State {
    newest: Arc<Served>,
    /// The files that `newest` was read from.
    version: FileVersion,
    /// Whether `newest` has taken the place of another, and nobody has asked yet.
    is_news: bool,
    /// What was read from the folders of digests, and from which files.
    kept: HashMap<Digest, (FileVersion, Arc<Served>)>,
}

impl Store {
    /// Reads the module in `folder`, which must be there and match its checksum.
    pub(crate) fn open(folder: PathBuf) -> anyhow::Result<Self> {
        let version = newest_version(&folder);
        let newest = Served::new(Module::open(&folder)?, &version);
        let state = State {
            newest: Arc::new(newest),
            version,
            is_news: false,
            kept: HashMap::new(),
        };
        Ok(Self {
            folder,
            state: Mutex::new(state),
        })
    }

    /// The newest module that matched its checksum. Between the renames of a rebuild, or when the
    /// folder was emptied, that is the previous one.
    pub(crate) fn newest(&self) -> Arc<Served> {
        let mut state = self.state();
        // Taken before the files are read: a change meanwhile is seen the next time.
        let version = newest_version(&self.folder);
        if version != state.version
            && let Ok(module) = Module::open(&self.folder)
        {
            state.is_news |= module.digest != state.newest.digest;
            state.newest = Arc::new(Served::new(module, &version));
            state.version = version;
        }
        Arc::clone(&state.newest)
    }

    /// The newest module, if it has taken the place of another since this was asked last.
    pub(crate) fn news(&self) -> Option<Arc<Served>> {
        let newest = self.newest();
        std::mem::take(&mut self.state().is_news).then_some(newest)
    }

    /// The newest module or an earlier one, by its digest.
    pub(crate) fn by_digest(&self, digest: Digest) -> Option<Arc<Served>> {
        let newest = self.newest();
        if newest.digest == digest {
            return Some(newest);
        }
        let path = self.folder.join(digest.to_string()).join(FILE_NAME);
        let version = FileVersion::of([path.as_path()]);
        let mut state = self.state();
        match state.kept.get(&digest) {
            Some((known, served)) if *known == version => return Some(Arc::clone(served)),
            _ => drop(state.kept.remove(&digest)),
        }
        let module = Module::from(fs::read(path).ok()?);
        if module.digest != digest {
            return None;
        }
        let served = Arc::new(Served::new(module, &version));
        state.kept.insert(digest, (version, Arc::clone(&served)));
        Some(served)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn newest_version(folder: &Path) -> FileVersion {
    let files = [FILE_NAME, CHECKSUM_FILE_NAME].map(|name| folder.join(name));
    FileVersion::of(files.iter().map(PathBuf::as_path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(bytes: &[u8]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        publish(&folder, bytes);
        folder
    }

    fn publish(folder: &tempfile::TempDir, bytes: &[u8]) {
        let module = Module::from(bytes.to_vec());
        module.publish(folder.path()).unwrap();
    }

    fn store(folder: &tempfile::TempDir) -> Store {
        Store::open(folder.path().to_path_buf()).unwrap()
    }

    #[test]
    fn a_rebuilt_module_is_picked_up_and_told_once() {
        let folder = folder_with(b"old");
        let store = store(&folder);
        assert_eq!(store.newest().bytes, "old");
        assert!(store.news().is_none());
        publish(&folder, b"new");
        assert_eq!(store.newest().bytes, "new");
        assert_eq!(store.news().unwrap().digest, Digest::of(b"new"));
        assert!(store.news().is_none());
        publish(&folder, b"new");
        assert!(store.news().is_none(), "it is the same");
    }

    #[test]
    fn earlier_modules_stay_while_their_files_do() {
        let folder = folder_with(b"old");
        let store = store(&folder);
        publish(&folder, b"new");
        let bytes = |bytes: &[u8]| Some(store.by_digest(Digest::of(bytes))?.bytes.clone());
        assert_eq!(bytes(b"old").unwrap(), "old");
        assert_eq!(bytes(b"new").unwrap(), "new");
        assert_eq!(bytes(b"other"), None);
        let kept = folder.path().join(Digest::of(b"old").to_string());
        fs::write(kept.join(FILE_NAME), b"forged").unwrap();
        assert_eq!(bytes(b"old"), None, "it is not what its folder says");
        fs::write(kept.join(FILE_NAME), b"old").unwrap();
        assert_eq!(bytes(b"old").unwrap(), "old");
        crate::module::prune(folder.path(), 1).unwrap();
        assert_eq!(bytes(b"old"), None);
    }

    #[test]
    fn a_half_written_module_is_not_served() {
        let folder = folder_with(b"old");
        let store = store(&folder);
        fs::write(folder.path().join(FILE_NAME), b"half").unwrap();
        assert_eq!(store.newest().bytes, "old");
        let whole = Module::from(b"half and half".to_vec());
        fs::write(folder.path().join(FILE_NAME), &whole.bytes).unwrap();
        assert_eq!(
            store.newest().bytes,
            "old",
            "its checksum is still the old one"
        );
        let checksum = folder.path().join(CHECKSUM_FILE_NAME);
        fs::write(checksum, whole.checksum_line()).unwrap();
        assert_eq!(store.newest().bytes, "half and half");
    }

    #[test]
    fn an_emptied_folder_leaves_the_module_served() {
        let folder = folder_with(b"old");
        let store = store(&folder);
        folder.close().unwrap();
        assert_eq!(store.newest().bytes, "old");
        assert!(store.by_digest(Digest::of(b"old")).is_some());
    }
}
