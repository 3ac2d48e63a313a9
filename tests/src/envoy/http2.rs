//! HTTP/2 without TLS and with prior knowledge (RFC 9113, 3.3).

use super::Answer;
use crate::corpus::Request;
use std::{net::SocketAddr, time::Duration};
use tokio::net::TcpStream;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A client that sends one request at a time, each on a connection of its own.
#[derive(Debug)]
pub struct Client {
    runtime: tokio::runtime::Runtime,
}

impl Client {
    /// A client with its own runtime.
    ///
    /// # Panics
    /// When the machine has no file descriptor left.
    #[must_use]
    pub fn new() -> Client {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        Client {
            runtime: builder.enable_all().build().expect("a runtime"),
        }
    }

    /// Sends a request. `None` when the library cannot send it octet by octet.
    ///
    /// # Errors
    /// When there is no answer.
    #[must_use]
    pub fn exchange(
        &self,
        address: SocketAddr,
        request: &Request,
    ) -> Option<Result<Answer, String>> {
        message(request).map(|message| self.send(address, message))
    }

    /// Sends a message.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn send(&self, address: SocketAddr, message: http::Request<()>) -> Result<Answer, String> {
        self.runtime.block_on(async {
            match tokio::time::timeout(PATIENCE, send(address, message)).await {
                Ok(answer) => answer.map_err(|error| error.to_string()),
                Err(_) => Err(format!("no answer within {PATIENCE:?}")),
            }
        })
    }
}

impl Default for Client {
    fn default() -> Client {
        Client::new()
    }
}

/// The request as the library holds it, if it holds it unchanged.
fn message(request: &Request) -> Option<http::Request<()>> {
    let (authority, path) = (request.authority.as_deref()?, request.path.as_deref()?);
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(http::uri::Scheme::HTTP);
    parts.authority = Some(http::uri::Authority::try_from(authority).ok()?);
    parts.path_and_query = Some(http::uri::PathAndQuery::try_from(path).ok()?);
    let is_unchanged = parts.authority.as_ref()?.as_str().as_bytes() == authority
        && parts.path_and_query.as_ref()?.as_str().as_bytes() == path;
    let mut message = http::Request::new(());
    *message.version_mut() = http::Version::HTTP_2;
    *message.method_mut() = http::Method::from_bytes(request.method.as_deref()?).ok()?;
    *message.uri_mut() = http::Uri::from_parts(parts).ok()?;
    for (name, value) in &request.fields {
        let name = http::HeaderName::try_from(name.to_ascii_lowercase()).ok()?;
        let value = http::HeaderValue::from_bytes(value).ok()?;
        message.headers_mut().append(name, value);
    }
    let is_of_connection = [
        "connection",
        "host",
        "transfer-encoding",
        "upgrade",
        "keep-alive",
    ]
    .iter()
    .any(|name| message.headers().contains_key(*name));
    (is_unchanged && !is_of_connection).then_some(message)
}

async fn send(
    address: SocketAddr,
    message: http::Request<()>,
) -> Result<Answer, Box<dyn std::error::Error>> {
    let stream = TcpStream::connect(address).await?;
    // Else every request waits for the acknowledgement of the preface, 40 ms on Linux.
    stream.set_nodelay(true)?;
    let (client, connection) = h2::client::handshake(stream).await?;
    let connection = tokio::spawn(connection);
    let mut client = client.ready().await?;
    let (response, _) = client.send_request(message, true)?;
    let answer = receive(response.await?).await;
    connection.abort();
    answer
}

/// Reads an answer to its end.
///
/// # Errors
/// When it has no end.
pub async fn receive(
    response: http::Response<h2::RecvStream>,
) -> Result<Answer, Box<dyn std::error::Error>> {
    let (head, mut stream) = response.into_parts();
    let text = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        (
            name.as_str().to_owned(),
            String::from_utf8_lossy(value.as_bytes()).into_owned(),
        )
    };
    let headers = head.headers.iter().map(text).collect();
    let mut body = Vec::new();
    while let Some(part) = stream.data().await {
        let part = part?;
        stream.flow_control().release_capacity(part.len())?;
        body.extend_from_slice(&part);
    }
    Ok(Answer {
        status: head.status.as_u16(),
        headers,
        body,
    })
}
