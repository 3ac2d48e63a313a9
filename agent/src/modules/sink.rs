//! Where a body goes to while it is received: memory or a file, and no more than may come.

use std::io;

use tokio::io::{AsyncSeekExt as _, AsyncWriteExt as _};

use super::validation::MAGIC;

/// Where a body goes to.
#[derive(Debug)]
pub(super) enum Sink {
    /// Memory, for what is small.
    Memory {
        /// What has come.
        octets: Vec<u8>,
        /// No more than this may come.
        limit: u64,
    },
    /// A file.
    File(FileSink),
}

/// A body in a file.
#[derive(Debug)]
pub(super) struct FileSink {
    file: tokio::fs::File,
    written: u64,
    head: Vec<u8>,
    limits: Limits,
}

/// How large things may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Of a module.
    pub(super) module: u64,
    /// Of what a module comes in, packed or not.
    pub(super) container: u64,
}

impl Limits {
    /// A container may have other files and its own framing beside the module.
    pub(super) fn of_module(module: u64) -> Self {
        Self {
            module,
            container: module.saturating_mul(2).saturating_add(1 << 20),
        }
    }
}

impl Sink {
    /// Memory for up to `limit` octets.
    pub(super) fn memory(limit: u64) -> Self {
        Self::Memory {
            octets: Vec::new(),
            limit,
        }
    }

    /// `file`, which is written from its start.
    pub(super) fn file(file: std::fs::File, limits: Limits) -> Self {
        let file = tokio::fs::File::from_std(file);
        Self::File(FileSink {
            file,
            written: 0,
            head: Vec::new(),
            limits,
        })
    }

    /// What came, if it was to go to memory.
    pub(super) fn into_octets(self) -> Vec<u8> {
        match self {
            Self::Memory { octets, .. } => octets,
            Self::File(_) => Vec::new(),
        }
    }

    pub(super) fn limit(&self) -> u64 {
        match self {
            Self::Memory { limit, .. } => *limit,
            // What is no container by its first octets is a module.
            Self::File(sink) if sink.head.starts_with(MAGIC) => sink.limits.module,
            Self::File(sink) => sink.limits.container,
        }
    }

    pub(super) async fn restart(&mut self) -> io::Result<()> {
        match self {
            Self::Memory { octets, .. } => octets.clear(),
            Self::File(sink) => {
                sink.head.clear();
                sink.written = 0;
                sink.file.rewind().await?;
                sink.file.set_len(0).await?;
            }
        }
        Ok(())
    }

    /// Takes in `chunk`, or returns `false` when there is too much.
    pub(super) async fn append(&mut self, chunk: &[u8]) -> io::Result<bool> {
        match self {
            Self::Memory { octets, limit } => {
                octets.extend_from_slice(chunk);
                Ok(octets.len() as u64 <= *limit)
            }
            Self::File(sink) => {
                let missing = 4_usize.saturating_sub(sink.head.len()).min(chunk.len());
                sink.head.extend_from_slice(&chunk[..missing]);
                sink.written += chunk.len() as u64;
                if sink.written > self.limit() {
                    return Ok(false);
                }
                let Self::File(sink) = self else {
                    return Ok(true);
                };
                sink.file.write_all(chunk).await?;
                Ok(true)
            }
        }
    }

    pub(super) async fn finish(&mut self) -> io::Result<()> {
        match self {
            Self::Memory { .. } => Ok(()),
            Self::File(sink) => sink.file.flush().await,
        }
    }
}
