//! Files that are read again and again: taken only when nobody writes to them, and kept when they go missing.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

/// No larger file is read: Kubernetes' Secrets and what Envoy takes in a configuration are smaller.
const MAX_BYTES: u64 = 16 << 20;
/// How long a file must stay as it is to count as written.
pub(super) const SETTLED: Duration = Duration::from_millis(100);

/// A file, as it was last when it was whole.
#[derive(Debug)]
pub(super) struct WatchedFile {
    path: PathBuf,
    /// What was read last.
    taken: Option<(Signature, Vec<u8>)>,
    /// What differs from that, and since when it stays the same.
    unsettled: Option<(Signature, Instant)>,
}

/// What tells one state of a file from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Signature {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// What came of a look at a file.
#[derive(Debug)]
pub(super) enum Look {
    /// It is as it was.
    Same,
    /// It has other content than at the last look.
    New,
    /// It is being written.
    Unsettled,
    /// It is not there.
    Missing,
    /// It cannot be read.
    Unreadable(io::Error),
}

impl WatchedFile {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            taken: None,
            unsettled: None,
        }
    }

    /// What was read last.
    pub(super) fn content(&self) -> Option<&[u8]> {
        self.taken.as_ref().map(|(_, content)| content.as_slice())
    }

    /// Looks at the file. `is_written`: somebody has it open and has written to it.
    pub(super) fn look(&mut self, is_written: impl Fn(&Path) -> bool) -> Look {
        let signature = match signature(&self.path) {
            Ok(signature) => signature,
            Err(error) => {
                self.unsettled = None;
                return missing_or(error);
            }
        };
        if self
            .taken
            .as_ref()
            .is_some_and(|(taken, _)| *taken == signature)
        {
            self.unsettled = None;
            return Look::Same;
        }
        let since = match self.unsettled {
            Some((unsettled, since)) if unsettled == signature => since,
            _ => {
                self.unsettled = Some((signature, Instant::now()));
                Instant::now()
            }
        };
        // What nobody has touched for a while needs no second look, as at the start.
        let is_settled = since.elapsed() >= SETTLED || is_older_than(signature, SETTLED * 10);
        if !is_settled || is_written(&self.path) {
            return Look::Unsettled;
        }
        self.take(signature)
    }

    fn take(&mut self, before: Signature) -> Look {
        let content = match read(&self.path) {
            Ok(content) => content,
            Err(error) => return missing_or(error),
        };
        if signature(&self.path).ok() != Some(before) {
            return Look::Unsettled;
        }
        self.unsettled = None;
        let is_same = self
            .taken
            .as_ref()
            .is_some_and(|(_, taken)| *taken == content);
        self.taken = Some((before, content));
        if is_same { Look::Same } else { Look::New }
    }
}

fn missing_or(error: io::Error) -> Look {
    match error.kind() {
        io::ErrorKind::NotFound => Look::Missing,
        _ => Look::Unreadable(error),
    }
}

fn signature(path: &Path) -> io::Result<Signature> {
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it is no regular file",
        ));
    }
    Ok(Signature {
        device: metadata.dev(),
        inode: metadata.ino(),
        size: metadata.size(),
        modified: (metadata.mtime(), metadata.mtime_nsec()),
        changed: (metadata.ctime(), metadata.ctime_nsec()),
    })
}

fn is_older_than(signature: Signature, age: Duration) -> bool {
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let changed = u64::try_from(signature.changed.0).unwrap_or(u64::MAX);
    now.saturating_sub(age + Duration::from_secs(1)) > Duration::from_secs(changed)
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    File::open(path)?
        .take(MAX_BYTES + 1)
        .read_to_end(&mut content)?;
    if content.len() as u64 > MAX_BYTES {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            "it is larger than 16 MiB",
        ));
    }
    Ok(content)
}
