//! Reads the folder again and again, and keeps what works when something in it does not.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::document::{self, Document};
use super::secret::{Look, WatchedFile};
use super::{Contents, Resource};
use crate::report::one_line;

const EXTENSIONS: [&str; 3] = ["yaml", "yml", "json"];
/// A value of this form is replaced by the text of the file.
const FILE_SCHEME: &str = "file://";

/// What was read of the folder so far.
pub(super) struct Reader {
    folder: PathBuf,
    files: BTreeMap<PathBuf, ConfigurationFile>,
    secrets: BTreeMap<PathBuf, Secret>,
    /// Which file a name belongs to.
    owners: BTreeMap<String, PathBuf>,
    contents: Arc<Contents>,
    /// What was complained about, so that it is said once.
    complaints: HashMap<String, String>,
}

struct ConfigurationFile {
    file: WatchedFile,
    documents: Vec<Document>,
}

struct Secret {
    file: WatchedFile,
    text: Option<String>,
}

/// What came of reading the folder.
pub(super) struct Round {
    /// A file is being written: look again soon.
    pub(super) is_unsettled: bool,
    pub(super) contents: Arc<Contents>,
}

impl Reader {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            files: BTreeMap::new(),
            secrets: BTreeMap::new(),
            owners: BTreeMap::new(),
            contents: Arc::default(),
            complaints: HashMap::new(),
        }
    }

    /// Fails if the folder cannot be read.
    pub(super) fn check(&self) -> io::Result<()> {
        list(&self.folder).map(drop)
    }

    /// The folders in which something matters.
    pub(super) fn folders(&self) -> BTreeSet<PathBuf> {
        let of_secrets = self.secrets.keys().filter_map(|path| path.parent());
        let folders = of_secrets.map(Path::to_owned).chain([self.folder.clone()]);
        folders.collect()
    }

    /// Looks at everything. `is_written`: somebody has the file open and has written to it.
    pub(super) fn read(&mut self, is_written: &dyn Fn(&Path) -> bool) -> Round {
        let mut is_unsettled = self.read_files(is_written);
        let documents = self.documents();
        is_unsettled |= self.read_secrets(&documents, is_written);
        let resources = self.resources(documents);
        if resources != self.contents.resources {
            self.contents = Arc::new(Contents {
                version: self.contents.version + 1,
                resources,
            });
        }
        Round {
            is_unsettled,
            contents: Arc::clone(&self.contents),
        }
    }

    fn read_files(&mut self, is_written: &dyn Fn(&Path) -> bool) -> bool {
        let paths = match list(&self.folder) {
            Ok(paths) => paths,
            Err(error) => {
                self.complain("the folder", &error.to_string());
                return false;
            }
        };
        self.content("the folder");
        self.files.retain(|path, _| paths.contains(path));
        let mut is_unsettled = false;
        for path in paths {
            is_unsettled |= self.read_file(path, is_written);
        }
        is_unsettled
    }

    fn read_file(&mut self, path: PathBuf, is_written: &dyn Fn(&Path) -> bool) -> bool {
        let known = self.files.entry(path.clone());
        let known = known.or_insert_with(|| ConfigurationFile {
            file: WatchedFile::new(path.clone()),
            documents: Vec::new(),
        });
        let subject = path.display().to_string();
        match known.file.look(is_written) {
            Look::New => {
                match document::parse(known.file.content().unwrap_or_default()) {
                    Ok(documents) => {
                        known.documents = documents;
                        self.content(&subject);
                    }
                    Err(error) => self.complain(&subject, &error.to_string()),
                }
                false
            }
            Look::Unreadable(error) => {
                self.complain(&subject, &error.to_string());
                false
            }
            Look::Unsettled => true,
            Look::Same | Look::Missing => false,
        }
    }

    /// All extension configurations, each name from the file that had it first.
    fn documents(&mut self) -> Vec<Document> {
        let has = |path: &PathBuf, name: &String| {
            let file = self.files.get(path);
            file.is_some_and(|file| file.documents.iter().any(|document| document.name == *name))
        };
        let mut owners = std::mem::take(&mut self.owners);
        owners.retain(|name, path| has(path, name));
        let mut documents = Vec::new();
        let mut twice = Vec::new();
        for (path, file) in &self.files {
            for document in &file.documents {
                let owner = owners
                    .entry(document.name.clone())
                    .or_insert_with(|| path.clone());
                if owner == path {
                    documents.push(document.clone());
                } else {
                    twice.push((document.name.clone(), path.clone(), owner.clone()));
                }
            }
        }
        self.owners = owners;
        let subjects: BTreeSet<_> = twice.iter().map(|(name, ..)| twice_subject(name)).collect();
        self.complaints
            .retain(|subject, _| !subject.starts_with("the name ") || subjects.contains(subject));
        for (name, path, owner) in twice {
            let reason = format!(
                "{} has it, too: that of {} stays",
                path.display(),
                owner.display()
            );
            self.complain(&twice_subject(&name), &reason);
        }
        documents
    }

    fn read_secrets(&mut self, documents: &[Document], is_written: &dyn Fn(&Path) -> bool) -> bool {
        let mut wanted = BTreeSet::new();
        for document in documents {
            for value in document.clone().environment() {
                wanted.extend(self.secret_path(value));
            }
        }
        self.secrets.retain(|path, _| wanted.contains(path));
        let mut is_unsettled = false;
        for path in wanted {
            is_unsettled |= self.read_secret(path, is_written);
        }
        is_unsettled
    }

    fn read_secret(&mut self, path: PathBuf, is_written: &dyn Fn(&Path) -> bool) -> bool {
        let secret = self.secrets.entry(path.clone()).or_insert_with(|| Secret {
            file: WatchedFile::new(path.clone()),
            text: None,
        });
        let subject = path.display().to_string();
        let problem = match secret.file.look(is_written) {
            Look::Unsettled => return true,
            Look::Same => return false,
            Look::Missing => "it is missing; its last text stays".to_owned(),
            Look::Unreadable(error) => format!("{error}; its last text stays"),
            Look::New => match secret.file.content().map(std::str::from_utf8) {
                Some(Ok(text)) if !text.is_empty() => {
                    secret.text = Some(text.to_owned());
                    self.content(&subject);
                    return false;
                }
                Some(Ok(_)) | None => "it is empty; its last text stays".to_owned(),
                Some(Err(_)) => "it is not UTF-8; its last text stays".to_owned(),
            },
        };
        self.complain(&subject, &problem);
        false
    }

    /// The file that a value stands for. A relative one lies beside the folder's files.
    fn secret_path(&self, value: &str) -> Option<PathBuf> {
        let path = value.strip_prefix(FILE_SCHEME)?;
        Some(self.folder.join(path))
    }

    fn resources(&mut self, documents: Vec<Document>) -> BTreeMap<String, Resource> {
        let mut resources = BTreeMap::new();
        for document in documents {
            let name = document.name.clone();
            let resource = self.resource(document);
            // What cannot be made now stays as it was.
            let before = || self.contents.resources.get(&name).cloned();
            if let Some(resource) = resource.or_else(before) {
                resources.insert(name, resource);
            }
        }
        resources
    }

    /// `None` if a file that it needs was never there.
    fn resource(&self, mut document: Document) -> Option<Resource> {
        for value in document.environment() {
            if let Some(path) = self.secret_path(value) {
                self.secrets.get(&path)?.text.as_ref()?.clone_into(value);
            }
        }
        let octets = document.encode();
        let digest = Sha256::digest(&octets);
        Some(Resource {
            version: digest
                .iter()
                .take(8)
                .map(|octet| format!("{octet:02x}"))
                .collect(),
            octets: Bytes::from(octets),
        })
    }

    /// Says once what is wrong with `subject`.
    fn complain(&mut self, subject: &str, reason: &str) {
        let before = self
            .complaints
            .insert(subject.to_owned(), reason.to_owned());
        if before.as_deref() != Some(reason) {
            tracing::warn!(
                subject = one_line(subject),
                reason = one_line(reason),
                "cannot be used, what is at work stays"
            );
        }
    }

    /// Nothing is wrong with `subject` any more.
    fn content(&mut self, subject: &str) {
        self.complaints.remove(subject);
    }
}

fn twice_subject(name: &str) -> String {
    format!("the name {name}")
}

/// The files of the folder, in the order of their names.
fn list(folder: &Path) -> io::Result<BTreeSet<PathBuf>> {
    let mut paths = BTreeSet::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_hidden = path
            .file_name()
            .is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
        let extension = path.extension().and_then(|extension| extension.to_str());
        if !is_hidden && extension.is_some_and(|extension| EXTENSIONS.contains(&extension)) {
            paths.insert(path);
        }
    }
    Ok(paths)
}
