//! The status server: metrics, health, and what is known of each module.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};

use crate::metrics::Metrics;
use crate::modules::Modules;

/// How long a client may take for its request.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the server tells about.
#[derive(Clone)]
pub struct Status {
    /// The agent's metrics.
    pub metrics: Metrics,
    /// The agent's modules.
    pub modules: Modules,
}

/// Serves until the future is dropped.
pub async fn run(listener: TcpListener, status: Status) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(converse(stream, status.clone()))),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn converse(stream: TcpStream, status: Status) {
    let service = service_fn(|request: Request<Incoming>| {
        let response = status.answer(request.method(), request.uri().path());
        async move { Ok::<_, Infallible>(response) }
    });
    // A client that breaks off is no concern of the server's.
    let _ = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

impl Status {
    fn answer(&self, method: &Method, path: &str) -> Response<Full<Bytes>> {
        if method != Method::GET && method != Method::HEAD {
            return response(StatusCode::METHOD_NOT_ALLOWED, TEXT, "only GET and HEAD\n");
        }
        match path {
            // The agent listens for Envoys before it does here.
            "/healthz/live" | "/healthz/ready" => response(StatusCode::OK, TEXT, "ok\n"),
            "/stats/prometheus" => response(StatusCode::OK, PROMETHEUS, self.metrics.render()),
            "/modules" => match serde_json::to_vec_pretty(&self.modules.list()) {
                Ok(list) => response(StatusCode::OK, "application/json", list),
                Err(error) => response(StatusCode::INTERNAL_SERVER_ERROR, TEXT, error.to_string()),
            },
            _ => response(StatusCode::NOT_FOUND, TEXT, PATHS),
        }
    }
}

const TEXT: &str = "text/plain; charset=utf-8";
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";
const PATHS: &str =
    "not here; here are /stats/prometheus, /healthz/live, /healthz/ready and /modules\n";

fn response(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let value = header::HeaderValue::from_static(content_type);
    response.headers_mut().insert(header::CONTENT_TYPE, value);
    response
}
