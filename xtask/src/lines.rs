//! The lines that another process prints, waited for.

use std::io::{BufRead as _, BufReader, Read};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

/// Lines as they come. They are read whether anybody waits for them or not.
pub struct Lines(Receiver<String>);

impl Lines {
    /// Of a pipe.
    pub fn of(pipe: impl Read + Send + 'static) -> Self {
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
                // An error means that nobody waits any more.
                let _ = sender.send(String::from_utf8_lossy(&line).into_owned());
            }
        });
        Self(lines)
    }

    /// Waits for a line, and passes over those before it.
    pub fn find(
        &self,
        patience: Duration,
        is_wanted: impl Fn(&str) -> bool,
    ) -> anyhow::Result<String> {
        let deadline = Instant::now() + patience;
        let mut passed = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self.0.recv_timeout(left);
            let line = line.with_context(|| format!("after {passed:#?}"))?;
            if is_wanted(&line) {
                return Ok(line);
            }
            passed.push(line);
        }
    }

    /// The other lines up to the end.
    pub fn rest(&self, patience: Duration) -> anyhow::Result<Vec<String>> {
        let deadline = Instant::now() + patience;
        let mut rest = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.0.recv_timeout(left) {
                Ok(line) => rest.push(line),
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => return Ok(rest),
                Err(error) => bail!("{error}, after {rest:#?}"),
            }
        }
    }
}
