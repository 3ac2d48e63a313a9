//! A plugin under one configuration: what its root context and its requests share.

use crate::clock;
use crate::dry_run::DryRun;
use crate::secret;
use crate::shared_data;
use crate::statistics::Statistics;
use crate::stream_memory;
use crate::timer::Timer;
use crate::trailers::Withheld;
use crate::{hostcalls, waiting};
use basic_auth::{Policy, Worker};
use std::cell::RefCell;
use std::rc::Rc;

/// What decides requests, and what came of it.
pub(crate) struct Plugin {
    pub(crate) policy: Policy,
    pub(crate) worker: RefCell<Worker>,
    pub(crate) statistics: Statistics,
    /// The number of the root context.
    pub(crate) root: u32,
    pub(crate) timer: Timer,
    pub(crate) dry_run: DryRun,
    /// Apart, so that a long stream does not keep the rest.
    pub(crate) withheld: Option<Rc<Withheld>>,
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
        if policy.remembers_streams() {
            stream_memory::declare();
        }
        Ok(Self {
            worker: RefCell::new(worker),
            statistics: Statistics::define(&policy),
            root,
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
        if self.has_work() {
            self.work();
        }
        // The timer fires more often while requests wait.
        if self.timer.is_flush_due() && !self.flush() && !self.has_work() {
            self.timer.stop();
        }
    }
}

impl Drop for Plugin {
    fn drop(&mut self) {
        self.flush();
    }
}

/// What verifies passwords on this worker, as far as the host lets it.
fn worker(policy: &Policy, root: u32) -> Option<Worker> {
    let mut worker = Worker::new(policy.worker_limits(), secret::random()?, clock::now);
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
