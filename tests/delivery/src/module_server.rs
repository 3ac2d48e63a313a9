//! A module server whose paths do what a test says.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use crate::runtime;

/// What a path does.
#[derive(Clone, Debug)]
pub enum Behaviour {
    /// Answers with this.
    Serve(Bytes),
    /// Answers with this status.
    Fail(u16),
    /// Answers with this to who shows these credentials, `name:password`.
    Private(&'static str, Bytes),
    /// Never answers.
    Hang,
}

#[derive(Default)]
struct State {
    paths: HashMap<String, Behaviour>,
    requests: HashMap<String, usize>,
}

/// A running module server. It ends with the value, and so do its connections.
pub struct ModuleServer {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    accepting: Option<JoinHandle<()>>,
}

impl ModuleServer {
    /// Starts a server that knows no path.
    ///
    /// # Panics
    /// Without a free port.
    #[must_use]
    pub fn start() -> Self {
        let mut server = Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            state: Arc::default(),
            accepting: None,
        };
        server.restart();
        server
    }

    /// Ends the server and its connections, as a kill would.
    pub fn kill(&mut self) {
        if let Some(accepting) = self.accepting.take() {
            accepting.abort();
            // An error says that it was aborted.
            let _ = runtime().block_on(accepting);
        }
    }

    /// Starts it again at the same address.
    ///
    /// # Panics
    /// If the port was taken.
    pub fn restart(&mut self) {
        self.kill();
        let listener = runtime()
            .block_on(TcpListener::bind(self.address))
            .expect("a port");
        self.address = listener.local_addr().expect("an address");
        self.accepting = Some(runtime().spawn(accept(listener, Arc::clone(&self.state))));
    }

    /// Sets what a path does.
    pub fn set(&self, path: &str, behaviour: Behaviour) {
        self.state().paths.insert(path.to_owned(), behaviour);
    }

    /// How often a path was asked for.
    pub fn requests(&self, path: &str) -> usize {
        self.state().requests.get(path).copied().unwrap_or(0)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Drop for ModuleServer {
    fn drop(&mut self) {
        if let Some(accepting) = self.accepting.take() {
            accepting.abort();
        }
    }
}

async fn accept(listener: TcpListener, state: Arc<Mutex<State>>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let state = Arc::clone(&state);
        connections.spawn(async move {
            let service = service_fn(|request| answer(request, Arc::clone(&state)));
            // A client that breaks off is no concern of the server's.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    state: Arc<Mutex<State>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    let authorization = request.headers().get(header::AUTHORIZATION);
    let is_of = |user: &str| authorization.is_some_and(|value| *value == basic(user));
    let behaviour = {
        let mut state = state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        *state.requests.entry(path.clone()).or_default() += 1;
        state.paths.get(&path).cloned()
    };
    let (status, body) = match behaviour {
        Some(Behaviour::Serve(body)) => (200, body),
        Some(Behaviour::Private(user, body)) if is_of(user) => (200, body),
        Some(Behaviour::Private(..)) => (401, Bytes::new()),
        Some(Behaviour::Fail(status)) => (status, Bytes::from_static(b"no")),
        Some(Behaviour::Hang) => std::future::pending().await,
        None => (404, Bytes::from_static(b"not here")),
    };
    let mut response = Response::new(Full::new(body));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if status == 401 {
        let challenge = HeaderValue::from_static("Basic realm=\"modules\"");
        response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, challenge);
    }
    Ok(response)
}

/// The credentials `name:password` in `Authorization`.
fn basic(user: &str) -> String {
    format!("Basic {}", STANDARD.encode(user))
}
