//! The verification budget: how much of a worker's time slow checks may take.

use core::time::Duration;

/// How much, how much at once, for whom, and how requests wait for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BudgetLimits {
    /// Of the worker's time, 1 to 100.
    pub(crate) share_percent: u32,
    /// What may be spent at once after a quiet time.
    pub(crate) burst: Duration,
    /// How long a check may take before the worker serves others, and then the check goes on.
    pub(crate) slice: Duration,
    /// How long a request may wait for its check. Zero: checks are made as a whole, and none waits.
    pub(crate) max_wait: Duration,
    /// What one client may spend of all that, 1 to 100.
    pub(crate) client_share_percent: u32,
    /// Whether a request is held while the budget is spent: not in a dry run, which must not harm.
    pub(crate) waits_for_budget: bool,
}

impl Default for BudgetLimits {
    fn default() -> Self {
        Self {
            share_percent: 25,
            burst: Duration::from_millis(500),
            slice: Duration::from_millis(2),
            max_wait: Duration::from_secs(5),
            client_share_percent: 20,
            waits_for_budget: true,
        }
    }
}

impl BudgetLimits {
    /// The rate of the whole budget.
    pub(super) fn rate(&self) -> Rate {
        Rate {
            share: self.share_percent.max(1) * 100,
            burst: self.burst,
        }
    }
}

/// How fast a bucket of worker time is filled up, and how much it holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    /// Of the worker's time, in ten-thousandths.
    pub(super) share: u32,
    pub(super) burst: Duration,
}

/// A token bucket of worker time. A check is let in while anything is left, and charged with the
/// time that it really took, so the bucket can go into debt by one check, or by one slice of it.
#[derive(Clone, Copy, Default)]
pub(super) struct TokenBucket {
    /// What was spent and is not filled up again.
    spent: Duration,
    /// When that held.
    since: Option<Duration>,
}

impl TokenBucket {
    /// # Errors
    /// Nothing is left: how long until there is.
    pub(super) fn admit(&mut self, rate: Rate, now: Duration) -> Result<(), Duration> {
        let spent = self.spent(rate, now);
        if spent < rate.burst {
            return Ok(());
        }
        Err(spent.saturating_sub(rate.burst).saturating_mul(10_000) / rate.share)
    }

    /// What may be spent at once.
    pub(super) fn left(&mut self, rate: Rate, now: Duration) -> Duration {
        rate.burst.saturating_sub(self.spent(rate, now))
    }

    /// Charges a check.
    pub(super) fn charge(&mut self, spent: Duration) {
        self.spent = self.spent.saturating_add(spent);
    }

    /// Gives back what a check was charged.
    pub(super) fn give_back(&mut self, spent: Duration) {
        self.spent = self.spent.saturating_sub(spent);
    }

    /// What was spent lately. A clock that was set back gives nothing, and takes nothing.
    pub(super) fn spent(&mut self, rate: Rate, now: Duration) -> Duration {
        let elapsed = self
            .since
            .map_or(Duration::ZERO, |since| now.saturating_sub(since));
        self.since = Some(now);
        // Longer changes nothing: by then all is filled up again.
        let longest = Duration::from_secs(24 * 60 * 60);
        let earned = elapsed.min(longest) * rate.share / 10_000;
        self.spent = self.spent.saturating_sub(earned);
        self.spent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    const RATE: Rate = Rate {
        share: 2500,
        burst: ms(500),
    };

    #[test]
    fn a_burst_then_a_share() {
        let mut budget = TokenBucket::default();
        let mut spent = 0;
        for now in 0..100_000 {
            if budget.admit(RATE, ms(now)).is_ok() {
                budget.charge(ms(50));
                spent += 50;
            }
        }
        assert!((25_000..=25_600).contains(&spent), "{spent}");
    }

    #[test]
    fn says_when_to_come_back() {
        let mut budget = TokenBucket::default();
        budget.admit(RATE, ms(0)).unwrap();
        budget.charge(ms(600));
        assert_eq!(budget.admit(RATE, ms(0)), Err(ms(400)));
        assert_eq!(budget.admit(RATE, ms(200)), Err(ms(200)));
        assert!(budget.admit(RATE, ms(404)).is_ok());
    }

    #[test]
    fn a_clock_set_back_neither_gives_nor_blocks_for_ever() {
        let mut budget = TokenBucket::default();
        budget.admit(RATE, ms(1_000_000)).unwrap();
        budget.charge(ms(600));
        assert!(budget.admit(RATE, ms(10)).is_err());
        assert!(budget.admit(RATE, ms(1010)).is_ok());
    }
}
