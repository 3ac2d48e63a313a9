//! What one worker thread keeps between requests under one configuration.

use super::budget::{BudgetLimits, VerificationBudget};
use super::cache::{CacheLimits, CredentialsCache};
use super::verifications::{VerificationCounts, Verifications};
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
        let budget = VerificationBudget::new(limits.budget);
        Self {
            buffer: Vec::new(),
            host: Vec::new(),
            candidates: Vec::new(),
            deciding: Vec::new(),
            verifications: Verifications::new(Box::new(clock), cache, budget),
        }
    }

    /// What the verified-credentials cache has done so far.
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
