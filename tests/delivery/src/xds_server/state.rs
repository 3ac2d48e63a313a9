//! What the xDS server has, who is connected to it, and what it says to whom.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use tokio::sync::mpsc::UnboundedSender;
use tonic::Status;
use wasm_agent::discovery::{self, Dialect};

use super::{Heard, Seen, Sent};
use crate::messages::ECDS;

#[derive(Default)]
pub(super) struct State {
    pub(super) resources: BTreeMap<(String, String), Bytes>,
    pub(super) version: u64,
    pub(super) nonces: u64,
    pub(super) streams: BTreeMap<usize, Stream>,
    pub(super) stream_count: usize,
    pub(super) seen: Vec<Seen>,
    pub(super) listeners: Vec<std::sync::mpsc::Sender<Heard>>,
    pub(super) is_silent: bool,
}

pub(super) struct Stream {
    pub(super) dialect: Dialect,
    pub(super) responses: UnboundedSender<Result<Bytes, Status>>,
    pub(super) names: BTreeMap<String, BTreeSet<String>>,
    pub(super) last_nonce: BTreeMap<String, String>,
    pub(super) authorization: Option<String>,
}

impl State {
    /// Sends the named resources to all streams that want one of them.
    pub(super) fn push(&mut self, type_url: &str, names: &BTreeSet<String>) -> Sent {
        let numbers: Vec<usize> = self.streams.keys().copied().collect();
        self.nonces += 1;
        let sent = Sent {
            version: format!("v{}", self.version),
            nonce: format!("n{}", self.nonces),
        };
        for number in numbers {
            let wanted = self
                .streams
                .get(&number)
                .and_then(|stream| stream.names.get(type_url));
            // Listeners are asked for without names.
            let wants = |name: &&String| {
                type_url != ECDS || wanted.is_some_and(|wanted| wanted.contains(*name))
            };
            let names =
                wanted.map(|_| names.iter().filter(wants).cloned().collect::<BTreeSet<_>>());
            if let Some(names) = names.filter(|names| !names.is_empty()) {
                self.send(number, type_url, &names, &sent);
            }
        }
        sent
    }

    fn send(&mut self, number: usize, type_url: &str, names: &BTreeSet<String>, sent: &Sent) {
        let Some(stream) = self.streams.get_mut(&number) else {
            return;
        };
        let mut response = discovery::Response {
            version: sent.version.clone(),
            nonce: sent.nonce.clone(),
            ..discovery::Response::default()
        };
        for name in names {
            match (
                self.resources.get(&(type_url.to_owned(), name.clone())),
                stream.dialect,
            ) {
                (Some(any), Dialect::StateOfTheWorld) => response.resources.push(any.clone()),
                (Some(any), Dialect::Delta) => {
                    let version = sent.version.as_bytes();
                    let resource =
                        wasm_agent::wire::message(&[(1, version), (2, any), (3, name.as_bytes())]);
                    response.resources.push(Bytes::from(resource));
                }
                (None, Dialect::StateOfTheWorld) => {}
                (None, Dialect::Delta) => response.removed.push(name.clone()),
            }
        }
        stream
            .last_nonce
            .insert(type_url.to_owned(), sent.nonce.clone());
        // An error means that the stream has ended.
        let _ = stream
            .responses
            .send(Ok(Bytes::from(response.encode_as(type_url))));
    }

    pub(super) fn received(&mut self, number: usize, request: &[u8]) {
        let Some(stream) = self.streams.get_mut(&number) else {
            return;
        };
        let dialect = stream.dialect;
        let type_url = dialect
            .type_of_request(request)
            .expect("a type URL")
            .to_owned();
        let request = discovery::Request::parse(dialect, request).expect("a request");
        let heard = Heard::now(&request);
        self.listeners
            .retain(|listener| listener.send(heard.clone()).is_ok());
        if type_url == ECDS {
            self.seen.push(Seen {
                stream: number,
                names: request.names.clone(),
                unsubscribed: request.unsubscribed.clone(),
                version: request.version.clone(),
                nonce: request.nonce.clone(),
                error: request
                    .error
                    .as_deref()
                    .map(|error| discovery::refusal_text(error).to_owned()),
                rest: request.rest.clone(),
                authorization: stream.authorization.clone(),
            });
        }
        // As istiod does: a refusal ends here, and in state-of-the-world a request with an older nonce is dropped.
        let last = stream.last_nonce.get(&type_url);
        let is_stale =
            dialect == Dialect::StateOfTheWorld && last.is_some_and(|last| *last != request.nonce);
        if request.error.is_some() || is_stale {
            return;
        }
        let wanted = stream.names.entry(type_url.clone()).or_default();
        let added: BTreeSet<String> = match dialect {
            Dialect::StateOfTheWorld => {
                let all: BTreeSet<String> = request.names.into_iter().collect();
                let added = all.difference(wanted).cloned().collect();
                *wanted = all;
                added
            }
            Dialect::Delta => {
                for name in &request.unsubscribed {
                    wanted.remove(name);
                }
                wanted.extend(request.names.iter().cloned());
                request.names.into_iter().collect()
            }
        };
        let is_wildcard = type_url != ECDS && request.nonce.is_empty();
        if (added.is_empty() && !is_wildcard) || self.is_silent {
            return;
        }
        self.answer(number, &type_url, added, is_wildcard);
    }

    fn answer(
        &mut self,
        number: usize,
        type_url: &str,
        mut names: BTreeSet<String>,
        is_wildcard: bool,
    ) {
        if is_wildcard {
            let known = self.resources.keys().filter(|(known, _)| known == type_url);
            names.extend(known.map(|(_, name)| name.clone()));
            if let Some(stream) = self.streams.get_mut(&number) {
                stream
                    .names
                    .entry(type_url.to_owned())
                    .or_default()
                    .extend(names.iter().cloned());
            }
        }
        self.nonces += 1;
        let sent = Sent {
            version: format!("v{}", self.version),
            nonce: format!("n{}", self.nonces),
        };
        self.send(number, type_url, &names, &sent);
    }
}
