//! An HTTP/2 connection (RFC 9113) that costs its client next to nothing: it sends requests whose
//! fields are encoded already, and counts the answers, which have no body.

pub mod hpack;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, bail};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How long Envoy may be silent.
const PATIENCE: Duration = Duration::from_secs(30);

/// The length of a frame's header.
const HEADER: usize = 9;

/// The longest payload that every peer takes (RFC 9113, 4.2).
const MAX_PAYLOAD: usize = 16 * 1024;

const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

/// On HEADERS.
const END_STREAM: u8 = 1;
/// On SETTINGS and PING.
const ACK: u8 = 1;
/// On HEADERS and CONTINUATION.
const END_HEADERS: u8 = 4;

/// A client that sends requests in batches. Dropping it abandons those that are under way.
pub struct Connection {
    stream: TcpStream,
    next_stream: u32,
    under_way: usize,
    received: Vec<u8>,
    sent: Vec<u8>,
}

impl Connection {
    /// Connects.
    pub fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address)
            .with_context(|| format!("{address} does not accept connections"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut sent = PREFACE.to_vec();
        push_frame(&mut sent, SETTINGS, 0, 0, &[]);
        Ok(Self {
            stream,
            next_stream: 1,
            under_way: 0,
            received: Vec::new(),
            sent,
        })
    }

    /// Sends requests at once, each a field block as [`hpack`] writes it.
    pub fn send<Block: AsRef<[u8]>>(
        &mut self,
        blocks: impl IntoIterator<Item = Block>,
    ) -> anyhow::Result<()> {
        for block in blocks {
            self.push_request(block.as_ref());
        }
        self.flush()
    }

    /// Waits for the answers to all requests under way.
    pub fn finish(&mut self) -> anyhow::Result<()> {
        let mut buffer = [0; 64 * 1024];
        while self.under_way > 0 {
            let size = self.stream.read(&mut buffer).context("Envoy is silent")?;
            if size == 0 {
                bail!("Envoy closed the connection");
            }
            self.received.extend_from_slice(&buffer[..size]);
            self.read_frames()?;
        }
        Ok(())
    }

    fn push_request(&mut self, block: &[u8]) {
        let mut kind = HEADERS;
        let mut rest = block;
        while rest.len() > MAX_PAYLOAD {
            let (payload, after) = rest.split_at(MAX_PAYLOAD);
            push_frame(
                &mut self.sent,
                kind,
                end_stream(kind),
                self.next_stream,
                payload,
            );
            (kind, rest) = (CONTINUATION, after);
        }
        let flags = end_stream(kind) | END_HEADERS;
        push_frame(&mut self.sent, kind, flags, self.next_stream, rest);
        self.next_stream += 2;
        self.under_way += 1;
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        self.stream
            .write_all(&self.sent)
            .context("Envoy takes no requests")?;
        self.sent.clear();
        Ok(())
    }

    /// Takes the complete frames out of what was received.
    fn read_frames(&mut self) -> anyhow::Result<()> {
        let received = std::mem::take(&mut self.received);
        let mut rest = received.as_slice();
        while let Some((header, after)) = rest.split_at_checked(HEADER) {
            let size =
                usize::from(header[0]) << 16 | usize::from(header[1]) << 8 | usize::from(header[2]);
            let Some((payload, after)) = after.split_at_checked(size) else {
                break;
            };
            self.take_frame(header[3], header[4], payload)?;
            rest = after;
        }
        self.received = rest.to_vec();
        if self.sent.is_empty() {
            return Ok(());
        }
        self.flush()
    }

    fn take_frame(&mut self, kind: u8, flags: u8, payload: &[u8]) -> anyhow::Result<()> {
        match kind {
            HEADERS if flags & END_STREAM != 0 => self.under_way -= 1,
            SETTINGS | PING if flags & ACK != 0 => {}
            SETTINGS => push_frame(&mut self.sent, SETTINGS, ACK, 0, &[]),
            PING => push_frame(&mut self.sent, PING, ACK, 0, payload),
            WINDOW_UPDATE => {}
            _ => bail!("Envoy sent a frame of type {kind}, which no answer without body has"),
        }
        Ok(())
    }
}

/// No request has a body. Only HEADERS says so.
fn end_stream(kind: u8) -> u8 {
    if kind == HEADERS { END_STREAM } else { 0 }
}

fn push_frame(frames: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    // The size has 24 bits.
    frames.extend_from_slice(&(payload.len() as u32).to_be_bytes()[1..]);
    frames.extend_from_slice(&[kind, flags]);
    frames.extend_from_slice(&stream.to_be_bytes());
    frames.extend_from_slice(payload);
}
