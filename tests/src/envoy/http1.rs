//! HTTP/1.1 as octets: a library would refuse what a hostile client sends.

use super::Answer;
use crate::corpus::Request;
use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// How long Envoy may be silent.
const PATIENCE: Duration = Duration::from_secs(30);

/// Sends a request on a connection of its own. `None` when it has no form in HTTP/1.1.
///
/// # Errors
/// When there is no answer.
#[must_use]
pub fn exchange(address: SocketAddr, request: &Request) -> Option<Result<Answer, String>> {
    let octets = serialize(request)?;
    Some(send(address, &octets))
}

/// Sends octets on a connection of their own, and reads the answer to its end. Envoy keeps some
/// connections open for a second after that: it is not waited for.
///
/// # Errors
/// When there is no answer.
pub fn send(address: SocketAddr, request: &[u8]) -> Result<Answer, String> {
    let answer = || -> std::io::Result<Answer> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(request)?;
        let mut received = Vec::new();
        let mut part = [0; 16 * 1024];
        loop {
            let count = stream.read(&mut part)?;
            received.extend_from_slice(&part[..count]);
            let is_bodyless = request.starts_with(b"HEAD ");
            if let Some(answer) = parse(&received, is_bodyless, count == 0) {
                return Ok(answer);
            }
            if count == 0 {
                return Err(std::io::Error::other(format!(
                    "an answer without end: {received:?}"
                )));
            }
        }
    };
    answer().map_err(|error| format!("{address}: {error}"))
}

fn serialize(request: &Request) -> Option<Vec<u8>> {
    let method = request.method.as_deref()?;
    let mut octets = [method, b" ", request.path.as_deref()?, b" HTTP/1.1\r\n"].concat();
    octets.extend([b"host: ", request.authority.as_deref()?, b"\r\n"].concat());
    for (name, value) in &request.fields {
        octets.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
    }
    octets.extend(b"\r\n");
    Some(octets)
}

/// An answer, if it is there as a whole (RFC 9112, 6.3).
fn parse(received: &[u8], is_bodyless: bool, is_closed: bool) -> Option<Answer> {
    let end = received
        .windows(4)
        .position(|window| window == b"\r\n\r\n")?;
    let (head, body) = (
        String::from_utf8_lossy(&received[..end]),
        &received[end + 4..],
    );
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let field = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_ascii_lowercase(), value.trim().to_owned()))
    };
    let mut answer = Answer {
        status,
        headers: lines.filter_map(field).collect(),
        body: Vec::new(),
    };
    let length = answer
        .header("content-length")
        .and_then(|length| length.parse().ok());
    answer.body = match (is_bodyless, length) {
        (true, _) => Vec::new(),
        (false, Some(length)) => body.get(..length)?.to_vec(),
        (false, None) if answer.header("transfer-encoding").is_some() => unchunked(body)?,
        (false, None) => is_closed.then(|| body.to_vec())?,
    };
    Some(answer)
}

/// The content of a chunked body (RFC 9112, 7.1), if its end is there.
fn unchunked(mut body: &[u8]) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    loop {
        let line = body.windows(2).position(|window| window == b"\r\n")?;
        let size = std::str::from_utf8(&body[..line]).ok()?.split(';').next()?;
        let size = usize::from_str_radix(size.trim(), 16).ok()?;
        let chunk = body.get(line + 2..line + 2 + size)?;
        if size == 0 {
            return Some(content);
        }
        content.extend_from_slice(chunk);
        body = body.get(line + 2 + size + 2..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn an_answer_ends_where_its_framing_says() {
        let sized = b"HTTP/1.1 401 x\r\nContent-Length: 2\r\nA: b:c \r\n\r\nab";
        let answer = parse(sized, false, false).expect("a whole answer");
        assert_eq!((answer.status, &answer.body[..]), (401, &b"ab"[..]));
        assert_eq!(answer.header("a"), Some("b:c"));
        assert!(parse(&sized[..sized.len() - 1], false, false).is_none());
        assert!(parse(&sized[..sized.len() - 2], true, false).is_some());
        let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n1;x\r\nd\r\n0\r\n\r\n";
        assert_eq!(
            parse(chunked, false, false).expect("a whole answer").body,
            b"abcd"
        );
        assert!(parse(&chunked[..chunked.len() - 8], false, false).is_none());
        let closed = b"HTTP/1.0 400 x\r\n\r\nabc";
        assert!(parse(closed, false, false).is_none());
        assert_eq!(
            parse(closed, false, true).expect("a whole answer").body,
            b"abc"
        );
    }
}
