//! The timer of a plugin: runs only while there is work for it, so that plugins without traffic cost
//! nothing, however many they are.

use crate::clock;
use crate::hostcalls::{self, Failed};
use crate::log_level;
use std::cell::Cell;
use std::time::Duration;

/// How often it fires while it runs and no request waits.
const PERIOD: Duration = Duration::from_secs(1);

/// The timer of this plugin's root context.
#[derive(Default)]
pub(crate) struct Timer {
    /// Zero while it does not run.
    period: Cell<Duration>,
    flushed_at: Cell<Duration>,
}

impl Timer {
    /// Whether the host has timers. There is none at work after that.
    pub(crate) fn is_possible() -> bool {
        set(Duration::ZERO).is_ok()
    }

    /// There is work. May be called for a root context and for a request: the timer is that of the
    /// root context of either.
    #[inline]
    pub(crate) fn start(&self) {
        if self.period.get().is_zero() {
            self.run();
        }
    }

    #[cold]
    fn run(&self) {
        log_level::adopt();
        self.adjust(None);
    }

    /// Requests wait, and there is work for them in so much time; or there is not.
    pub(crate) fn adjust(&self, next_work: Option<Duration>) {
        let period = next_work.unwrap_or(PERIOD);
        if period != self.period.get() && set(period).is_ok() {
            self.period.set(period);
        }
    }

    /// It has fired: whether it is time to hand over what was counted.
    pub(crate) fn is_flush_due(&self) -> bool {
        let (now, last) = (clock::now(), self.flushed_at.get());
        let is_due =
            self.period.get() >= PERIOD || now.checked_sub(last).is_none_or(|age| age >= PERIOD);
        if is_due {
            self.flushed_at.set(now);
            log_level::adopt();
        }
        is_due
    }

    /// There was no work any more when it fired.
    pub(crate) fn stop(&self) {
        let _ = set(Duration::ZERO);
        self.period.set(Duration::ZERO);
    }
}

fn set(period: Duration) -> Result<(), Failed> {
    let milliseconds = u32::try_from(period.as_millis()).unwrap_or(u32::MAX);
    hostcalls::set_tick_period(milliseconds)
}
