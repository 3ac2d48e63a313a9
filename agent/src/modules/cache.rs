//! The folder of modules. Files are named by their content: written under another name, synced, renamed; nobody
//! ever sees half of one, also not after `kill -9`. Several agents may share a folder.
//!
//! ```text
//! modules/<sha256>.wasm   the modules
//! sources/<id>.json       what a source gave: digests, tags, resource versions
//! downloads/              what is being downloaded; locked by the agent that does
//! identity.key            makes the ids of sources, so that they tell nothing of credentials
//! ```

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use rustix::fs::{FlockOperation, flock};
use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

use super::reference::Digest;
use super::regular_file;

mod lease;
mod purge;
mod record;
mod versions;

pub(super) use lease::{Lease, Stamp};
pub(super) use record::{SourceId, Wanted};

use record::Record;
use versions::Versions;

/// The folder, and what is known of it.
#[derive(Debug)]
pub(super) struct Cache {
    root: PathBuf,
    key: [u8; 32],
    expiry: Duration,
    leases: Mutex<HashMap<Digest, Weak<Lease>>>,
    /// Records that were read, and how their files were then.
    read: Mutex<HashMap<SourceId, (Stamp, Arc<Record>)>>,
    versions: Mutex<Versions>,
    /// Records are written one at a time.
    records: Mutex<()>,
}

/// A module that is in the cache and stays there.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) checksum: Digest,
    pub(super) lease: Arc<Lease>,
}

/// What is in the cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Contents {
    pub(super) entries: usize,
    pub(super) octets: u64,
}

impl Cache {
    /// Opens the folder at `root`, and makes it if it is missing. Removes what is not what its name says.
    ///
    /// A folder that cannot be written to is no error: what is in it can be used.
    pub(super) fn open(root: &Path, expiry: Duration) -> io::Result<Self> {
        make_folder(root)?;
        let root = root.canonicalize()?;
        let key = match key(&root) {
            Ok(key) => key,
            Err(error) => {
                tracing::warn!(folder = %root.display(), %error, "the cache folder cannot be written to: no Wasm module can be downloaded");
                random_key()
            }
        };
        let cache = Self {
            root,
            key,
            expiry,
            leases: Mutex::default(),
            read: Mutex::default(),
            versions: Mutex::default(),
            records: Mutex::default(),
        };
        cache.remove_leftovers();
        Ok(cache)
    }

    /// Where a module lies.
    pub(super) fn path(&self, checksum: &Digest) -> PathBuf {
        self.modules().join(format!("{}.wasm", checksum.hex()))
    }

    /// An id of what `parts` say together, that tells nothing of them.
    pub(super) fn source_id(&self, parts: &[&str]) -> SourceId {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of any length");
        for part in parts {
            mac.update(&(part.len() as u64).to_le_bytes());
            mac.update(part.as_bytes());
        }
        SourceId::from(Digest::from(mac.finalize().into_bytes().as_slice()))
    }

    /// The module with `checksum`, if it is there and unaltered. It counts as used now.
    pub(super) fn find(&self, checksum: &Digest) -> Option<Kept> {
        let known = {
            let leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
            leases.get(checksum).and_then(Weak::upgrade)
        };
        let path = self.path(checksum);
        let lease = match known.filter(|lease| lease.is_intact(&path, checksum)) {
            Some(lease) => lease,
            None => self.remember(checksum, Lease::take(&path, checksum)?),
        };
        lease.used(self.expiry);
        Some(Kept {
            checksum: checksum.clone(),
            lease,
        })
    }

    /// Keeps the file at `path` of this cache, if it is there and unaltered.
    pub(super) fn lease(&self, path: &Path) -> Option<Arc<Lease>> {
        let checksum = Digest::from_hex(path.file_stem()?.to_str()?)?;
        if self.path(&checksum) != path {
            return None;
        }
        self.find(&checksum).map(|kept| kept.lease)
    }

    /// Whether there is a file for the module with the checksum `hex`.
    pub(super) fn has(&self, hex: &str) -> bool {
        Digest::from_hex(hex).is_some_and(|checksum| self.path(&checksum).exists())
    }

    /// Whether this agent uses the module with the checksum `hex`.
    pub(super) fn is_in_use(&self, hex: &str) -> bool {
        let leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
        let lease = Digest::from_hex(hex).and_then(|checksum| leases.get(&checksum));
        lease.is_some_and(|lease| lease.strong_count() > 0)
    }

    /// A file to download to. It is gone when it is dropped.
    pub(super) fn download(&self) -> io::Result<NamedTempFile> {
        let folder = self.root.join("downloads");
        make_folder(&folder)?;
        let file = tempfile::Builder::new()
            .prefix("")
            .suffix(".part")
            .tempfile_in(folder)?;
        flock(file.as_file(), FlockOperation::NonBlockingLockExclusive)?;
        Ok(file)
    }

    /// Keeps `module`, whose checksum has been computed.
    pub(super) fn keep(&self, module: NamedTempFile, checksum: &Digest) -> io::Result<Kept> {
        if let Some(kept) = self.find(checksum) {
            return Ok(kept);
        }
        let path = self.path(checksum);
        make_folder(&self.modules())?;
        module
            .as_file()
            .set_permissions(fs::Permissions::from_mode(0o644))?;
        module.as_file().sync_all()?;
        // The file stays locked from its first octet on: no agent that looks for unused ones gets in between.
        let file = match module.persist_noclobber(&path) {
            Ok(file) => file,
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
                match self.find(checksum) {
                    // Another agent was faster.
                    Some(kept) => return Ok(kept),
                    // It was altered.
                    None => error.file.persist(&path).map_err(|error| error.error)?,
                }
            }
            Err(error) => return Err(error.error),
        };
        sync_folder(&self.modules())?;
        if let Some(lease) = Lease::hold(file, &path, checksum) {
            lease.used(self.expiry);
            return Ok(Kept {
                checksum: checksum.clone(),
                lease: self.remember(checksum, lease),
            });
        }
        self.find(checksum)
            .ok_or_else(|| io::Error::other("the module that was written is gone or altered"))
    }

    /// What is in the cache.
    pub(super) fn contents(&self) -> Contents {
        let mut contents = Contents::default();
        for (_, path) in self.entries() {
            if let Ok(metadata) = path.metadata() {
                contents.entries += 1;
                contents.octets += metadata.len();
            }
        }
        contents
    }

    fn remember(&self, checksum: &Digest, lease: Lease) -> Arc<Lease> {
        let lease = Arc::new(lease);
        let mut leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
        leases.insert(checksum.clone(), Arc::downgrade(&lease));
        lease
    }

    fn modules(&self) -> PathBuf {
        self.root.join("modules")
    }

    /// The files that are named as modules are.
    fn entries(&self) -> Vec<(Digest, PathBuf)> {
        let Ok(folder) = fs::read_dir(self.modules()) else {
            return Vec::new();
        };
        folder
            .filter_map(|entry| {
                let path = entry.ok()?.path();
                let name = path.file_name()?.to_str()?;
                Some((Digest::from_hex(name.strip_suffix(".wasm")?)?, path))
            })
            .collect()
    }

    /// Removes altered modules, and downloads that no living agent has locked.
    fn remove_leftovers(&self) {
        for (checksum, path) in self.entries() {
            let is_intact = regular_file::open(&path).and_then(|mut file| checksum_of(&mut file));
            if is_intact.is_ok_and(|actual| actual != checksum) {
                tracing::warn!(path = %path.display(), "a Wasm module in the cache was altered and is removed");
                remove(&path);
            }
        }
        for entry in fs::read_dir(self.root.join("downloads"))
            .into_iter()
            .flatten()
            .flatten()
        {
            let file = regular_file::open(&entry.path());
            if file.is_ok_and(|file| flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok())
            {
                remove(&entry.path());
            }
        }
        self.remove_unfinished();
    }
}

/// SHA-256 of the rest of `file`.
pub(super) fn checksum_of(file: &mut File) -> io::Result<Digest> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(Digest::from(hash.finalize().as_slice())),
            Ok(count) => hash.update(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Makes a folder that every user may read, whatever the umask: Envoy runs as another one.
fn make_folder(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
    {
        make_folder(parent)?;
    }
    match fs::DirBuilder::new().mode(0o755).create(path) {
        Ok(()) => fs::set_permissions(path, fs::Permissions::from_mode(0o755)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}

fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Removes a file; if that fails, it is tried again at the next purge or start.
fn remove(path: &Path) -> bool {
    match fs::remove_file(path) {
        Ok(()) => true,
        Err(error) if error.kind() == io::ErrorKind::NotFound => true,
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "a file in the cache cannot be removed");
            false
        }
    }
}

/// The key in the folder; it is made at the first start. Only this user may read it.
fn key(root: &Path) -> io::Result<[u8; 32]> {
    let path = root.join("identity.key");
    match read_key(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        read => return read,
    }
    let mut new = NamedTempFile::new_in(root)?;
    new.write_all(&random_key())?;
    new.as_file().sync_all()?;
    match new.persist_noclobber(&path) {
        // Another agent was faster.
        Err(error) if error.error.kind() != io::ErrorKind::AlreadyExists => return Err(error.error),
        _ => {}
    }
    read_key(&path)
}

fn read_key(path: &Path) -> io::Result<[u8; 32]> {
    let mut key = [0; 32];
    regular_file::open(path)?.read_exact(&mut key)?;
    Ok(key)
}

fn random_key() -> [u8; 32] {
    let mut key = [0; 32];
    getrandom::fill(&mut key).expect("Linux always has random octets");
    key
}
