//! One connection, over which requests without a body are sent.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;

use anyhow::Context as _;
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::client::conn::{http1, http2};
use hyper::header::{self, HeaderValue};
use hyper::{Method, Request, Uri};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::Answer;

/// What is spoken on a connection, without an upgrade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2, with prior knowledge where there is no TLS (RFC 9113, 3.3).
    Http2,
}

/// A connection. It ends with the value.
pub enum Client {
    /// Over HTTP/1.1, one request after another.
    Http1(http1::SendRequest<Empty<Bytes>>),
    /// Over HTTP/2, as many at once as the server allows.
    Http2(http2::SendRequest<Empty<Bytes>>),
}

impl Client {
    /// Connects over TCP.
    pub async fn connect(address: SocketAddr, protocol: Protocol) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        // Else every request waits for the acknowledgement of the preface, 40 ms on Linux.
        stream.set_nodelay(true)?;
        Self::over(stream, protocol).await
    }

    /// Speaks over a connection that there is already.
    pub async fn over(
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        protocol: Protocol,
    ) -> anyhow::Result<Self> {
        let stream = TokioIo::new(stream);
        match protocol {
            Protocol::Http1 => {
                let (client, connection) = http1::handshake(stream).await?;
                tokio::spawn(connection);
                Ok(Self::Http1(client))
            }
            Protocol::Http2 => {
                let (client, connection) = http2::handshake(TokioExecutor::new(), stream).await?;
                tokio::spawn(connection);
                Ok(Self::Http2(client))
            }
        }
    }

    /// Sends a request with an absolute URI. Over HTTP/1.1, the answer to the one before must have
    /// been received.
    pub fn send(
        &mut self,
        request: Request<()>,
    ) -> impl Future<Output = anyhow::Result<Answer>> + Send + use<> {
        let request = request.map(|()| Empty::new());
        let response: Pin<Box<dyn Future<Output = hyper::Result<_>> + Send>> = match self {
            Self::Http1(client) => Box::pin(client.send_request(in_origin_form(request))),
            Self::Http2(client) => Box::pin(client.send_request(request)),
        };
        async { Answer::receive(response.await?).await }
    }

    /// Waits until a request can be sent.
    pub async fn ready(&mut self) -> anyhow::Result<()> {
        match self {
            Self::Http1(client) => Ok(client.ready().await?),
            Self::Http2(client) => Ok(client.ready().await?),
        }
    }
}

/// The request as HTTP/1.1 sends it to a server: the authority is in `Host` (RFC 9112, 3.2.1).
fn in_origin_form<Body>(mut request: Request<Body>) -> Request<Body> {
    let authority = request.uri().authority();
    let host = authority.and_then(|authority| HeaderValue::from_str(authority.as_str()).ok());
    if let Some(host) = host {
        request.headers_mut().entry(header::HOST).or_insert(host);
    }
    if let Some(target) = request.uri().path_and_query().cloned() {
        *request.uri_mut() = Uri::from(target);
    }
    request
}

/// Sends `octets` in the place of a request, and has hyper read the answer.
pub(super) async fn send_octets(address: SocketAddr, octets: &[u8]) -> anyhow::Result<Answer> {
    let (incoming, mut outgoing) = TcpStream::connect(address).await?.into_split();
    let (mut withheld, request) = tokio::io::duplex(1024);
    let stream = TokioIo::new(tokio::io::join(incoming, request));
    let (mut client, connection) = http1::handshake(stream).await?;
    tokio::spawn(connection);
    // An answer to HEAD has no body.
    let method = if octets.starts_with(b"HEAD ") {
        Method::HEAD
    } else {
        Method::GET
    };
    let request = Request::builder()
        .method(method)
        .body(Empty::<Bytes>::new());
    let answer = client.send_request(request?);
    let send = async {
        // hyper takes no answer before it has sent its own request.
        withheld.read_u8().await.context("nothing was sent")?;
        // A server may answer and close before it has read everything.
        let _ = outgoing.write_all(octets).await;
        std::future::pending().await
    };
    tokio::select! {
        answer = answer => Answer::receive(answer?).await,
        failed = send => failed,
    }
}
