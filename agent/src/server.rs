//! The gRPC server that Envoy connects to.

mod socket;

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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
/// How long after its connection a client may ask for nothing. Envoy asks at once.
const SILENCE: Duration = Duration::from_secs(10);
/// How much Envoy may send before it is read: a first request can have megabytes.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 4 << 20;

/// As large as a request of Envoy's may be. A million names fit in; memory for a length that somebody made up is not
/// asked for, which could end the agent.
const LARGEST_REQUEST: usize = 256 << 20;

/// Why a method is not served.
const UNCONVERTED: &str = "extension configurations are served by the methods StreamExtensionConfigs and \
    DeltaExtensionConfigs, and over ADS, but by no other method";

/// Serves Envoys until the future is dropped.
pub async fn run(socket: &Socket, agent: &Arc<Agent>) {
    loop {
        match socket.accept().await {
            Ok(connection) => {
                tokio::spawn(converse(connection, Arc::clone(agent), SILENCE));
            }
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
    silence: Duration,
) {
    let has_asked = AtomicBool::new(false);
    let service = service_fn(|request: http::Request<Incoming>| {
        has_asked.store(true, Ordering::Relaxed);
        let agent = Arc::clone(&agent);
        async move { Ok::<_, Infallible>(answer(request, agent).await) }
    });
    let conversation = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(KEEP_ALIVE)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .serve_connection(TokioIo::new(connection), service);
    tokio::select! {
        // An Envoy that breaks off ends its streams with it.
        _ = conversation => {}
        () = asks_for_nothing(&has_asked, silence) => {}
    }
}

/// Ends after `patience` if nothing was asked for by then: such a client would hold a file descriptor for ever.
async fn asks_for_nothing(has_asked: &AtomicBool, patience: Duration) {
    tokio::time::sleep(patience).await;
    if has_asked.load(Ordering::Relaxed) {
        std::future::pending::<()>().await;
    }
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
        .max_decoding_message_size(LARGEST_REQUEST)
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use http_body_util::{BodyExt as _, Full};
    use tokio::io::AsyncWriteExt as _;
    use tonic::transport::Endpoint;
    use tower::{Service as _, ServiceExt as _};

    use super::*;
    use crate::ecds::OnFailure;
    use crate::folder::Folder;
    use crate::metrics::Metrics;
    use crate::modules::{Modules, ModulesOptions};
    use crate::preparation::Preparation;
    use crate::stream::Source;

    async fn agent(folder: &std::path::Path) -> Arc<Agent> {
        let metrics = Metrics::new();
        let options = ModulesOptions::new(folder.join("cache"));
        Arc::new(Agent {
            source: Source::Folder(Folder::open(folder.to_owned()).unwrap()),
            preparation: Preparation {
                modules: Modules::open(options, metrics.clone()).await.unwrap(),
                checks_local: true,
            },
            on_failure: OnFailure::Refuse,
            converts: true,
            metrics,
            streams: AtomicU64::new(0),
            memory: Arc::default(),
        })
    }

    #[tokio::test]
    async fn a_client_that_asks_for_nothing_is_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let agent = agent(folder.path()).await;
        for said in [
            &b""[..],
            b"PRI * HTTP/2.0",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
        ] {
            let (mut client, server) = tokio::io::duplex(1 << 10);
            client.write_all(said).await.unwrap();
            let conversation = converse(server, Arc::clone(&agent), Duration::from_millis(50));
            let ended = tokio::time::timeout(Duration::from_secs(10), conversation).await;
            assert!(ended.is_ok(), "{said:?}");
        }
        let has_asked = AtomicBool::new(true);
        let patient = asks_for_nothing(&has_asked, Duration::from_millis(1));
        let ended = tokio::time::timeout(Duration::from_millis(50), patient).await;
        assert!(ended.is_err(), "who has asked may be silent");
    }

    /// Five octets say that four gigabytes follow.
    #[tokio::test]
    async fn a_length_that_is_made_up_is_refused() {
        const METHOD: &str = "http://localhost/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";
        let folder = tempfile::tempdir().unwrap();
        let agent = agent(folder.path()).await;
        let (client, server) = tokio::io::duplex(1 << 16);
        tokio::spawn(converse(server, agent, SILENCE));
        let mut client = Some(TokioIo::new(client));
        let connector = tower::service_fn(move |_| {
            let client = client.take();
            async move { client.ok_or_else(|| std::io::Error::other("it is one connection")) }
        });
        let endpoint = Endpoint::from_static("http://localhost");
        let mut channel = endpoint.connect_with_connector(connector).await.unwrap();
        let body = Full::new(Bytes::from_static(b"\0\xff\xff\xff\xff"));
        let request = http::Request::post(METHOD)
            .header("content-type", "application/grpc")
            .body(tonic::body::Body::new(body))
            .unwrap();
        let response = channel.ready().await.unwrap().call(request).await.unwrap();
        let body = response.into_body().collect().await.unwrap();
        let status = body.trailers().unwrap().get("grpc-status").cloned();
        assert_eq!(status, Some(http::HeaderValue::from_static("11")));
    }
}
