//! The timer of a plugin: runs only while there is work for it, so that plugins without traffic cost
//! nothing, however many they are.

use crate::log_level;
use proxy_wasm::hostcalls;
use std::cell::Cell;
use std::time::Duration;

/// How often it fires while it runs.
const PERIOD: Duration = Duration::from_secs(1);

/// Whether the timer of this plugin's root context runs.
#[derive(Default)]
pub(crate) struct Timer {
    is_running: Cell<bool>,
}

impl Timer {
    /// There is work. May be called for a root context and for a request: the timer is that of the
    /// root context of either.
    #[inline]
    pub(crate) fn start(&self) {
        if !self.is_running.get() {
            self.run();
        }
    }

    #[cold]
    fn run(&self) {
        log_level::adopt();
        self.is_running.set(set(PERIOD));
    }

    /// There was no work any more when it fired.
    pub(crate) fn stop(&self) {
        set(Duration::ZERO);
        self.is_running.set(false);
    }
}

fn set(period: Duration) -> bool {
    hostcalls::set_tick_period(period).is_ok()
}
