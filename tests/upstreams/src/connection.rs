//! A connection that is kept, over which requests are sent as octets.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Longer than Envoy waits for a server.
const PATIENCE: Duration = Duration::from_secs(20);

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Whether it asks for credentials.
    pub(crate) has_challenge: bool,
    pub(crate) body: Vec<u8>,
}

/// Connects when there is something to send, and again after the peer has closed.
#[derive(Debug)]
pub(crate) struct Connection {
    address: SocketAddr,
    stream: Option<TcpStream>,
}

impl Connection {
    pub(crate) fn to(address: SocketAddr) -> Self {
        Self {
            address,
            stream: None,
        }
    }

    /// Sends a message and reads the answer to its end.
    pub(crate) fn exchange(&mut self, message: &[u8]) -> io::Result<Answer> {
        if let Some(stream) = self.stream.take()
            && let Ok(answer) = self.exchange_over(stream, message)
        {
            return Ok(answer);
        }
        // The peer may have closed the connection since the last answer.
        let stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        self.exchange_over(stream, message)
    }

    fn exchange_over(&mut self, mut stream: TcpStream, message: &[u8]) -> io::Result<Answer> {
        stream.write_all(message)?;
        let mut received = Vec::new();
        let end = read_until(&mut stream, &mut received, |octets| {
            position(octets, b"\r\n\r\n")
        })?;
        let head = String::from_utf8_lossy(&received[..end]).to_ascii_lowercase();
        let mut body = received.split_off(end + 4);
        let field = |name: &str| {
            head.lines().find_map(|line| {
                let (known, value) = line.split_once(':')?;
                (known == name).then_some(value.trim())
            })
        };
        if field("transfer-encoding").is_some() {
            // The marker of a content may be torn apart only where a server sends it in parts.
            read_until(&mut stream, &mut body, |octets| {
                position(octets, b"0\r\n\r\n")
            })?;
        } else if let Some(length) = field("content-length") {
            let length: usize = length.parse().map_err(io::Error::other)?;
            read_until(&mut stream, &mut body, |octets| {
                (octets.len() >= length).then_some(0)
            })?;
        } else {
            stream.read_to_end(&mut body)?;
        }
        if field("connection") != Some("close") {
            self.stream = Some(stream);
        }
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        Ok(Answer {
            status: status.ok_or_else(|| io::Error::other("no status"))?,
            has_challenge: field("www-authenticate").is_some(),
            body,
        })
    }
}

/// Reads until `end` finds something in what was received.
fn read_until(
    stream: &mut TcpStream,
    received: &mut Vec<u8>,
    end: impl Fn(&[u8]) -> Option<usize>,
) -> io::Result<usize> {
    loop {
        if let Some(end) = end(received) {
            return Ok(end);
        }
        let mut part = [0; 16 * 1024];
        match stream.read(&mut part)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            length => received.extend(&part[..length]),
        }
    }
}

fn position(octets: &[u8], text: &[u8]) -> Option<usize> {
    octets.windows(text.len()).position(|part| part == text)
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};

    use super::*;

    /// What a connection makes of these answers, each of which comes over the same connection.
    fn answers(messages: &'static [&'static str]) -> Vec<(u16, bool, String)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let mut connection = Connection::to(listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            for message in messages {
                let mut request = [0; 4];
                stream.read_exact(&mut request).unwrap();
                stream.write_all(message.as_bytes()).unwrap();
            }
        });
        let answers = messages.iter().map(|_| {
            let answer = connection.exchange(b"ask\n").unwrap();
            let body = String::from_utf8(answer.body).unwrap();
            (answer.status, answer.has_challenge, body)
        });
        let answers = answers.collect();
        server.join().unwrap();
        answers
    }

    #[test]
    fn answers_end_where_they_say() {
        let answers = answers(&[
            "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\n\r\nuntil the end",
        ]);
        let expected = [
            (401, true, ""),
            (200, false, "1\r\na\r\n0\r\n\r\n"),
            (200, false, "until the end"),
        ];
        assert_eq!(
            answers,
            expected.map(|(status, has, body)| (status, has, body.to_owned()))
        );
    }
}
