//! What one worker thread keeps between requests under one configuration.

use super::budget::BudgetLimits;
use super::cache::{CacheLimits, CredentialsCache};
use super::counts::VerificationCounts;
use super::queue::{Held, Ready};
use super::shared::SharedStore;
use super::verifications::Verifications;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

/// Scratch space and verifications of one worker.
pub struct Worker {
    /// Decoded credentials.
    pub(crate) buffer: Vec<u8>,
    /// The host of the request at hand.
    pub(crate) host: Vec<u8>,
    /// The indices of the rules that may apply to the request at hand.
    pub(crate) candidates: Vec<usize>,
    /// Those of the rules that decide it.
    pub(crate) deciding: Vec<usize>,
    pub(crate) verifications: Verifications,
}

/// How much a worker may remember and compute.
#[derive(Clone, Copy, Debug, Default)]
pub struct WorkerLimits {
    pub(crate) cache: CacheLimits,
    pub(crate) budget: BudgetLimits,
}

impl Worker {
    /// `secret` keys what is remembered of credentials: random, new for each VM. `clock` tells
    /// the time since any start; it may jump.
    #[must_use]
    pub fn new(
        limits: WorkerLimits,
        secret: [u8; 32],
        clock: impl Fn() -> Duration + 'static,
    ) -> Self {
        let cache = CredentialsCache::new(secret, limits.cache);
        Self {
            buffer: Vec::new(),
            host: Vec::new(),
            candidates: Vec::new(),
            deciding: Vec::new(),
            verifications: Verifications::new(Box::new(clock), cache, &secret, limits.budget),
        }
    }

    /// Remembers verified credentials together with the other workers of the proxy, under a key on which
    /// they agree: `random`, if this worker is the first. Whether the store keeps anything: if not, this
    /// worker remembers for itself.
    pub fn share(&mut self, store: SharedStore, random: &[u8; 32]) -> bool {
        self.verifications.share(store, random)
    }

    /// Whether requests can be held from now on: the decision on one may be [`Decision::Hold`], and
    /// [`Worker::work`] is called for those. Otherwise every check is made at once and as a whole.
    ///
    /// [`Decision::Hold`]: crate::Decision::Hold
    pub fn hold_requests(&mut self, holds: bool) {
        self.verifications.hold(holds);
    }

    /// Holds a request, under a number of the caller's.
    pub fn wait(&mut self, held: Held, stream: u32) {
        self.verifications.queue().push(stream, held);
    }

    /// Forgets a held request: its client went away.
    pub fn leave(&mut self, stream: u32) {
        self.verifications.leave(stream);
    }

    /// Whether a request is held.
    #[must_use]
    pub fn is_waiting(&self, stream: u32) -> bool {
        self.verifications.is_waiting(stream)
    }

    /// Works for the held requests, for a slice of time at most. Those that are returned are to be decided
    /// again by [`Policy::resume`](crate::Policy::resume).
    pub fn work(&mut self) -> Vec<Ready> {
        self.verifications.work()
    }

    /// In what time to call [`Worker::work`] again; `None` if there is nothing to do.
    pub fn next_work(&mut self) -> Option<Duration> {
        self.verifications.next_work()
    }

    /// Gives up all held requests: those that are to be answered by the caller.
    pub fn dismiss(&mut self) -> Vec<u32> {
        self.verifications.dismiss()
    }

    /// What was done so far to verify slow hashes.
    #[must_use]
    pub fn verification_counts(&self) -> VerificationCounts {
        self.verifications.counts()
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Worker(redacted)")
    }
}
