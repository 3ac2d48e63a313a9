//! How long a slice of a check is.

use super::Verifications;
use crate::verify::job::Job;
use core::time::Duration;

/// When the budget is spent, and there is enough again to go on.
const LEAST: Duration = Duration::from_millis(1);
/// Between two slices, at least.
pub(super) const LEAST_REST: Duration = Duration::from_millis(1);
/// After so many slices without another request, the worker is taken to be alone with the check.
const SLICES_ALONE: u32 = 8;

/// Who else needs the worker while a check is under way.
#[derive(Default)]
pub(super) struct Company {
    /// A request came since the last slice.
    came: bool,
    /// How many slices ago the last one came.
    slices_ago: u32,
}

impl Company {
    /// Notes another slice. Whether nobody has come for a while.
    fn is_alone(&mut self) -> bool {
        self.slices_ago = if self.came {
            0
        } else {
            self.slices_ago.saturating_add(1)
        };
        self.came = false;
        self.slices_ago >= SLICES_ALONE
    }
}

impl Verifications {
    /// Notes that a request is decided.
    #[inline]
    pub(crate) fn request_came(&mut self) {
        self.company.came = true;
    }

    /// How long the next slice may last. While others send requests, it is five eighths of what it may be, since each
    /// of them may wait for it. When there are none, a quarter of what the timer came late is made up for, since
    /// Envoy's may come after four times what it was asked for. A budget that is nearly spent is spent in smaller
    /// slices: the pace is that of the budget, and others wait for less.
    pub(super) fn slice(&mut self, job: &Job) -> Duration {
        let now = (self.clock)();
        let slice = self.limits.slice;
        let longest = if self.company.is_alone() {
            let late = job.rest(now).saturating_sub(LEAST_REST);
            slice + late.min(slice) / 4
        } else {
            slice * 5 / 8
        };
        let left = self.budget.left(self.limits.rate(), now);
        left.max(LEAST).min(longest)
    }
}
