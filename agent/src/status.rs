//! The status server: metrics, health, and what is known of each module.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

use crate::metrics::Metrics;
use crate::modules::Modules;

/// What the server bounds.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long a client may take from its connection to the end of the answer.
    pub request: Duration,
    /// How many connections there may be. The oldest is ended for one more, so that a health check is answered
    /// whoever else holds connections open.
    pub connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request: Duration::from_secs(10),
            connections: 64,
        }
    }
}

/// What the server tells about.
#[derive(Clone)]
pub struct Status {
    /// The agent's metrics.
    pub metrics: Metrics,
    /// The agent's modules.
    pub modules: Modules,
}

/// Serves until the future is dropped.
pub async fn run(listener: TcpListener, status: Status, limits: Limits) {
    let mut connections: VecDeque<AbortHandle> = VecDeque::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        connections.retain(|connection| !connection.is_finished());
        if connections.len() >= limits.connections
            && let Some(oldest) = connections.pop_front()
        {
            oldest.abort();
        }
        let conversation = tokio::time::timeout(limits.request, converse(stream, status.clone()));
        connections.push_back(tokio::spawn(conversation).abort_handle());
    }
}

/// Answers one request.
async fn converse(stream: TcpStream, status: Status) {
    let service = service_fn(|request: Request<Incoming>| {
        let response = status.answer(request.method(), request.uri().path());
        async move { Ok::<_, Infallible>(response) }
    });
    // A client that breaks off is no concern of the server's.
    let _ = hyper::server::conn::http1::Builder::new()
        .keep_alive(false)
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

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::modules::ModulesOptions;

    const REQUEST: &[u8] = b"GET /healthz/ready HTTP/1.1\r\nhost: a\r\n\r\n";

    async fn server(folder: &std::path::Path, limits: Limits) -> SocketAddr {
        let metrics = Metrics::new();
        let options = ModulesOptions::new(folder.join("cache"));
        let modules = Modules::open(options, metrics.clone()).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(run(listener, Status { metrics, modules }, limits));
        address
    }

    /// Everything that comes until the server ends the connection.
    async fn rest(mut stream: TcpStream) -> String {
        let mut octets = Vec::new();
        // A connection that is reset is one that ended, too.
        let _ = stream.read_to_end(&mut octets).await;
        String::from_utf8(octets).unwrap()
    }

    #[tokio::test]
    async fn who_holds_connections_open_is_cut_off_and_others_are_answered() {
        let folder = tempfile::tempdir().unwrap();
        let limits = Limits {
            request: Duration::from_secs(60),
            connections: 2,
        };
        let address = server(folder.path(), limits).await;
        let mut idle = Vec::new();
        for _ in 0..3 {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(b"GET /healthz/re").await.unwrap();
            idle.push(stream);
        }
        assert_eq!(rest(idle.remove(0)).await, "");
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(REQUEST).await.unwrap();
        let answer = rest(stream).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.ends_with("\r\n\r\nok\n"), "{answer}");
    }

    #[tokio::test]
    async fn a_request_that_never_ends_is_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let limits = Limits {
            request: Duration::from_millis(200),
            ..Limits::default()
        };
        let address = server(folder.path(), limits).await;
        let (reader, mut writer) = TcpStream::connect(address).await.unwrap().into_split();
        // An octet now and then, for ever.
        let trickle = tokio::spawn(async move {
            while writer.write_all(b"G").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        let mut octets = Vec::new();
        let end = tokio::time::timeout(Duration::from_secs(10), async {
            let mut reader = reader;
            // A connection that is reset is one that ended, too.
            let _ = reader.read_to_end(&mut octets).await;
        });
        assert!(end.await.is_ok(), "the connection is still open");
        trickle.abort();
    }
}
