//! A client that sends exactly the bytes it is given, for targets that others would normalise.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::Context as _;

/// How long a server may be silent.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a server answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Names in lower case, and values, in the order of arrival.
    pub headers: Vec<(String, String)>,
    /// The whole body, put together again if it came in chunks.
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
}

/// `GET path`.
pub fn get(address: SocketAddr, path: &str) -> anyhow::Result<Answer> {
    exchange(
        address,
        format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").as_bytes(),
    )
}

/// Sends `request`, which must ask for the connection to be closed, and reads the answer.
pub fn exchange(address: SocketAddr, request: &[u8]) -> anyhow::Result<Answer> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)
        .with_context(|| format!("{address} does not answer"))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(request)?;
    let mut answer = Vec::new();
    stream
        .read_to_end(&mut answer)
        .with_context(|| format!("{address} broke off its answer"))?;
    parse(&answer, request.starts_with(b"HEAD "))
        .with_context(|| format!("{address} gave no HTTP answer"))
}

/// `is_to_head`: the answer describes a body that it does not have.
fn parse(answer: &[u8], is_to_head: bool) -> Option<Answer> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&answer[..end]);
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers = lines.filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_ascii_lowercase(), value.trim().to_owned()))
    });
    let mut answer = Answer {
        status,
        headers: headers.collect(),
        body: answer[end + 4..].to_vec(),
    };
    if !is_to_head && answer.header("transfer-encoding").is_some() {
        answer.body = without_chunks(&answer.body)?;
    }
    Some(answer)
}

/// The content of a chunked body. `None` when its end is missing.
fn without_chunks(mut chunks: &[u8]) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    loop {
        let line = chunks.windows(2).position(|window| window == b"\r\n")?;
        let size = std::str::from_utf8(&chunks[..line])
            .ok()?
            .split(';')
            .next()?;
        let size = usize::from_str_radix(size.trim(), 16).ok()?;
        chunks = &chunks[line + 2..];
        if size == 0 {
            return Some(content);
        }
        content.extend_from_slice(chunks.get(..size)?);
        chunks = chunks.get(size + 2..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_taken_apart() {
        let answer = parse(
            b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate:  Basic x:y \r\n\r\nbody",
            false,
        )
        .unwrap();
        assert_eq!(answer.status, 401);
        assert_eq!(answer.header("www-authenticate"), Some("Basic x:y"));
        assert_eq!(answer.body, b"body");
    }

    #[test]
    fn chunks_are_put_together() {
        let answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab\n\r\nA;x\r\n0123456789\r\n0\r\n\r\n";
        assert_eq!(parse(answer, false).unwrap().body, b"ab\n0123456789");
        assert!(parse(&answer[..answer.len() - 6], false).is_none());
    }

    #[test]
    fn an_answer_to_head_has_no_chunks() {
        let answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert_eq!(parse(answer, true).unwrap().body, b"");
        assert!(parse(answer, false).is_none());
    }

    #[test]
    fn half_an_answer_is_none() {
        assert!(parse(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n", false).is_none());
        assert!(parse(b"", false).is_none());
        assert!(parse(b"SSH-2.0\r\n\r\n", false).is_none());
    }
}
