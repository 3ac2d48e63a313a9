//! A plugin under one configuration: what its root context and its requests share.

use crate::secret;
use crate::shared_data;
use crate::statistics::Statistics;
use crate::{hostcalls, waiting};
use basic_auth::{Policy, Worker};
use std::cell::{Cell, RefCell};
use std::time::{Duration, UNIX_EPOCH};

/// How often statistics are flushed.
const TICK: Duration = Duration::from_secs(1);

/// What decides requests, and what came of it.
pub(crate) struct Plugin {
    pub(crate) policy: Policy,
    pub(crate) worker: RefCell<Worker>,
    pub(crate) statistics: Statistics,
    /// The number of the root context.
    pub(crate) root: u32,
    /// How often the timer fires.
    pub(crate) period: Cell<Duration>,
    flushed_at: Cell<Duration>,
}

impl Plugin {
    /// # Errors
    /// Why the configuration is refused.
    pub(crate) fn configure(configuration: &[u8], root: u32) -> Result<Self, String> {
        let policy =
            Policy::parse(configuration, &environment).map_err(|error| error.to_string())?;
        log::info!("{}", policy.summary());
        for warning in policy.warnings() {
            log::warn!("{warning}");
        }
        let worker = worker(&policy, root).ok_or("the host has no random octets to give")?;
        Ok(Self {
            policy,
            worker: RefCell::new(worker),
            statistics: Statistics::define(),
            root,
            period: Cell::new(TICK),
            flushed_at: Cell::default(),
        })
    }

    /// Whether it is time to hand over what was counted: the timer fires more often while requests wait.
    pub(crate) fn is_flush_due(&self) -> bool {
        let (now, last) = (now(), self.flushed_at.get());
        let is_due = now < last || now - last >= TICK || self.period.get() == TICK;
        if is_due {
            self.flushed_at.set(now);
        }
        is_due
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

/// What verifies passwords on this worker, as far as the host lets it.
fn worker(policy: &Policy, root: u32) -> Option<Worker> {
    let mut worker = Worker::new(policy.worker_limits(), secret::random()?, now);
    if !worker.share(shared_data::store(), &secret::random()?) {
        log::warn!("no shared data on this host: each worker verifies passwords for itself");
    }
    let holds = waiting::is_possible(root);
    if !holds {
        log::warn!(
            "no timer or no effective context on this host: slow checks are made as a whole, and none waits"
        );
    }
    worker.hold_requests(holds);
    if !hostcalls::has_properties() {
        log::warn!("no properties on this host: clients cannot be told apart by their address");
    }
    Some(worker)
}

/// A VM environment variable.
fn environment(name: &str) -> Option<Vec<u8>> {
    std::env::var_os(name).map(std::ffi::OsString::into_encoded_bytes)
}

/// The host's time; it may jump, and stands still if the host has none.
fn now() -> Duration {
    proxy_wasm::hostcalls::get_current_time()
        .ok()
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
        .unwrap_or_default()
}
