//! A module that is in use: its file is locked, so that no agent on this machine removes it.

use std::fs::{File, Metadata};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use rustix::fs::{FlockOperation, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT, flock, futimens};
use sha2::{Digest as _, Sha256};

use crate::modules::reference::Digest;
use crate::modules::regular_file;

/// A shared lock on the file of a module, until it is dropped. The kernel drops it with the process.
#[derive(Debug)]
pub(in crate::modules) struct Lease {
    file: File,
    size: u64,
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    /// How the file was when its content was right.
    intact: Option<Stamp>,
    touched: Option<Instant>,
}

/// What changes when a file does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::modules) struct Stamp {
    inode: (u64, u64),
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl From<&Metadata> for Stamp {
    fn from(metadata: &Metadata) -> Self {
        Self {
            inode: (metadata.dev(), metadata.ino()),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

impl Stamp {
    /// Whether the file changed so long ago that another change would show: the clock of a file system stands
    /// still for some milliseconds at a time.
    pub(in crate::modules) fn is_settled(&self) -> bool {
        let (seconds, nanoseconds) = self.changed;
        let since_epoch = u64::try_from(seconds)
            .map(Duration::from_secs)
            .unwrap_or_default()
            + Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or_default());
        let age = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH + since_epoch);
        age.is_ok_and(|age| age > Duration::from_millis(100))
    }
}

impl Lease {
    /// Locks the file at `path` if its content has `checksum`.
    pub(super) fn take(path: &Path, checksum: &Digest) -> Option<Self> {
        Self::hold(regular_file::open(path).ok()?, path, checksum)
    }

    /// Locks `file` if it is what lies at `path` and its content has `checksum`.
    pub(super) fn hold(file: File, path: &Path, checksum: &Digest) -> Option<Self> {
        lock_shared(&file)?;
        let size = file.metadata().ok()?.size();
        let lease = Self {
            file,
            size,
            known: Mutex::new(Known {
                intact: None,
                touched: None,
            }),
        };
        lease.is_intact(path, checksum).then_some(lease)
    }

    /// The module's size in bytes.
    pub(in crate::modules) fn size(&self) -> u64 {
        self.size
    }

    /// Whether the locked file is still what lies at `path`, and its content has `checksum`.
    pub(super) fn is_intact(&self, path: &Path, checksum: &Digest) -> bool {
        let Ok(metadata) = path.metadata() else {
            return false;
        };
        let stamp = Stamp::from(&metadata);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.intact == Some(stamp) {
            return true;
        }
        let is_same_file = self
            .file
            .metadata()
            .is_ok_and(|own| Stamp::from(&own).inode == stamp.inode);
        let is_intact = is_same_file && self.checksum().is_some_and(|actual| actual == *checksum);
        known.intact = Some(stamp).filter(|stamp| is_intact && stamp.is_settled());
        is_intact
    }

    /// Notes in the file's time that it is used, for agents that look for what nobody uses.
    pub(in crate::modules) fn used(&self, expiry: Duration) {
        let often_enough = (expiry / 4).min(Duration::from_secs(60));
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known
            .touched
            .is_some_and(|touched| touched.elapsed() < often_enough)
        {
            return;
        }
        known.touched = Some(Instant::now());
        known.intact = None;
        let omit = Timespec {
            tv_sec: 0,
            tv_nsec: UTIME_OMIT,
        };
        let now = Timespec {
            tv_sec: 0,
            tv_nsec: UTIME_NOW,
        };
        // Another user's file cannot be touched; the lock still keeps it.
        let _ = futimens(
            &self.file,
            &Timestamps {
                last_access: omit,
                last_modification: now,
            },
        );
    }

    fn checksum(&self) -> Option<Digest> {
        let mut hash = Sha256::new();
        let mut buffer = vec![0; 64 << 10];
        let mut offset = 0;
        loop {
            let count = self.file.read_at(&mut buffer, offset).ok()?;
            if count == 0 {
                return Some(Digest::from(hash.finalize().as_slice()));
            }
            hash.update(&buffer[..count]);
            offset += count as u64;
        }
    }
}

/// Waits a little for an agent that is just looking whether to remove the file.
fn lock_shared(file: &File) -> Option<()> {
    for _ in 0..20 {
        match flock(file, FlockOperation::NonBlockingLockShared) {
            Ok(()) => return Some(()),
            Err(rustix::io::Errno::WOULDBLOCK) => std::thread::sleep(Duration::from_millis(5)),
            Err(_) => return None,
        }
    }
    None
}
