//! The gRPC server that Envoy connects to.

mod socket;

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::uri::PathAndQuery;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::server::StreamingService;
use tonic::{Request, Response, Status, Streaming};

use crate::codec::Octets;
use crate::report;
use crate::stream::{Agent, Method, serve};
pub use socket::{Listen, ListenError, Socket};

/// How many responses may wait for Envoy.
const WAITING_RESPONSES: usize = 8;
/// After how much silence Envoy must show that it is there.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// How much Envoy may send before it is read: a first request can have megabytes.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 4 << 20;

/// Why a method is not served.
const UNCONVERTED: &str = "extension configurations are served by the methods StreamExtensionConfigs and \
    DeltaExtensionConfigs, and over ADS, but by no other method";

/// Serves Envoys until the future is dropped.
pub async fn run(socket: &Socket, agent: &Arc<Agent>) {
    loop {
        match socket.accept().await {
            Ok(connection) => drop(tokio::spawn(converse(connection, Arc::clone(agent)))),
            // Out of file descriptors, say: others may end meanwhile.
            Err(error) => {
                tracing::warn!(%error, "a connection cannot be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn converse(
    connection: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    agent: Arc<Agent>,
) {
    let service = service_fn(move |request: http::Request<Incoming>| {
        let agent = Arc::clone(&agent);
        async move { Ok::<_, Infallible>(answer(request, agent).await) }
    });
    // An Envoy that breaks off ends its streams with it.
    let _ = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(KEEP_ALIVE)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .serve_connection(TokioIo::new(connection), service)
        .await;
}

async fn answer(
    request: http::Request<Incoming>,
    agent: Arc<Agent>,
) -> http::Response<tonic::body::Body> {
    let path = request.uri().path_and_query().cloned();
    let path = path.unwrap_or_else(|| PathAndQuery::from_static("/"));
    let service = Service {
        agent,
        method: Method::of(path),
    };
    tonic::server::Grpc::new(Octets)
        .max_decoding_message_size(usize::MAX)
        .max_encoding_message_size(usize::MAX)
        .streaming(service, request)
        .await
}

struct Service {
    agent: Arc<Agent>,
    method: Method,
}

impl StreamingService<Bytes> for Service {
    type Response = Bytes;
    type ResponseStream = ReceiverStream<Result<Bytes, Status>>;
    type Future =
        Pin<Box<dyn Future<Output = Result<Response<Self::ResponseStream>, Status>> + Send>>;

    fn call(&mut self, request: Request<Streaming<Bytes>>) -> Self::Future {
        if self.agent.converts && self.method.passes_unconverted() {
            tracing::warn!(
                method = report::one_line(self.method.path.path()),
                "refused: {UNCONVERTED}"
            );
            return Box::pin(async { Err(Status::unimplemented(UNCONVERTED)) });
        }
        let (responses, outgoing) = mpsc::channel(WAITING_RESPONSES);
        let (metadata, _, requests) = request.into_parts();
        let agent = Arc::clone(&self.agent);
        tokio::spawn(serve(
            agent,
            self.method.clone(),
            metadata,
            requests,
            responses,
        ));
        Box::pin(async move { Ok(Response::new(ReceiverStream::new(outgoing))) })
    }
}
