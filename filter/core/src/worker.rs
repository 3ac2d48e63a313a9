//! What one worker thread keeps between requests under one configuration.

use crate::credentials_cache::{CredentialsCache, Remembered};
use crate::decision::Denial;
use crate::password::Verifier;
use crate::policy::Policy;
use crate::rule::Certainty;
use crate::users::Account;
use crate::verification_budget::VerificationBudget;
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
    /// Rules that may match the request at hand.
    pub(crate) candidates: Vec<usize>,
    /// Those that do, and how surely.
    pub(crate) matches: Vec<(usize, Certainty)>,
    pub(crate) verifications: Verifications,
}

impl Worker {
    /// `secret` keys what is remembered of credentials: random, new for each VM. `clock` tells
    /// the time since any start; it may jump.
    #[must_use]
    pub fn new(policy: &Policy, secret: [u8; 32], clock: impl Fn() -> Duration + 'static) -> Self {
        let verifications = Verifications {
            clock: Box::new(clock),
            cache: CredentialsCache::new(secret, policy.options.cache),
            budget: VerificationBudget::new(policy.options.budget),
            counts: VerificationCounts::default(),
            retry_after: Duration::ZERO,
        };
        Self {
            buffer: Vec::new(),
            host: Vec::new(),
            candidates: Vec::new(),
            matches: Vec::new(),
            verifications,
        }
    }

    /// What the verified-credentials cache has done so far.
    #[must_use]
    pub fn verification_counts(&self) -> VerificationCounts {
        self.verifications.counts
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Worker(redacted)")
    }
}

/// What the verified-credentials cache has done, in checks of slow hashes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VerificationCounts {
    /// Found, so that no hash had to be computed.
    pub cache_hits: u64,
    /// Not found.
    pub cache_misses: u64,
}

/// Verifies passwords, the slow ones within the budget and once.
pub(crate) struct Verifications {
    clock: Box<dyn Fn() -> Duration>,
    cache: CredentialsCache,
    budget: VerificationBudget,
    counts: VerificationCounts,
    /// With the last [`Denial::Overloaded`]: when to come back.
    pub(crate) retry_after: Duration,
}

impl Verifications {
    /// Whether the password is that of this account, which `verifier` knows.
    ///
    /// # Errors
    /// [`Denial::Overloaded`] if the check is slow, not remembered, and the budget is spent.
    pub(crate) fn verify(
        &mut self,
        account: Account,
        password: &[u8],
        verifier: &Verifier,
    ) -> Result<bool, Denial> {
        if !verifier.is_slow() {
            return Ok(verifier.verify(password));
        }
        let started = (self.clock)();
        let tag = self.cache.tag(account, password);
        let remembered = self.cache.find(&tag, started);
        if remembered == Remembered::Fresh {
            self.counts.cache_hits += 1;
            return Ok(true);
        }
        self.counts.cache_misses += 1;
        if let Err(retry_after) = self.budget.admit(started) {
            // Who was right once under this configuration still is: a flood of wrong passwords
            // must not lock out those who have expired.
            if remembered == Remembered::Expired {
                return Ok(true);
            }
            self.retry_after = retry_after;
            return Err(Denial::Overloaded);
        }
        let is_right = verifier.verify(password);
        let ended = (self.clock)();
        self.budget
            .charge(cost(started, ended, verifier.estimated_cost()));
        if is_right {
            self.cache.insert(tag, ended);
        }
        Ok(is_right)
    }
}

/// What a check takes at most with the default caps, on a machine that is not slow.
const USUAL_CHECK: Duration = Duration::from_millis(250);

/// What a check took. A clock that stands still or was set back must not make checks free, and one
/// that was set forward, or a machine that was suspended meanwhile, must not make them endless.
fn cost(started: Duration, ended: Duration, estimate: Duration) -> Duration {
    match ended.checked_sub(started) {
        None | Some(Duration::ZERO) => estimate,
        Some(spent) => spent.min((estimate * 8).max(USUAL_CHECK)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_costs_what_it_took_within_reason() {
        let [zero, ms, second, hour] = [0, 1, 1_000, 3_600_000].map(Duration::from_millis);
        assert_eq!(cost(hour, hour + ms, ms), ms);
        assert_eq!(cost(hour, hour, ms), ms);
        assert_eq!(cost(hour, zero, ms), ms);
        assert_eq!(cost(zero, hour, ms), USUAL_CHECK);
        assert_eq!(cost(zero, hour, second), second * 8);
    }
}
