//! HTTP as a client: what it sends over HTTP/1.1 and HTTP/2, and what it is answered.

mod client;
mod connections;

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::{Request, Response};
use tokio::runtime::Runtime;

pub use client::{Client, Protocol};
pub use connections::Connections;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a server answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Names in lower case, and values, in the order of arrival.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The first value of a header, whose name is given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// Reads an answer to the end of its body.
    async fn receive(response: Response<Incoming>) -> anyhow::Result<Self> {
        let (head, body) = response.into_parts();
        let headers = head.headers.iter().map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        });
        Ok(Self {
            status: head.status.as_u16(),
            headers: headers.collect(),
            body: body.collect().await?.to_bytes().into(),
        })
    }
}

/// `GET path` over HTTP/1.1.
pub fn get(address: SocketAddr, path: &str) -> anyhow::Result<Answer> {
    let request = Request::get(format!("http://{address}{path}")).body(())?;
    send(address, Protocol::Http1, request)
}

/// Sends a request with an absolute URI on a connection of its own.
pub fn send(
    address: SocketAddr,
    protocol: Protocol,
    request: Request<()>,
) -> anyhow::Result<Answer> {
    answer_of(address, async {
        let mut client = Client::connect(address, protocol).await?;
        client.send(request).await
    })
}

/// Sends octets over TCP as they are, for requests that no HTTP library sends, and reads what
/// HTTP/1.1 answers to the first of them.
pub fn send_octets(address: SocketAddr, octets: &[u8]) -> anyhow::Result<Answer> {
    answer_of(address, client::send_octets(address, octets))
}

fn answer_of(
    address: SocketAddr,
    answer: impl Future<Output = anyhow::Result<Answer>>,
) -> anyhow::Result<Answer> {
    let answer = async { tokio::time::timeout(PATIENCE, answer).await };
    let answer = runtime()?.block_on(answer);
    answer
        .unwrap_or_else(|_| anyhow::bail!("no answer within {PATIENCE:?}"))
        .with_context(|| address.to_string())
}

/// A runtime on the caller's thread.
fn runtime() -> std::io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
}

#[cfg(test)]
mod tests;
