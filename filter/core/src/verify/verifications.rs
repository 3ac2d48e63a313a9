//! Verifies passwords: the slow ones within the budget, and once.

use super::budget::VerificationBudget;
use super::cache::{CredentialsCache, Remembered};
use crate::password::Verifier;
use alloc::boxed::Box;
use core::time::Duration;

/// Why a password is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No such user, or another password.
    Mismatch,
    /// A password that is longer than what is hashed for this user.
    TooLong,
    /// An empty user name or an empty password, which nobody has.
    Empty,
    /// The check is slow, not remembered, and the budget is spent: when to come back.
    Overloaded { retry_after: Duration },
}

/// What the verified-credentials cache has done, in checks of slow hashes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VerificationCounts {
    /// Found, so that no hash had to be computed.
    pub cache_hits: u64,
    /// Not found.
    pub cache_misses: u64,
}

/// The time since any start.
type Clock = Box<dyn Fn() -> Duration>;

/// The cache in front of the checks, and the budget that they draw from.
pub(crate) struct Verifications {
    clock: Clock,
    cache: CredentialsCache,
    budget: VerificationBudget,
    counts: VerificationCounts,
}

impl Verifications {
    pub(super) fn new(clock: Clock, cache: CredentialsCache, budget: VerificationBudget) -> Self {
        Self {
            clock,
            cache,
            budget,
            counts: VerificationCounts::default(),
        }
    }

    pub(super) fn counts(&self) -> VerificationCounts {
        self.counts
    }

    /// Checks the password of a user whom `verifier` knows.
    ///
    /// # Errors
    /// [`Refusal`].
    #[inline]
    pub(super) fn verify(
        &mut self,
        user_name: &[u8],
        password: &[u8],
        verifier: &Verifier,
    ) -> Result<(), Refusal> {
        let is_right = if verifier.is_slow() {
            self.verify_slowly(user_name, password, verifier)?
        } else {
            verifier.verify(password)
        };
        is_right.then_some(()).ok_or(Refusal::Mismatch)
    }

    fn verify_slowly(
        &mut self,
        user_name: &[u8],
        password: &[u8],
        verifier: &Verifier,
    ) -> Result<bool, Refusal> {
        let started = (self.clock)();
        let tag = self.cache.tag(user_name, password, verifier.identity());
        let remembered = self.cache.find(&tag, started);
        if remembered == Remembered::Fresh {
            self.counts.cache_hits += 1;
            return Ok(true);
        }
        self.counts.cache_misses += 1;
        if let Err(retry_after) = self.budget.admit(started) {
            // Who was right once with this hash still is: a flood of wrong passwords must not lock
            // out those whose entries have expired.
            if remembered == Remembered::Expired {
                return Ok(true);
            }
            return Err(Refusal::Overloaded { retry_after });
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
