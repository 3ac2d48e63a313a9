//! Removes modules that nobody uses.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, Weak};
use std::time::{Duration, SystemTime};

use rustix::fs::{FlockOperation, flock};

use super::{Cache, Contents, remove};
use crate::modules::regular_file;

/// A module that may go.
struct Idle {
    path: PathBuf,
    since: Duration,
    size: u64,
}

impl Cache {
    /// Removes what was not used for the time of expiry, and the longest unused beyond `limit` bytes. What is in
    /// use, by any agent on this machine, stays, however large it is.
    pub(in crate::modules) fn purge(&self, limit: Option<u64>) -> Contents {
        self.count_leased_as_used();
        let mut idle = self.idle();
        idle.sort_by_key(|module| std::cmp::Reverse(module.since));
        let mut total: u64 = idle.iter().map(|module| module.size).sum();
        for module in idle {
            let is_over = limit.is_some_and(|limit| total > limit);
            if (module.since >= self.expiry || is_over) && remove_unused(&module.path, module.since)
            {
                tracing::info!(path = %module.path.display(), "an unused Wasm module is removed from the cache");
                total -= module.size;
            }
        }
        self.leases
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|_, lease| lease.strong_count() > 0);
        self.forget(|checksum| self.path(checksum).exists());
        self.contents()
    }

    fn count_leased_as_used(&self) {
        let leases: Vec<_> = {
            let leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
            leases.values().filter_map(Weak::upgrade).collect()
        };
        for lease in leases {
            lease.used(self.expiry);
        }
    }

    fn idle(&self) -> Vec<Idle> {
        let module = |path: PathBuf| {
            let since = unused_since(&path)?;
            let size = fs::metadata(&path).ok()?.len();
            Some(Idle { path, since, size })
        };
        self.entries()
            .into_iter()
            .filter_map(|(_, path)| module(path))
            .collect()
    }
}

fn unused_since(path: &Path) -> Option<Duration> {
    let used = fs::metadata(path).ok()?.modified().ok()?;
    Some(SystemTime::now().duration_since(used).unwrap_or_default())
}

/// Removes a file unless someone has it locked, or has used it since it was looked at.
fn remove_unused(path: &Path, since: Duration) -> bool {
    let Ok(file) = regular_file::open(path) else {
        return false;
    };
    flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok()
        && unused_since(path).is_some_and(|now| now >= since)
        && remove(path)
}
