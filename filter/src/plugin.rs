//! A plugin under one configuration: what its root context and its requests share.

use crate::secret;
use crate::statistics::Statistics;
use basic_auth::{Policy, Worker};
use proxy_wasm::hostcalls;
use std::cell::RefCell;
use std::time::{Duration, UNIX_EPOCH};

/// What decides requests, and what came of it.
pub(crate) struct Plugin {
    pub(crate) policy: Policy,
    pub(crate) worker: RefCell<Worker>,
    pub(crate) statistics: Statistics,
}

impl Plugin {
    /// # Errors
    /// Why the configuration is refused.
    pub(crate) fn configure(configuration: &[u8]) -> Result<Self, String> {
        let policy =
            Policy::parse(configuration, &environment).map_err(|error| error.to_string())?;
        log::info!("{}", policy.summary());
        for warning in policy.warnings() {
            log::warn!("{warning}");
        }
        let secret = secret::random().ok_or("the host has no random octets to give")?;
        let worker = Worker::new(policy.worker_limits(), secret, now);
        Ok(Self {
            policy,
            worker: RefCell::new(worker),
            statistics: Statistics::define(),
        })
    }

    /// Hands what was counted to the host.
    pub(crate) fn flush(&self) {
        let verifications = self.worker.borrow().verification_counts();
        self.statistics.flush(verifications);
    }
}

impl Drop for Plugin {
    fn drop(&mut self) {
        self.flush();
    }
}

/// A VM environment variable.
fn environment(name: &str) -> Option<Vec<u8>> {
    std::env::var_os(name).map(std::ffi::OsString::into_encoded_bytes)
}

/// The host's time; it may jump, and stands still if the host has none.
fn now() -> Duration {
    hostcalls::get_current_time()
        .ok()
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
        .unwrap_or_default()
}
