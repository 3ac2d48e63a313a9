//! Lines for whoever reads standard output and standard error, if anybody still does: a terminal
//! that was closed or a pager that was left must not end what runs.

use std::fmt::Display;
use std::io::{self, Write as _};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};

/// Prints a line to standard output.
#[macro_export]
macro_rules! say {
    ($($line:tt)*) => { $crate::console::say(format_args!($($line)*)) };
}

/// Prints a line to standard error.
#[macro_export]
macro_rules! warn {
    ($($line:tt)*) => { $crate::console::warn(format_args!($($line)*)) };
}

/// Prints a line to standard output.
pub fn say(line: impl Display) {
    // An error means that nobody reads.
    let _ = writeln!(io::stdout().lock(), "{line}");
}

/// Prints a line to standard error.
pub fn warn(line: impl Display) {
    // An error means that nobody reads.
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// How many lines wait for a reader that is slow.
const BACKLOG: usize = 1024;

/// Lines to standard output that nobody has to wait for: a thread of their own writes them, and what
/// a reader does not take in time is left out.
#[derive(Clone)]
pub struct Log(SyncSender<String>);

impl Log {
    /// Starts the thread, which ends with the last clone of the value.
    pub fn start() -> io::Result<Self> {
        let (sender, lines) = sync_channel::<String>(BACKLOG);
        std::thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || lines.iter().for_each(say))?;
        Ok(Self(sender))
    }

    /// Leaves a line to be printed.
    pub fn push(&self, line: impl Display) {
        match self.0.try_send(line.to_string()) {
            // Left out: whoever writes a log must not wait for whoever reads it.
            Ok(()) | Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {}
        }
    }
}
