//! A folder of extension configurations as a source: what is in it, and what one stream was sent of it.

mod document;
mod observer;
mod reader;
mod secret;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::watch;

use crate::discovery::{Dialect, EXTENSION_CONFIG_URL, RESOURCE, Request, Response, type_name};
use crate::ecds::{EVERYTHING, Pushed, Subscription, Wildcard};
use crate::extension::Extension;
use crate::wire::{self, Malformed};

/// What is in the folder at one time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Contents {
    /// Counts the changes.
    version: u64,
    resources: BTreeMap<String, Resource>,
}

/// One extension configuration of the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resource {
    /// Changes with the content, and only then.
    version: String,
    /// A `TypedExtensionConfig`.
    octets: Bytes,
}

/// A watched folder.
#[derive(Clone)]
pub struct Folder {
    contents: watch::Receiver<Arc<Contents>>,
    /// Ends the watching with the last clone.
    _observer: Arc<observer::Observer>,
}

/// Why a folder cannot be a source.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// It cannot be read.
    #[error("the folder {} cannot be read: {cause}", path.display())]
    Unreadable {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
}

impl Folder {
    /// Reads the folder and begins to watch it.
    pub fn open(path: PathBuf) -> Result<Self, FolderError> {
        let (observer, contents) = observer::Observer::start(path)?;
        Ok(Self {
            contents,
            _observer: Arc::new(observer),
        })
    }

    /// The server's side of one stream.
    pub fn server(&self, dialect: Option<Dialect>) -> FolderServer {
        FolderServer {
            dialect: dialect.unwrap_or(Dialect::StateOfTheWorld),
            contents: self.contents.clone(),
            wants_all: false,
            named: BTreeSet::new(),
            sent: BTreeMap::new(),
            nonces: 0,
            answered_types: BTreeSet::new(),
        }
    }
}

/// The server's side of one stream, with the folder's extension configurations.
pub struct FolderServer {
    dialect: Dialect,
    contents: watch::Receiver<Arc<Contents>>,
    wants_all: bool,
    /// What Envoy asked for by name.
    named: BTreeSet<String>,
    /// What Envoy wants, and the version of it that was sent; empty for none.
    sent: BTreeMap<String, String>,
    nonces: u64,
    /// Other types that were answered.
    answered_types: BTreeSet<String>,
}

impl FolderServer {
    /// The answer to a change of the subscription.
    pub(crate) fn subscribe(&mut self, subscription: &Subscription) -> Option<Pushed> {
        let contents = Arc::clone(&self.contents.borrow_and_update());
        let mut asked: BTreeSet<String> = subscription.added.iter().cloned().collect();
        asked.remove(EVERYTHING);
        for name in &subscription.removed {
            self.named.remove(name);
        }
        self.named.extend(asked.iter().cloned());
        match subscription.wildcard {
            Wildcard::AsBefore => {}
            Wildcard::Begins => self.wants_all = true,
            Wildcard::Ends => self.wants_all = false,
        }
        let begins = subscription.wildcard == Wildcard::Begins;
        if begins {
            asked.extend(contents.resources.keys().cloned());
        }
        if !self.wants_all {
            self.sent.retain(|name, _| self.named.contains(name));
        }
        let is_question = !asked.is_empty() || begins;
        is_question.then(|| self.push(&contents, asked.into_iter().collect()))
    }

    /// Waits for a change of what Envoy wants.
    pub(crate) async fn changed(&mut self) -> Pushed {
        loop {
            if self.contents.changed().await.is_err() {
                // The folder is not watched any more: nothing will change.
                std::future::pending::<()>().await;
            }
            let contents = Arc::clone(&self.contents.borrow_and_update());
            let names = self.changed_names(&contents);
            if !names.is_empty() {
                return self.push(&contents, names);
            }
        }
    }

    fn changed_names(&mut self, contents: &Contents) -> Vec<String> {
        if self.wants_all {
            for name in contents.resources.keys() {
                self.sent.entry(name.clone()).or_default();
            }
        }
        let version = |name: &String| {
            contents
                .resources
                .get(name)
                .map_or("", |found| &found.version)
        };
        let changed = self
            .sent
            .iter()
            .filter(|(name, sent)| version(name) != sent.as_str());
        changed.map(|(name, _)| name.clone()).collect()
    }

    fn push(&mut self, contents: &Contents, names: Vec<String>) -> Pushed {
        self.nonces += 1;
        let mut pushed = Pushed {
            version: contents.version.to_string(),
            nonce: self.nonces.to_string(),
            resources: Vec::new(),
            removed: Vec::new(),
        };
        for name in names {
            match contents.resources.get(&name) {
                Some(resource) => {
                    let octets = self.element(&name, resource);
                    pushed
                        .resources
                        .push(Extension::parse(self.dialect, octets));
                    self.sent.insert(name, resource.version.clone());
                }
                None => {
                    self.sent.insert(name.clone(), String::new());
                    pushed.removed.push(name);
                }
            }
        }
        pushed
    }

    /// The element of a response's `resources`.
    fn element(&self, name: &str, resource: &Resource) -> Bytes {
        let any = wire::message(&[(1, EXTENSION_CONFIG_URL.as_bytes()), (2, &resource.octets)]);
        Bytes::from(match self.dialect {
            Dialect::StateOfTheWorld => any,
            Dialect::Delta => {
                let version = resource.version.as_bytes();
                wire::message(&[(1, version), (2, &any), (3, name.as_bytes())])
            }
        })
    }

    /// The answer to a request for something else, of which there is nothing. `None` if it needs no answer.
    pub(crate) fn nothing(&mut self, request: &[u8]) -> Result<Option<Bytes>, Malformed> {
        let type_url = self.dialect.type_of_request(request)?.to_owned();
        let request = Request::parse(self.dialect, request)?;
        let is_first = self.answered_types.insert(type_url.clone());
        let asks = match self.dialect {
            Dialect::StateOfTheWorld => is_first,
            Dialect::Delta => is_first || !request.names.is_empty(),
        };
        if !asks || type_name(&type_url) == RESOURCE {
            return Ok(None);
        }
        self.nonces += 1;
        let response = Response {
            version: "0".to_owned(),
            nonce: format!("other-{}", self.nonces),
            removed: request
                .names
                .into_iter()
                .filter(|name| name != "*")
                .collect(),
            ..Response::default()
        };
        let response = match self.dialect {
            Dialect::StateOfTheWorld => Response {
                removed: Vec::new(),
                ..response
            },
            Dialect::Delta => response,
        };
        Ok(Some(Bytes::from(response.encode_as(&type_url))))
    }
}
