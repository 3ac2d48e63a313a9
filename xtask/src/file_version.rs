//! Tells whether files may have changed, without reading them.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::SystemTime;

/// Of some files at one moment. A file that is missing has a version, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileVersion(Vec<Option<(SystemTime, u64, u64)>>);

impl FileVersion {
    pub(crate) fn of<'p>(paths: impl IntoIterator<Item = &'p Path>) -> Self {
        let version = |path| {
            let metadata = fs::metadata(path).ok()?;
            // A file that takes the place of another has an inode of its own.
            Some((metadata.modified().ok()?, metadata.len(), metadata.ino()))
        };
        Self(paths.into_iter().map(version).collect())
    }

    /// When the first file was modified.
    pub(crate) fn modified(&self) -> Option<SystemTime> {
        let (modified, _, _) = (*self.0.first()?)?;
        Some(modified)
    }
}
