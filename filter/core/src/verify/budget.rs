//! The verification budget: how much of a worker's time slow checks may take.

use core::time::Duration;

/// How much, in all and at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BudgetLimits {
    /// Of the worker's time, 1 to 100.
    pub(crate) share_percent: u32,
    /// What may be spent at once after a quiet time.
    pub(crate) burst: Duration,
}

impl Default for BudgetLimits {
    fn default() -> Self {
        Self {
            share_percent: 25,
            burst: Duration::from_millis(500),
        }
    }
}

/// A token bucket of worker time. A check is let in while anything is left, and charged with the
/// time that it really took, so the bucket can go into debt by one check.
pub(crate) struct VerificationBudget {
    limits: BudgetLimits,
    /// What may still be spent.
    left: Duration,
    /// What was spent beyond that.
    debt: Duration,
    /// When `left` and `debt` held.
    since: Option<Duration>,
}

impl VerificationBudget {
    pub(crate) fn new(limits: BudgetLimits) -> Self {
        Self {
            limits,
            left: limits.burst,
            debt: Duration::ZERO,
            since: None,
        }
    }

    /// # Errors
    /// Nothing is left: how long until there is.
    pub(crate) fn admit(&mut self, now: Duration) -> Result<(), Duration> {
        self.refill(now);
        if !self.left.is_zero() {
            return Ok(());
        }
        Err(self.debt.saturating_mul(100) / self.limits.share_percent.max(1))
    }

    /// Charges a check.
    pub(crate) fn charge(&mut self, spent: Duration) {
        self.debt = self.debt.saturating_add(spent.saturating_sub(self.left));
        self.left = self.left.saturating_sub(spent);
    }

    /// A clock that was set back gives nothing, and takes nothing.
    fn refill(&mut self, now: Duration) {
        let elapsed = self
            .since
            .map_or(Duration::ZERO, |since| now.saturating_sub(since));
        self.since = Some(now);
        // Longer changes nothing: by then the debt is paid and the bucket is full.
        let longest = Duration::from_secs(24 * 60 * 60);
        let earned = elapsed.min(longest) * self.limits.share_percent / 100;
        let after_debt = earned.saturating_sub(self.debt);
        self.debt = self.debt.saturating_sub(earned);
        self.left = self.left.saturating_add(after_debt).min(self.limits.burst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    fn budget() -> VerificationBudget {
        VerificationBudget::new(BudgetLimits {
            share_percent: 25,
            burst: ms(500),
        })
    }

    #[test]
    fn a_burst_then_a_share() {
        let mut budget = budget();
        let mut spent = 0;
        for now in 0..100_000 {
            if budget.admit(ms(now)).is_ok() {
                budget.charge(ms(50));
                spent += 50;
            }
        }
        assert!((25_000..=25_600).contains(&spent), "{spent}");
    }

    #[test]
    fn says_when_to_come_back() {
        let mut budget = budget();
        budget.admit(ms(0)).unwrap();
        budget.charge(ms(600));
        assert_eq!(budget.admit(ms(0)), Err(ms(400)));
        assert_eq!(budget.admit(ms(200)), Err(ms(200)));
        assert!(budget.admit(ms(404)).is_ok());
    }

    #[test]
    fn a_clock_set_back_neither_gives_nor_blocks_for_ever() {
        let mut budget = budget();
        budget.admit(ms(1_000_000)).unwrap();
        budget.charge(ms(600));
        assert!(budget.admit(ms(10)).is_err());
        assert!(budget.admit(ms(1010)).is_ok());
    }
}
