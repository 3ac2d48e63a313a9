//! A plugin under one configuration: what its root context and its requests share.

use crate::clock;
use crate::dry_run::DryRun;
use crate::secret;
use crate::statistics::Statistics;
use crate::stream_memory;
use crate::timer::Timer;
use crate::trailers::Withheld;
use basic_auth::{Policy, Worker};
use std::cell::RefCell;
use std::rc::Rc;

/// What decides requests, and what came of it.
pub(crate) struct Plugin {
    pub(crate) policy: Policy,
    pub(crate) worker: RefCell<Worker>,
    pub(crate) statistics: Statistics,
    pub(crate) timer: Timer,
    pub(crate) dry_run: DryRun,
    /// Apart, so that a long stream does not keep the rest.
    pub(crate) withheld: Option<Rc<Withheld>>,
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
        let worker = Worker::new(policy.worker_limits(), secret, clock::now);
        if policy.remembers_streams() {
            stream_memory::declare();
        }
        Ok(Self {
            worker: RefCell::new(worker),
            statistics: Statistics::define(&policy),
            timer: Timer::default(),
            dry_run: DryRun::default(),
            withheld: Withheld::by(&policy).map(Rc::new),
            policy,
        })
    }

    /// Hands what was counted to the host; whether there was anything.
    pub(crate) fn flush(&self) -> bool {
        let verifications = self.worker.borrow().verification_counts();
        self.statistics.flush(verifications)
    }

    /// The timer has fired.
    pub(crate) fn tick(&self) {
        if !self.flush() {
            self.timer.stop();
        }
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
