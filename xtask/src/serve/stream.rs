//! A connection whose activity is seen from outside.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// When a connection has last made progress.
#[derive(Debug)]
pub(super) struct Activity {
    begin: Instant,
    /// In milliseconds since `begin`: octets came or went.
    last: AtomicU64,
    /// In milliseconds since `begin`, the first time that octets could not go since some went last.
    /// `u64::MAX` while they go.
    stuck: AtomicU64,
}

impl Activity {
    pub(super) fn new(begin: Instant) -> Arc<Self> {
        Arc::new(Self {
            begin,
            last: AtomicU64::new(0),
            stuck: AtomicU64::new(u64::MAX),
        })
    }

    /// When octets came or went last.
    pub(super) fn last(&self) -> Instant {
        self.moment(&self.last)
    }

    /// When the patience ends with a client from whom nothing comes and to whom nothing goes, or who
    /// does not read.
    pub(super) fn deadline(&self, patience: Duration) -> Instant {
        let idle = self.last() + patience;
        match self.stuck.load(Ordering::Relaxed) {
            u64::MAX => idle,
            _ => idle.min(self.moment(&self.stuck) + patience),
        }
    }

    fn moment(&self, since_begin: &AtomicU64) -> Instant {
        self.begin + Duration::from_millis(since_begin.load(Ordering::Relaxed))
    }

    fn now(&self) -> u64 {
        u64::try_from(self.begin.elapsed().as_millis()).unwrap_or(u64::MAX - 1)
    }

    fn moved(&self) {
        self.last.store(self.now(), Ordering::Relaxed);
    }

    fn wrote<Written>(&self, written: &Poll<io::Result<Written>>) {
        match written {
            Poll::Ready(_) => {
                self.stuck.store(u64::MAX, Ordering::Relaxed);
                self.moved();
            }
            Poll::Pending => {
                let (since, now) = (u64::MAX, self.now());
                let order = Ordering::Relaxed;
                // An error means that it is stuck for longer already.
                let _ = self.stuck.compare_exchange(since, now, order, order);
            }
        }
    }
}

/// A stream that records its activity.
#[derive(Debug)]
pub(super) struct Watched<Stream> {
    stream: Stream,
    activity: Arc<Activity>,
}

impl<Stream> Watched<Stream> {
    pub(super) fn new(stream: Stream, activity: Arc<Activity>) -> Self {
        Self { stream, activity }
    }
}

impl<Stream: AsyncRead + Unpin> AsyncRead for Watched<Stream> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        self.activity.moved();
        Poll::Ready(Ok(()))
    }
}

impl<Stream: AsyncWrite + Unpin> AsyncWrite for Watched<Stream> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, octets);
        self.activity.wrote(&written);
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
