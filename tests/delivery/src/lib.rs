//! What the tests of the agent share: the agent as a child process, a real Envoy behind it, an xDS server and a
//! module server that do what a test says, and the messages that go between them.

pub mod agent;
pub mod authority;
pub mod client;
pub mod envoy;
pub mod fake_envoy;
pub mod lab;
pub mod messages;
pub mod module_server;
pub mod xds_server;

use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// How long anything may take on a machine that is busy.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The runtime of the tests' own servers.
pub fn runtime() -> &'static tokio::runtime::Runtime {
    static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build();
        runtime.expect("a runtime")
    })
}

/// Looks every few milliseconds until `look` finds something.
///
/// # Panics
/// With what was waited for, after [`PATIENCE`].
#[track_caller]
pub fn wait_for<Found>(what: &str, look: impl FnMut() -> Option<Found>) -> Found {
    wait_at_most(PATIENCE, what, look)
}

/// The same, with a patience of its own.
///
/// # Panics
/// With what was waited for, after `patience`.
#[track_caller]
pub fn wait_at_most<Found>(
    patience: Duration,
    what: &str,
    mut look: impl FnMut() -> Option<Found>,
) -> Found {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}: not within {patience:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Watches for a while that something stays as it is.
///
/// # Panics
/// As soon as it does not.
#[track_caller]
pub fn stays(what: &str, duration: Duration, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + duration;
    while Instant::now() < end {
        assert!(holds(), "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
