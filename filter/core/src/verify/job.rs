//! A slow check that is under way, and what checks cost.

use super::clients::Client;
use super::failures::CheckKey;
use crate::password::{Check, Progress, Verdict, Verifier};
use core::time::Duration;

/// What a check takes at most with the default caps, on a machine that is not slow.
const USUAL_CHECK: Duration = Duration::from_millis(250);
/// About what one step of a check takes that has several.
const STEP: Duration = Duration::from_micros(150);
/// A slice has no more steps than this for each millisecond, should the clock not tell when it is over.
const STEPS_A_MILLISECOND: u128 = 20;

/// A check in slices. Of the password it holds what the [`Check`] does, which overwrites that.
pub(super) struct Job {
    pub(super) key: CheckKey,
    pub(super) client: Client,
    check: Check,
    /// What the whole of it is estimated to take.
    estimate: Duration,
    /// What it took so far.
    pub(super) spent: Duration,
    /// When its last slice was over.
    rests_since: Option<Duration>,
}

impl Job {
    pub(super) fn begin(
        verifier: &Verifier,
        password: &[u8],
        key: CheckKey,
        client: Client,
    ) -> Self {
        Self {
            key,
            client,
            check: verifier.begin(password),
            estimate: verifier.estimated_cost(),
            spent: Duration::ZERO,
            rests_since: None,
        }
    }

    /// How long it has rested since its last slice.
    pub(super) fn rest(&self, now: Duration) -> Duration {
        let rest = self.rests_since.and_then(|since| now.checked_sub(since));
        rest.unwrap_or_default()
    }

    /// Does the next slice. The verdict, if it was the last one, and what it took.
    pub(super) fn run(
        &mut self,
        slice: Duration,
        clock: &dyn Fn() -> Duration,
    ) -> (Option<Verdict>, Duration) {
        let most = (slice.as_millis() * STEPS_A_MILLISECOND).max(1);
        let started = clock();
        let (mut ended, mut verdict, mut steps) = (started, None, 0_u32);
        while verdict.is_none() && u128::from(steps) < most {
            if let Progress::Done(done) = self.check.step() {
                verdict = Some(done);
            }
            steps += 1;
            ended = clock();
            let spent = ended.checked_sub(started);
            if spent.is_none_or(|spent| spent >= slice) {
                break;
            }
        }
        let is_whole = verdict.is_some() && self.spent.is_zero();
        let estimate = if is_whole {
            self.estimate
        } else {
            STEP * steps
        };
        let spent = cost(started, ended, estimate);
        self.spent = self.spent.saturating_add(spent);
        self.rests_since = Some(ended);
        (verdict, spent)
    }
}

/// What a check took. A clock that stands still or was set back must not make checks free, and one
/// that was set forward, or a machine that was suspended meanwhile, must not make them endless.
pub(super) fn cost(started: Duration, ended: Duration, estimate: Duration) -> Duration {
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
