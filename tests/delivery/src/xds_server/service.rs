//! The xDS server's connections and streams.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::server::StreamingService;
use tonic::{Request, Response, Status, Streaming};
use wasm_agent::codec::Octets;
use wasm_agent::discovery::Dialect;

use super::lock;
use super::state::{State, Stream};

/// Serves until it is aborted.
pub(super) async fn accept(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    state: Arc<Mutex<State>>,
) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        // As gRPC servers do. An error means that the client is gone.
        let _ = stream.set_nodelay(true);
        let (state, tls) = (Arc::clone(&state), tls.clone());
        connections.spawn(async move {
            let Some(tls) = tls else {
                return converse(stream, state).await;
            };
            // Who cannot show a certificate is not talked to.
            if let Ok(stream) = tls.accept(stream).await {
                converse(stream, state).await;
            }
        });
    }
}

async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    state: Arc<Mutex<State>>,
) {
    let service = service_fn(move |request: http::Request<Incoming>| {
        let state = Arc::clone(&state);
        async move { Ok::<_, Infallible>(serve(request, state).await) }
    });
    // A client that breaks off ends its streams with it.
    let _ = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
        .initial_connection_window_size(4 << 20)
        .initial_stream_window_size(4 << 20)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn serve(
    request: http::Request<Incoming>,
    state: Arc<Mutex<State>>,
) -> http::Response<tonic::body::Body> {
    let is_delta = request.uri().path().contains("/Delta");
    let authorization = request.headers().get("authorization");
    let service = Service {
        dialect: if is_delta {
            Dialect::Delta
        } else {
            Dialect::StateOfTheWorld
        },
        authorization: authorization
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned),
        state,
    };
    tonic::server::Grpc::new(Octets)
        .max_decoding_message_size(usize::MAX)
        .streaming(service, request)
        .await
}

struct Service {
    dialect: Dialect,
    authorization: Option<String>,
    state: Arc<Mutex<State>>,
}

impl StreamingService<Bytes> for Service {
    type Response = Bytes;
    type ResponseStream = UnboundedReceiverStream<Result<Bytes, Status>>;
    type Future =
        Pin<Box<dyn Future<Output = Result<Response<Self::ResponseStream>, Status>> + Send>>;

    fn call(&mut self, request: Request<Streaming<Bytes>>) -> Self::Future {
        let (responses, outgoing) = mpsc::unbounded_channel();
        let state = Arc::clone(&self.state);
        let number = {
            let mut state = lock(&state);
            state.stream_count += 1;
            let number = state.stream_count;
            let stream = Stream {
                dialect: self.dialect,
                responses,
                names: BTreeMap::new(),
                last_nonce: BTreeMap::new(),
                authorization: self.authorization.take(),
            };
            state.streams.insert(number, stream);
            number
        };
        tokio::spawn(async move {
            let mut requests = request.into_inner();
            while let Ok(Some(request)) = requests.message().await {
                lock(&state).received(number, &request);
            }
            lock(&state).streams.remove(&number);
        });
        Box::pin(async move { Ok(Response::new(UnboundedReceiverStream::new(outgoing))) })
    }
}
