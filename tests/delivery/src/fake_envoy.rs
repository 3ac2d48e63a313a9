//! A client of the agent that says exactly what a test wants, where a real Envoy would say what it wants.

use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use bytes::Bytes;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};
use wasm_agent::codec::Octets;
use wasm_agent::discovery::{self, Dialect, Response};

use crate::envoy::XdsAddress;
use crate::{PATIENCE, runtime};

const SERVICE: &str = "/envoy.service.discovery.v3.AggregatedDiscoveryService";

/// One stream.
pub struct FakeEnvoy {
    dialect: Dialect,
    requests: UnboundedSender<Bytes>,
    responses: Receiver<Result<Bytes, Status>>,
}

impl FakeEnvoy {
    /// Opens a stream at the agent's socket.
    ///
    /// # Panics
    /// If the socket's path is unreadable.
    #[must_use]
    pub fn connect(socket: &Path, dialect: Dialect) -> Self {
        Self::connect_to(&XdsAddress::Unix(socket.to_owned()), dialect)
    }

    /// Opens a stream.
    ///
    /// # Panics
    /// If nobody listens there.
    #[must_use]
    pub fn connect_to(address: &XdsAddress, dialect: Dialect) -> Self {
        let method = match dialect {
            Dialect::StateOfTheWorld => "StreamAggregatedResources",
            Dialect::Delta => "DeltaAggregatedResources",
        };
        Self::call(address, &format!("{SERVICE}/{method}"), dialect)
    }

    /// Calls the method `path` and streams to it.
    ///
    /// # Panics
    /// If nobody listens there.
    #[must_use]
    pub fn call(address: &XdsAddress, path: &str, dialect: Dialect) -> Self {
        let path = path.parse().expect("a path");
        let (requests, outgoing) = unbounded_channel();
        let (sender, responses) = channel();
        let address = address.clone();
        runtime().spawn(async move {
            let channel = connected(address).await.expect("a connection");
            let mut client =
                tonic::client::Grpc::new(channel).max_decoding_message_size(usize::MAX);
            client.ready().await.expect("a connection");
            let mut request = Request::new(UnboundedReceiverStream::new(outgoing));
            request
                .metadata_mut()
                .insert("x-own", "kept".parse().expect("a value"));
            let mut incoming = match client.streaming(request, path, Octets).await {
                Ok(response) => response.into_inner(),
                Err(status) => return drop(sender.send(Err(status))),
            };
            loop {
                let message = incoming.message().await;
                let message =
                    message.and_then(|message| message.ok_or_else(|| Status::ok("the end")));
                let is_end = message.is_err();
                if sender.send(message).is_err() || is_end {
                    return;
                }
            }
        });
        Self {
            dialect,
            requests,
            responses,
        }
    }

    /// Sends octets.
    ///
    /// # Panics
    /// If the stream has ended.
    pub fn send(&self, request: Vec<u8>) {
        self.requests.send(Bytes::from(request)).expect("a stream");
    }

    /// Subscribes to extension configurations; in state-of-the-world these are all.
    pub fn subscribe(&self, names: &[&str]) {
        self.ask(names, "", None);
    }

    /// Delta: unsubscribes from names.
    pub fn unsubscribe(&self, names: &[&str]) {
        let request = discovery::Request {
            unsubscribed: names.iter().map(|name| (*name).to_owned()).collect(),
            ..discovery::Request::default()
        };
        self.send(request.encode(self.dialect));
    }

    /// Accepts a response.
    pub fn accept(&self, names: &[&str], response: &Response) {
        self.ask(names, &response.nonce, None);
    }

    /// Refuses a response.
    pub fn reject(&self, names: &[&str], response: &Response) {
        self.ask(names, &response.nonce, Some(discovery::refusal("no")));
    }

    fn ask(&self, names: &[&str], nonce: &str, error: Option<Vec<u8>>) {
        let is_answer = self.dialect == Dialect::Delta && !nonce.is_empty();
        let names = names
            .iter()
            .filter(|_| !is_answer)
            .map(|name| (*name).to_owned());
        let request = discovery::Request {
            names: names.collect(),
            nonce: nonce.to_owned(),
            error,
            ..discovery::Request::default()
        };
        self.send(request.encode(self.dialect));
    }

    /// The next message.
    ///
    /// # Panics
    /// If none comes.
    #[track_caller]
    pub fn message(&self) -> Bytes {
        let message = self.responses.recv_timeout(PATIENCE).expect("a message");
        message.expect("the stream goes on")
    }

    /// The next response.
    ///
    /// # Panics
    /// If none comes.
    #[track_caller]
    pub fn response(&self) -> Response {
        Response::parse(self.dialect, &self.message()).expect("a response")
    }

    /// Watches that nothing comes for a while.
    ///
    /// # Panics
    /// If something does.
    #[track_caller]
    pub fn hears_nothing(&self, duration: Duration) {
        match self.responses.recv_timeout(duration) {
            Err(RecvTimeoutError::Timeout) => {}
            other => panic!("nothing was expected, but {other:?}"),
        }
    }

    /// How the stream ended.
    ///
    /// # Panics
    /// If it goes on.
    #[track_caller]
    pub fn end(&self) -> Status {
        loop {
            if let Err(status) = self.responses.recv_timeout(PATIENCE).expect("an end") {
                return status;
            }
        }
    }
}

async fn connected(address: XdsAddress) -> Result<Channel, tonic::transport::Error> {
    let socket = match address {
        XdsAddress::Tcp(address) => {
            let endpoint = Endpoint::from_shared(format!("http://{address}"))?;
            return endpoint.connect().await;
        }
        XdsAddress::Unix(socket) => socket,
    };
    let connector = tower::service_fn(move |_| {
        let socket = socket.clone();
        async move { UnixStream::connect(socket).await.map(TokioIo::new) }
    });
    let endpoint = Endpoint::from_static("http://localhost");
    endpoint.connect_with_connector(connector).await
}
