//! A small upstream that answers with what it received, for `cargo xtask up` and the tests.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use crate::background::Background;

/// An HTTP/1.1 server on a free port of the loopback interface.
///
/// It answers every request with 200 and a JSON object: `method`, `path`, `headers` (a list of
/// pairs in the order of arrival, names as received), `body_bytes` and `trailers`. Octets above 0x7F appear
/// as the characters U+0080 to U+00FF, so that nothing is lost.
///
/// It reads requests by hand because an HTTP library refuses some of the octets that Envoy lets
/// through, and the tests must see what an upstream could see.
pub struct Upstream {
    address: SocketAddr,
    _background: Background,
}

impl Upstream {
    /// Starts the server; it ends with the value.
    pub fn start() -> anyhow::Result<Self> {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port for the upstream")?;
        let address = listener.local_addr()?;
        listener.set_nonblocking(true)?;
        let background = Background::start("upstream", move || async move {
            // The conversion fails only outside a runtime.
            if let Ok(listener) = tokio::net::TcpListener::from_std(listener) {
                accept(listener).await;
            }
        })?;
        Ok(Self {
            address,
            _background: background,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

async fn accept(listener: tokio::net::TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(converse(stream))),
            // Out of file descriptors, say: others may end meanwhile.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

/// Answers the requests of one connection until the peer closes it or speaks no HTTP.
async fn converse(stream: TcpStream) {
    let mut stream = BufReader::new(stream);
    while let Ok(Some(received)) = receive(&mut stream).await {
        let answer = answer(&received);
        if stream.get_mut().write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

fn answer(received: &Value) -> String {
    let body = received.to_string();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    if received["method"] == "HEAD" {
        head
    } else {
        head + &body
    }
}

/// Reads one request. `None` at the end of the connection.
async fn receive(stream: &mut BufReader<TcpStream>) -> std::io::Result<Option<Value>> {
    let Some(request_line) = line(stream).await? else {
        return Ok(None);
    };
    let Some((method, path)) = split_request_line(&request_line) else {
        return Ok(None);
    };
    let Some(headers) = fields(stream).await? else {
        return Ok(None);
    };
    let (body_bytes, trailers) = discard_body(stream, &headers).await?;
    Ok(Some(json!({
        "method": latin1(method),
        "path": latin1(path),
        "headers": headers,
        "body_bytes": body_bytes,
        "trailers": trailers,
    })))
}

/// Fields up to the empty line. `None` if one has no colon.
async fn fields(stream: &mut BufReader<TcpStream>) -> std::io::Result<Option<Fields>> {
    let mut fields = Fields::new();
    while let Some(field) = line(stream).await? {
        if field.is_empty() {
            break;
        }
        let Some((name, value)) = split_field(&field) else {
            return Ok(None);
        };
        fields.push((latin1(name), latin1(value)));
    }
    Ok(Some(fields))
}

/// A line without its CRLF. `None` at the end of the connection.
async fn line(stream: &mut BufReader<TcpStream>) -> std::io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    stream.read_until(b'\n', &mut line).await?;
    if line.pop() != Some(b'\n') {
        return Ok(None);
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(Some(line))
}

/// Method and path: what stands before the first blank, and between it and the last one.
fn split_request_line(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let first = line.iter().position(|&octet| octet == b' ')?;
    let last = line.iter().rposition(|&octet| octet == b' ')?;
    Some((&line[..first], line.get(first + 1..last)?))
}

fn split_field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = line.iter().position(|&octet| octet == b':')?;
    Some((&line[..colon], line[colon + 1..].trim_ascii()))
}

/// Each octet as the character of the same number.
fn latin1(octets: &[u8]) -> String {
    octets.iter().copied().map(char::from).collect()
}

/// Header fields, names and values.
type Fields = Vec<(String, String)>;

/// Reads the body that follows `headers` and returns its length, and the trailers behind it.
async fn discard_body(
    stream: &mut BufReader<TcpStream>,
    headers: &[(String, String)],
) -> std::io::Result<(u64, Fields)> {
    let field = |wanted: &str| {
        headers
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
            .map(|(_, value)| value.as_str())
    };
    if field("transfer-encoding").is_some() {
        return discard_chunks(stream).await;
    }
    let length = field("content-length")
        .and_then(|length| length.parse().ok())
        .unwrap_or(0);
    Ok((discard(stream, length).await?, Fields::new()))
}

async fn discard_chunks(stream: &mut BufReader<TcpStream>) -> std::io::Result<(u64, Fields)> {
    let mut total = 0;
    while let Some(size) = line(stream).await? {
        let digits = latin1(&size);
        let digits = digits.split(';').next().unwrap_or_default().trim();
        let size = u64::from_str_radix(digits, 16).map_err(std::io::Error::other)?;
        if size == 0 {
            break;
        }
        total += discard(stream, size).await?;
        line(stream).await?;
    }
    Ok((total, fields(stream).await?.unwrap_or_default()))
}

async fn discard(stream: &mut BufReader<TcpStream>, length: u64) -> std::io::Result<u64> {
    tokio::io::copy(&mut stream.take(length), &mut tokio::io::sink()).await
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use super::*;

    fn answer(upstream: &Upstream, request: &[u8]) -> String {
        let mut stream = std::net::TcpStream::connect(upstream.address()).unwrap();
        stream.write_all(request).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn every_octet_arrives() {
        let upstream = Upstream::start().unwrap();
        let answer = answer(
            &upstream,
            b"G\xffT /a b\xfe\\\"<> HTTP/1.1\r\nX-A:  \x01\xff \r\n\r\n",
        );
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let received: Value = serde_json::from_str(body).unwrap();
        assert_eq!(received["method"], "G\u{ff}T");
        assert_eq!(received["path"], "/a b\u{fe}\\\"<>");
        assert_eq!(received["headers"], json!([["X-A", "\u{1}\u{ff}"]]));
    }

    #[test]
    fn bodies_do_not_spill_into_the_next_request() {
        let upstream = Upstream::start().unwrap();
        let answer = answer(
            &upstream,
            b"POST /1 HTTP/1.1\r\ncontent-length: 5\r\n\r\nhello\
              POST /2 HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n\
              HEAD /nothing HTTP/1.1\r\n\r\n\
              GET /3 HTTP/1.1\r\n\r\n",
        );
        let paths = ["/1", "/2", "/3"].map(|path| answer.contains(&format!("\"path\":\"{path}\"")));
        assert_eq!(paths, [true; 3], "{answer}");
        assert!(
            !answer.contains("/nothing"),
            "an answer to HEAD has no body: {answer}"
        );
        assert!(
            answer.contains("\"body_bytes\":5") && answer.contains("\"body_bytes\":3"),
            "{answer}"
        );
        assert!(answer.contains(r#""trailers":[["X-T","1"]]"#), "{answer}");
    }
}
