//! An xDS server that does what a test says, and remembers what it was told.

mod service;
mod state;

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use wasm_agent::discovery;

use crate::messages::ECDS;
use crate::{runtime, wait_for};
use state::{State, Stream};

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
