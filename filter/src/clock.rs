//! The host's clock.

use proxy_wasm::hostcalls;
use std::time::{Duration, UNIX_EPOCH};

/// The host's time; it may jump, and stands still if the host has none.
pub(crate) fn now() -> Duration {
    hostcalls::get_current_time()
        .ok()
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
        .unwrap_or_default()
}
