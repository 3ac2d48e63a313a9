//! The level from which the module logs: that of the host.

use crate::hostcalls;
use proxy_wasm::types::LogLevel;

/// Logs from the level on that the host has now.
pub(crate) fn adopt() {
    proxy_wasm::set_log_level(match hostcalls::log_level() {
        Some(0) => LogLevel::Trace,
        Some(1) => LogLevel::Debug,
        Some(3) => LogLevel::Warn,
        Some(4) => LogLevel::Error,
        // Envoy's `critical` and `off`.
        Some(5..) => LogLevel::Critical,
        Some(2) | None => LogLevel::Info,
    });
}
