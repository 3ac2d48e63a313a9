//! What a source gave: by which digests it is known, what its tags meant, and to which resource versions.
//!
//! A record belongs to a source *and* the credentials it was read with: what one resource's secret cannot pull,
//! that resource does not find either.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::{Arc, MutexGuard, PoisonError};

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use super::lease::Stamp;
use super::versions::Versions;
use super::{Cache, Kept, make_folder, remove, sync_folder};
use crate::modules::reference::Digest;
use crate::modules::regular_file;

/// What the name of a record begins with while it is written.
const UNFINISHED: &str = ".tmp";

/// Names a source with its credentials, and tells nothing of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::modules) struct SourceId(Digest);

impl From<Digest> for SourceId {
    fn from(digest: Digest) -> Self {
        Self(digest)
    }
}

/// What a source gave.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Record {
    /// For people: without user information and query.
    url: String,
    /// Modules by every digest that names them: their own, their manifest's, their index's.
    digests: BTreeMap<Digest, Digest>,
    /// What a tag meant when it was asked for last. Over HTTP the tag is empty.
    tags: BTreeMap<String, Tag>,
}

/// What a tag means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tag {
    checksum: Digest,
    /// The version of each resource that the tag was asked for under.
    pub(super) versions: BTreeMap<String, String>,
}

/// What a resource wants of a source.
#[derive(Clone, Debug)]
pub(in crate::modules) struct Wanted {
    /// The source, with the credentials of the resource.
    pub(in crate::modules) source: SourceId,
    /// What the record shows of the source.
    pub(in crate::modules) url: String,
    /// The tag; empty over HTTP; `None` if only a digest is named.
    pub(in crate::modules) tag: Option<String>,
    /// Digests that must name the module, all of them.
    pub(in crate::modules) digests: Vec<Digest>,
    /// Whether a tag is asked for again when the resource version has changed.
    pub(in crate::modules) asks_again: bool,
    /// The resource's name.
    pub(in crate::modules) resource: String,
    /// The resource's version.
    pub(in crate::modules) version: String,
}

impl Record {
    /// The checksum of what is wanted, if the record has it and need not be asked for again.
    fn find(&self, wanted: &Wanted, versions: &Versions) -> Option<&Digest> {
        let mut named = wanted.digests.iter().map(|digest| self.digests.get(digest));
        if let Some(first) = named.next() {
            return named.all(|other| other == first).then_some(first?);
        }
        let tag = self.tags.get(wanted.tag.as_ref()?)?;
        let is_fresh = !wanted.asks_again || versions.find(wanted, tag) == Some(&wanted.version);
        is_fresh.then_some(&tag.checksum)
    }
}

impl Cache {
    /// The module that is wanted, if it need not be asked for.
    pub(in crate::modules) fn look_up(&self, wanted: &Wanted) -> Option<Kept> {
        let record = self.record(&wanted.source);
        let checksum = record.find(wanted, &self.versions())?.clone();
        let kept = self.find(&checksum)?;
        if wanted.digests.is_empty() {
            self.note_version(wanted);
        }
        Some(kept)
    }

    /// The module that a digest names to this source, if it is in the cache.
    pub(in crate::modules) fn look_up_digest(
        &self,
        source: &SourceId,
        digest: &Digest,
    ) -> Option<Kept> {
        self.find(self.record(source).digests.get(digest)?)
    }

    /// Notes that the tag was used under the resource's version.
    pub(in crate::modules) fn note_version(&self, wanted: &Wanted) {
        self.versions().note(wanted);
    }

    /// Writes the versions that are not written yet.
    pub(in crate::modules) fn write_versions(&self) {
        let unwritten = self.versions().take_unwritten();
        for source in unwritten {
            self.update(&source, |_| {});
        }
    }

    /// Notes that the source gave the module with `checksum`, and by which digests it names it.
    pub(in crate::modules) fn note_module(
        &self,
        wanted: &Wanted,
        checksum: &Digest,
        digests: &[Digest],
    ) {
        self.note_version(wanted);
        self.update(&wanted.source, |record| {
            record.url.clone_from(&wanted.url);
            for digest in digests.iter().chain([checksum]) {
                record.digests.insert(digest.clone(), checksum.clone());
            }
            let Some(tag) = &wanted.tag else { return };
            let versions = record
                .tags
                .remove(tag)
                .map(|tag| tag.versions)
                .unwrap_or_default();
            record.tags.insert(
                tag.clone(),
                Tag {
                    checksum: checksum.clone(),
                    versions,
                },
            );
        });
    }

    /// Forgets what `is_kept` does not say to keep.
    pub(super) fn forget(&self, is_kept: impl Fn(&Digest) -> bool) {
        for entry in fs::read_dir(self.sources()).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = path.file_name().and_then(|name| name.to_str());
            let Some(id) = name.and_then(|name| Digest::from_hex(name.strip_suffix(".json")?))
            else {
                continue;
            };
            self.update(&SourceId(id), |record| {
                record.digests.retain(|_, checksum| is_kept(checksum));
                record.tags.retain(|_, tag| is_kept(&tag.checksum));
            });
        }
        self.versions()
            .forget(|source| self.record_path(source).exists());
        self.read
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    /// Removes what agents that were killed had begun to write. Who writes has the lock.
    pub(super) fn remove_unfinished(&self) {
        let sources = self.sources();
        let Ok(_others) = lock(
            sources.join("lock"),
            FlockOperation::NonBlockingLockExclusive,
        ) else {
            return;
        };
        for entry in fs::read_dir(sources).into_iter().flatten().flatten() {
            let name = entry.file_name();
            if name.as_encoded_bytes().starts_with(UNFINISHED.as_bytes()) {
                remove(&entry.path());
            }
        }
    }

    /// The URLs of the sources that gave each module.
    pub(in crate::modules) fn urls(&self) -> BTreeMap<String, Digest> {
        let mut urls = BTreeMap::new();
        for entry in fs::read_dir(self.sources()).into_iter().flatten().flatten() {
            let Some(record) = read(&entry.path()) else {
                continue;
            };
            for (tag, meaning) in record.tags {
                let url = if tag.is_empty() {
                    record.url.clone()
                } else {
                    format!("{}:{tag}", record.url)
                };
                urls.insert(url, meaning.checksum);
            }
        }
        urls
    }

    fn sources(&self) -> PathBuf {
        self.root.join("sources")
    }

    fn record_path(&self, source: &SourceId) -> PathBuf {
        self.sources().join(format!("{}.json", source.0.hex()))
    }

    /// The record as it is on the disk, where another agent may have written it. It is read again when it changed.
    fn record(&self, source: &SourceId) -> Arc<Record> {
        let path = self.record_path(source);
        let Ok(stamp) = path.metadata().map(|metadata| Stamp::from(&metadata)) else {
            return Arc::default();
        };
        let mut known = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, record)) = known.get(source).filter(|(known, _)| *known == stamp) {
            return Arc::clone(record);
        }
        let record = Arc::new(read(&path).unwrap_or_default());
        if stamp.is_settled() {
            known.insert(source.clone(), (stamp, Arc::clone(&record)));
        }
        record
    }

    fn versions(&self) -> MutexGuard<'_, Versions> {
        self.versions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts what is noted of versions into a record.
    fn add_versions(&self, source: &SourceId, record: &mut Record) {
        let versions = self.versions();
        for (name, tag) in &mut record.tags {
            let noted = versions.of_tag(source, name);
            tag.versions
                .extend(noted.map(|(resource, version)| (resource.clone(), version.clone())));
        }
    }

    /// Changes a record. A failure is logged: the module can be had, it will only be asked for again.
    fn update(&self, source: &SourceId, change: impl FnOnce(&mut Record)) {
        if let Err(error) = self.try_update(source, change) {
            tracing::warn!(%error, "what is known of a source of Wasm modules cannot be written to the cache folder");
        }
    }

    fn try_update(&self, source: &SourceId, change: impl FnOnce(&mut Record)) -> io::Result<()> {
        let _own = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        make_folder(&self.sources())?;
        let _others = lock(self.sources().join("lock"), FlockOperation::LockExclusive)?;
        let before = self.record(source);
        let mut after = Record::clone(&before);
        change(&mut after);
        self.add_versions(source, &mut after);
        if after == *before {
            return Ok(());
        }
        let path = self.record_path(source);
        if after.digests.is_empty() && after.tags.is_empty() {
            remove(&path);
            return Ok(());
        }
        let is_new_module =
            after.digests != before.digests || after.tags.len() != before.tags.len();
        let mut file = NamedTempFile::with_prefix_in(UNFINISHED, self.sources())?;
        file.write_all(&serde_json::to_vec(&after)?)?;
        file.as_file()
            .set_permissions(fs::Permissions::from_mode(0o644))?;
        if is_new_module {
            file.as_file().sync_all()?;
        }
        file.persist(path).map_err(|error| error.error)?;
        if is_new_module {
            sync_folder(&self.sources())
        } else {
            Ok(())
        }
    }
}

/// What cannot be read counts as unknown.
fn read(path: &std::path::Path) -> Option<Record> {
    let mut octets = Vec::new();
    let mut file = regular_file::open(path).ok()?;
    file.read_to_end(&mut octets).ok()?;
    serde_json::from_slice(&octets).ok()
}

fn lock(path: PathBuf, operation: FlockOperation) -> io::Result<File> {
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)?;
    file.set_permissions(fs::Permissions::from_mode(0o644))?;
    flock(&file, operation)?;
    Ok(file)
}
