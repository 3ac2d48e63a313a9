//! What the tests with real clients share: one Envoy with the built module, and the servers behind it.
//!
//! A client is a program that people use, as Debian has it: `.ci/run` installs what a bare machine lacks.

pub mod program;
pub mod proxy;
pub mod servers;

use std::time::{Duration, Instant};

/// How long anything may take on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// Looks every few milliseconds until `look` finds something.
///
/// # Panics
/// With what was waited for, after a minute.
pub fn wait_for<Found>(what: &str, mut look: impl FnMut() -> Option<Found>) -> Found {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
