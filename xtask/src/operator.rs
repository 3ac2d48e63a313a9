//! What the commands for operators share: `check`, `explain`, `users`.

use std::fs::File;
use std::io::{IsTerminal as _, Read as _};
use std::path::Path;

use anyhow::{Context as _, bail};

/// How a command prints what it found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum OutputFormat {
    /// For people.
    #[default]
    Text,
    /// For other programs.
    Json,
}

impl OutputFormat {
    /// Whether other programs read it.
    #[must_use]
    pub fn is_json(self) -> bool {
        self == Self::Json
    }
}

/// The largest file that is read.
const MAX_OCTETS: u64 = 64 * 1024 * 1024;

/// A file as a whole.
pub(crate) fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    let cannot = || format!("{} cannot be read", file.display());
    let mut text = Vec::new();
    let opened = File::open(file).with_context(cannot)?;
    opened
        .take(MAX_OCTETS + 1)
        .read_to_end(&mut text)
        .with_context(cannot)?;
    if text.len() as u64 > MAX_OCTETS {
        bail!("{} is over 64 MiB, and no configuration", file.display());
    }
    Ok(text)
}

/// The line of an octet, counted from 1.
pub(crate) fn line(source: &str, at: usize) -> usize {
    source.get(..at).unwrap_or_default().matches('\n').count() + 1
}

/// Whether standard error is a terminal whose owner wants colours (<https://no-color.org>).
pub(crate) fn is_coloured() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && std::io::stderr().is_terminal()
}
