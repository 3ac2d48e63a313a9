//! An xDS server that does what a test says, and remembers what it was told.

mod service;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tonic::Status;
use wasm_agent::discovery::{self, Dialect};

use crate::messages::ECDS;
use crate::{runtime, wait_for};

/// A request for extension configurations, as the server received it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The number of its stream.
    pub stream: usize,
    /// State-of-the-world: all names. Delta: what is subscribed to.
    pub names: Vec<String>,
    /// Delta: what is unsubscribed from.
    pub unsubscribed: Vec<String>,
    /// State-of-the-world: the version that was accepted last.
    pub version: String,
    /// The response that it answers.
    pub nonce: String,
    /// Why that is refused.
    pub error: Option<String>,
    /// The fields that belong to Envoy, such as its node.
    pub rest: Vec<u8>,
    /// `authorization` in the stream's metadata.
    pub authorization: Option<String>,
}

/// When the server received a request, and what that answers.
#[derive(Clone, Debug)]
pub struct Heard {
    /// When.
    pub at: Instant,
    /// The nonce of the response that it answers.
    pub nonce: String,
    /// Whether that is refused.
    pub is_refusal: bool,
}

/// A response that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Its version.
    pub version: String,
    /// Its nonce.
    pub nonce: String,
}

#[derive(Default)]
struct State {
    resources: BTreeMap<(String, String), Bytes>,
    version: u64,
    nonces: u64,
    streams: BTreeMap<usize, Stream>,
    stream_count: usize,
    seen: Vec<Seen>,
    listeners: Vec<std::sync::mpsc::Sender<Heard>>,
    is_silent: bool,
}

struct Stream {
    dialect: Dialect,
    responses: UnboundedSender<Result<Bytes, Status>>,
    names: BTreeMap<String, BTreeSet<String>>,
    last_nonce: BTreeMap<String, String>,
    authorization: Option<String>,
}

/// A running xDS server. It ends with the value, and so do its streams.
pub struct XdsServer {
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
    state: Arc<Mutex<State>>,
    accepting: Option<JoinHandle<()>>,
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl Heard {
    fn now(request: &discovery::Request) -> Self {
        Self {
            at: Instant::now(),
            nonce: request.nonce.clone(),
            is_refusal: request.error.is_some(),
        }
    }
}

impl XdsServer {
    /// Starts a server without resources.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(None)
    }

    /// The same, over TLS.
    #[must_use]
    pub fn start_with_tls(tls: TlsAcceptor) -> Self {
        Self::start_with(Some(tls))
    }

    fn start_with(tls: Option<TlsAcceptor>) -> Self {
        let mut server = Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            tls,
            state: Arc::default(),
            accepting: None,
        };
        server.restart();
        server
    }

    /// Ends the server and its streams, as a kill would.
    pub fn kill(&mut self) {
        if let Some(accepting) = self.accepting.take() {
            accepting.abort();
            // An error says that it was aborted.
            let _ = runtime().block_on(accepting);
        }
        lock(&self.state).streams.clear();
    }

    /// Starts it again at the same address, with the same resources.
    ///
    /// # Panics
    /// If the port was taken.
    pub fn restart(&mut self) {
        self.kill();
        let listener = runtime()
            .block_on(TcpListener::bind(self.address))
            .expect("a port");
        self.address = listener.local_addr().expect("an address");
        let accepting = service::accept(listener, self.tls.clone(), Arc::clone(&self.state));
        self.accepting = Some(runtime().spawn(accepting));
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL.
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Puts an extension configuration, an `Any`, in place and sends it to who wants it.
    pub fn set(&self, name: &str, resource: Bytes) -> Sent {
        self.set_all(ECDS, &[(name, resource)])
    }

    /// Puts resources in place and sends them to who wants them, in one response.
    pub fn set_all(&self, type_url: &str, resources: &[(&str, Bytes)]) -> Sent {
        let mut state = lock(&self.state);
        state.version += 1;
        let names = resources
            .iter()
            .map(|(name, _)| (*name).to_owned())
            .collect();
        for (name, resource) in resources {
            state
                .resources
                .insert((type_url.to_owned(), (*name).to_owned()), resource.clone());
        }
        state.push(type_url, &names)
    }

    /// Sends what is there again, under the same version.
    pub fn repeat(&self, name: &str) -> Sent {
        lock(&self.state).push(ECDS, &BTreeSet::from([name.to_owned()]))
    }

    /// Removes an extension configuration and says so, as far as the protocol can.
    pub fn remove(&self, name: &str) {
        let mut state = lock(&self.state);
        state.version += 1;
        state.resources.remove(&(ECDS.to_owned(), name.to_owned()));
        state.push(ECDS, &BTreeSet::from([name.to_owned()]));
    }

    /// Sends octets as a response on all streams.
    pub fn send_raw(&self, response: &[u8]) {
        for stream in lock(&self.state).streams.values() {
            // An error means that the stream has ended.
            let _ = stream.responses.send(Ok(Bytes::copy_from_slice(response)));
        }
    }

    /// From now on answers nothing by itself, or does so again.
    pub fn be_silent(&self, is_silent: bool) {
        lock(&self.state).is_silent = is_silent;
    }

    /// The requests for extension configurations so far.
    pub fn seen(&self) -> Vec<Seen> {
        lock(&self.state).seen.clone()
    }

    /// The requests for anything, from now on.
    pub fn listen(&self) -> std::sync::mpsc::Receiver<Heard> {
        let (sender, requests) = std::sync::mpsc::channel();
        lock(&self.state).listeners.push(sender);
        requests
    }

    /// How many streams there were.
    pub fn streams(&self) -> usize {
        lock(&self.state).stream_count
    }

    /// The answers to a response so far.
    pub fn answers(&self, sent: &Sent) -> Vec<Seen> {
        let mut seen = self.seen();
        seen.retain(|seen| {
            seen.nonce == sent.nonce
                && (seen.error.is_some() || seen.version == sent.version || seen.version.is_empty())
        });
        seen
    }

    /// The refusals so far.
    pub fn refusals(&self) -> Vec<Seen> {
        let mut seen = self.seen();
        seen.retain(|seen| seen.error.is_some());
        seen
    }

    /// Waits until a response is refused, and tells how.
    #[track_caller]
    pub fn wait_for_refusal(&self, sent: &Sent) -> Seen {
        wait_for(&format!("a refusal of {sent:?}"), || {
            self.seen()
                .into_iter()
                .find(|seen| seen.nonce == sent.nonce && seen.error.is_some())
        })
    }

    /// Waits until a response is accepted.
    #[track_caller]
    pub fn wait_for_acceptance(&self, sent: &Sent) -> Seen {
        wait_for(
            &format!("an acceptance of {sent:?}; {:?}", self.seen()),
            || {
                let is_it = |seen: &Seen| {
                    seen.nonce == sent.nonce
                        && seen.error.is_none()
                        && (seen.version == sent.version || seen.version.is_empty())
                };
                self.seen().into_iter().find(is_it)
            },
        )
    }

    /// Waits until somebody asks for `name`.
    #[track_caller]
    pub fn wait_for_subscription(&self, name: &str) {
        wait_for(&format!("a subscription to {name}"), || {
            let wanted = |stream: &Stream| {
                stream
                    .names
                    .get(ECDS)
                    .is_some_and(|names| names.contains(name))
            };
            lock(&self.state).streams.values().any(wanted).then_some(())
        });
    }
}

impl Drop for XdsServer {
    fn drop(&mut self) {
        if let Some(accepting) = self.accepting.take() {
            accepting.abort();
        }
    }
}

impl State {
    /// Sends the named resources to all streams that want one of them.
    fn push(&mut self, type_url: &str, names: &BTreeSet<String>) -> Sent {
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

    fn received(&mut self, number: usize, request: &[u8]) {
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
