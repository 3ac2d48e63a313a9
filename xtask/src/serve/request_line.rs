//! Request targets with a fragment, which hyper takes for targets without one.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How HTTP/2 begins (RFC 9113, 3.4), as far as it looks like a request line.
const PREFACE: &[u8] = b"PRI * HTTP/2.0";

/// What no request target holds: hyper answers 400 (RFC 9112, 3.2).
const INVALID: u8 = 0x7f;

/// A stream from a client in which no request target has a fragment.
#[derive(Debug)]
pub(super) struct WithoutFragments<Stream> {
    stream: Stream,
    guard: FragmentGuard,
}

impl<Stream> WithoutFragments<Stream> {
    pub(super) fn new(stream: Stream) -> Self {
        let guard = FragmentGuard::default();
        Self { stream, guard }
    }
}

impl<Stream: AsyncRead + Unpin> AsyncRead for WithoutFragments<Stream> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        self.guard.look(&mut buffer.filled_mut()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl<Stream: AsyncWrite + Unpin> AsyncWrite for WithoutFragments<Stream> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Follows what a client sends, and makes fragments in request lines invalid.
///
/// What comes after a request with a body may be taken for a request line. Nothing is lost by that:
/// no body is ever read here.
#[derive(Debug)]
struct FragmentGuard {
    place: Place,
    /// The octets of the line so far, but no more than are needed to know the preface.
    line: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    RequestLine,
    Fields,
    /// The frames of HTTP/2.
    Frames,
}

impl Default for FragmentGuard {
    fn default() -> Self {
        Self {
            place: Place::RequestLine,
            line: Vec::new(),
        }
    }
}

impl FragmentGuard {
    /// Looks at the next octets.
    fn look(&mut self, received: &mut [u8]) {
        for octet in received {
            match (self.place, *octet) {
                (Place::Frames, _) => return,
                (_, b'\n') => self.end_line(),
                (_, b'\r') => {}
                (place, sent) => {
                    if (place, sent) == (Place::RequestLine, b'#') {
                        *octet = INVALID;
                    }
                    if self.line.len() <= PREFACE.len() {
                        self.line.push(sent);
                    }
                }
            }
        }
    }

    fn end_line(&mut self) {
        self.place = match self.place {
            Place::RequestLine if self.line == PREFACE => Place::Frames,
            // Empty lines before a request are skipped (RFC 9112, 2.2).
            Place::RequestLine if self.line.is_empty() => Place::RequestLine,
            Place::Fields if self.line.is_empty() => Place::RequestLine,
            Place::Frames => Place::Frames,
            Place::RequestLine | Place::Fields => Place::Fields,
        };
        self.line.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::FragmentGuard;

    fn guarded(sent: &str, step: usize) -> String {
        let mut guard = FragmentGuard::default();
        let mut octets = sent.as_bytes().to_vec();
        octets.chunks_mut(step).for_each(|part| guard.look(part));
        String::from_utf8(octets).unwrap()
    }

    #[test]
    fn only_request_lines_are_changed() {
        let one = "\r\nGET /a#b HTTP/1.1\r\nhost: a#b\r\n\r\n";
        let invalid = "\r\nGET /a\u{7f}b HTTP/1.1\r\nhost: a#b\r\n\r\n";
        let two = "GET /a HTTP/1.1\nx: #\n\nGET /#";
        let second_invalid = "GET /a HTTP/1.1\nx: #\n\nGET /\u{7f}";
        let http2 = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n#\r\n\r\n#";
        for step in [1, 3, 1000] {
            assert_eq!(guarded(one, step), invalid);
            assert_eq!(guarded(two, step), second_invalid);
            assert_eq!(guarded(http2, step), http2);
        }
    }
}
