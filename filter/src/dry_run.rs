//! Says in the log what a dry run would have denied, at a bounded rate.

use crate::clock;
use basic_auth::Denied;
use std::cell::Cell;
use std::time::Duration;

/// The least time between two lines of one plugin on one worker.
const INTERVAL: Duration = Duration::from_secs(1);

/// When the last line was written, and what was left out since.
#[derive(Default)]
pub(crate) struct DryRun {
    said_at: Cell<Option<Duration>>,
    left_out: Cell<u64>,
}

impl DryRun {
    /// A request passes that would have been denied.
    pub(crate) fn report(&self, denied: &Denied<'_>) {
        let (now, left_out) = (clock::now(), self.left_out.get());
        // A clock that was set back must not silence it for long.
        let is_due = |said_at: Duration| now.abs_diff(said_at) >= INTERVAL;
        if !self.said_at.get().is_none_or(is_due) {
            self.left_out.set(left_out + 1);
            return;
        }
        self.said_at.set(Some(now));
        self.left_out.set(0);
        log::info!(
            "dry run: would have been denied by basic_auth_rules[{}]: {}; {left_out} others since the last line",
            denied.rule,
            denied.denial.name()
        );
    }
}
