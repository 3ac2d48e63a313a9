//! The connection to the xDS server: one for each of Envoy's streams, so that none waits for another.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http::uri::PathAndQuery;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::metadata::{KeyRef, MetadataMap, MetadataValue};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Code, Request, Status, Streaming};

use crate::codec::Octets;

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// After how much silence the server must show that it is there. A server of gRPC's ends connections that ask more often
/// than every five minutes, unless it was told not to ("too_many_pings").
const KEEP_ALIVE: Duration = Duration::from_secs(5 * 60 + 10);
/// After how much silence, how soon again and how often the system asks, which such servers do not count: a machine that
/// is gone is noticed within a minute.
const TCP_KEEP_ALIVE: (Duration, Duration, u32) =
    (Duration::from_secs(30), Duration::from_secs(10), 3);
/// How much a server may send before it is read: a large response shall not crawl.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 4 << 20;

/// Headers that belong to one hop, or that gRPC sets by itself.
const OF_ONE_HOP: [&str; 5] = ["te", "content-type", "user-agent", "host", "authority"];

/// Where the xDS server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// `http://` or `https://`.
    Url(http::Uri),
    /// A Unix socket.
    Unix(PathBuf),
}

/// The xDS server and how to talk to it.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// Where it is.
    pub address: Address,
    /// The certificate authorities to trust, in PEM; `None` for the system's.
    pub ca: Option<PathBuf>,
    /// Certificate and key for it, in PEM.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// A file with a bearer token.
    pub token: Option<PathBuf>,
}

/// Why there is no connection to the xDS server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpstreamError {
    /// A file that is needed for it cannot be read.
    #[error("{} cannot be read: {cause}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
    /// A file is there but of no use.
    #[error("{} holds no {expected}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What was expected in it.
        expected: &'static str,
    },
    /// The token has something in it that cannot be sent.
    #[error(
        "the token in {} cannot be sent: it has a control character, such as a line break inside, or one beyond ASCII",
        path.display()
    )]
    Token {
        /// Its file.
        path: PathBuf,
    },
    /// The transport does not work.
    #[error("the xDS server cannot be reached: {0}")]
    Transport(String),
}

impl Upstream {
    /// Reads all files that are needed, so that what is wrong with them is known at the start.
    pub async fn check(&self) -> Result<(), UpstreamError> {
        self.endpoint().await?;
        self.token().await.map(drop)
    }

    /// Opens a stream of the method `path` that sends what comes out of `requests`. Returns when the server begins
    /// to answer, which it may do only after the first request.
    pub async fn open(
        &self,
        path: PathAndQuery,
        metadata: &MetadataMap,
        requests: UnboundedReceiver<Bytes>,
    ) -> Result<Streaming<Bytes>, Status> {
        let unavailable = |error: UpstreamError| Status::unavailable(error.to_string());
        let channel = self.connect().await.map_err(unavailable)?;
        let mut request = Request::new(UnboundedReceiverStream::new(requests));
        *request.metadata_mut() = passed_on(metadata);
        if let Some(token) = self.token().await.map_err(unavailable)? {
            request.metadata_mut().insert("authorization", token);
        }
        let mut client = tonic::client::Grpc::new(channel).max_decoding_message_size(usize::MAX);
        client
            .ready()
            .await
            .map_err(|error| Status::unavailable(with_causes(&error)))?;
        let answer = client
            .streaming(request, path, Octets)
            .await
            .map_err(lost)?;
        Ok(answer.into_inner())
    }

    async fn connect(&self) -> Result<Channel, UpstreamError> {
        let endpoint = self.endpoint().await?;
        let connected = match &self.address {
            Address::Url(_) => endpoint.connect().await,
            Address::Unix(path) => {
                let path = path.clone();
                let connector = tower::service_fn(move |_| {
                    let path = path.clone();
                    async move { UnixStream::connect(path).await.map(TokioIo::new) }
                });
                endpoint.connect_with_connector(connector).await
            }
        };
        connected.map_err(|error| UpstreamError::Transport(with_causes(&error)))
    }

    async fn endpoint(&self) -> Result<Endpoint, UpstreamError> {
        let url = match &self.address {
            Address::Url(url) => url.clone(),
            Address::Unix(_) => http::Uri::from_static("http://localhost"),
        };
        let is_tls = url.scheme_str() == Some("https");
        let endpoint = Endpoint::from(url)
            .connect_timeout(CONNECT_TIMEOUT)
            .http2_keep_alive_interval(KEEP_ALIVE)
            .tcp_keepalive(Some(TCP_KEEP_ALIVE.0))
            .tcp_keepalive_interval(Some(TCP_KEEP_ALIVE.1))
            .tcp_keepalive_retries(Some(TCP_KEEP_ALIVE.2))
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .tcp_nodelay(true);
        if !is_tls {
            return Ok(endpoint);
        }
        let tls = self.tls().await?;
        endpoint
            .tls_config(tls)
            .map_err(|error| UpstreamError::Transport(with_causes(&error)))
    }

    async fn tls(&self) -> Result<ClientTlsConfig, UpstreamError> {
        let mut tls = ClientTlsConfig::new().assume_http2(true);
        tls = match &self.ca {
            Some(path) => {
                tls.ca_certificate(Certificate::from_pem(pem(path, "certificate").await?))
            }
            None => tls.with_native_roots(),
        };
        if let Some((certificate, key)) = &self.identity {
            let certificate = pem(certificate, "certificate").await?;
            tls = tls.identity(Identity::from_pem(
                certificate,
                pem(key, "private key").await?,
            ));
        }
        Ok(tls)
    }

    /// The token as it is in its file now.
    async fn token(&self) -> Result<Option<MetadataValue<tonic::metadata::Ascii>>, UpstreamError> {
        let Some(path) = &self.token else {
            return Ok(None);
        };
        let text = read(path).await?;
        let text = String::from_utf8_lossy(&text);
        if text.trim().is_empty() {
            return Err(UpstreamError::Content {
                path: path.clone(),
                expected: "token",
            });
        }
        let mut value = MetadataValue::try_from(format!("Bearer {}", text.trim()))
            .map_err(|_| UpstreamError::Token { path: path.clone() })?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}

async fn read(path: &Path) -> Result<Vec<u8>, UpstreamError> {
    tokio::fs::read(path)
        .await
        .map_err(|cause| UpstreamError::File {
            path: path.to_owned(),
            cause,
        })
}

async fn pem(path: &Path, expected: &'static str) -> Result<Vec<u8>, UpstreamError> {
    let content = read(path).await?;
    if String::from_utf8_lossy(&content).contains("-----BEGIN ") {
        return Ok(content);
    }
    Err(UpstreamError::Content {
        path: path.to_owned(),
        expected,
    })
}

/// What Envoy says about itself in headers, for the server.
fn passed_on(metadata: &MetadataMap) -> MetadataMap {
    let mut passed_on = metadata.clone();
    for key in metadata.keys() {
        let name = match key {
            KeyRef::Ascii(key) => key.as_str(),
            KeyRef::Binary(key) => key.as_str(),
        };
        if OF_ONE_HOP.contains(&name) || name.starts_with("grpc-") {
            passed_on.remove(name);
        }
    }
    passed_on
}

/// A broken connection as what it is to Envoy: a server that is not there now.
pub fn lost(status: Status) -> Status {
    match status.code() {
        Code::Cancelled | Code::Internal | Code::Unknown => {
            let causes = std::error::Error::source(&status).map(with_causes);
            let reason = causes.unwrap_or_else(|| status.message().to_owned());
            Status::unavailable(format!("the xDS server is gone: {reason}"))
        }
        _ => status,
    }
}

/// An error with what caused it, in one line.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let reason = error.to_string();
        if !text.contains(&reason) {
            text.push_str(": ");
            text.push_str(&reason);
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The default of gRPC's servers: `keepalive.EnforcementPolicy.MinTime` in Go, in C++
    /// `GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS`.
    const ALLOWED: Duration = Duration::from_secs(5 * 60);

    #[tokio::test]
    async fn a_server_is_asked_whether_it_is_there_no_more_often_than_it_allows() {
        let upstream = Upstream {
            address: Address::Url(http::Uri::from_static("http://127.0.0.1:1")),
            ca: None,
            identity: None,
            token: None,
        };
        let endpoint = upstream.endpoint().await.unwrap();
        assert!(KEEP_ALIVE > ALLOWED);
        let asked_by_the_system = (
            endpoint.get_tcp_keepalive(),
            endpoint.get_tcp_keepalive_interval(),
            endpoint.get_tcp_keepalive_retries(),
        );
        let (after, again, times) = TCP_KEEP_ALIVE;
        assert_eq!(asked_by_the_system, (Some(after), Some(again), Some(times)));
    }
}
