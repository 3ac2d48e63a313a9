//! Held requests: the timer that works for them, and what becomes of them.
//!
//! A request is decided under the configuration under which it began, also when another one comes while
//! it is held: its stream keeps the root context of that one, and so its timer, until the stream ends.

use crate::hostcalls;
use crate::http_context::{Course, decide, refuse};
use crate::plugin::Plugin;
use crate::timer::Timer;
use basic_auth::{Held, Ready};

/// Whether this host can hold requests: it has a timer, and lets a callback be about another context.
pub(crate) fn is_possible(root: u32) -> bool {
    Timer::is_possible() && hostcalls::set_effective_context(root).is_ok()
}

impl Plugin {
    /// Holds the request at hand, under the number of its context.
    pub(crate) fn hold(&self, held: Held, context: u32) -> Course {
        match self.worker.try_borrow_mut() {
            Ok(mut worker) => worker.wait(held, context),
            Err(_) => return refuse(503, "basic_auth_busy", &[]),
        }
        self.adjust_timer();
        Course::Held
    }

    /// Whether a request waits.
    pub(crate) fn is_waiting(&self, context: u32) -> bool {
        let worker = self.worker.try_borrow();
        worker.is_ok_and(|worker| worker.is_waiting(context))
    }

    /// Forgets a request whose client went away.
    pub(crate) fn leave(&self, context: u32) {
        // Should it be taken, the context is found missing when it is the request's turn.
        if let Ok(mut worker) = self.worker.try_borrow_mut() {
            worker.leave(context);
        }
    }

    /// Whether anybody waits, or a check is under way.
    pub(crate) fn has_work(&self) -> bool {
        let worker = self.worker.try_borrow_mut();
        worker.is_ok_and(|mut worker| worker.next_work().is_some())
    }

    /// Works for those that wait, for a slice of time.
    pub(crate) fn work(&self) {
        let ready = self.worker.try_borrow_mut().map(|mut worker| worker.work());
        for Ready { stream, held } in ready.unwrap_or_default() {
            self.resume(stream, held);
        }
        let _ = hostcalls::set_effective_context(self.root);
        self.adjust_timer();
    }

    fn adjust_timer(&self) {
        let next = self.worker.try_borrow_mut().ok();
        self.timer
            .adjust(next.and_then(|mut worker| worker.next_work()));
    }

    /// Decides a held request again. A context that is gone was that of a client who is.
    fn resume(&self, context: u32, held: Held) {
        if hostcalls::set_effective_context(context).is_err() {
            return;
        }
        if let Course::Pass = decide(self, context, Some(held))
            && hostcalls::continue_request().is_err()
        {
            log::error!("the host does not let a request go on: checks are made as a whole now");
            let _ = refuse(503, "basic_auth_not_resumed", &[]);
            self.stop_holding();
        }
    }

    /// Answers those that wait, and holds no more: nobody would work for them.
    pub(crate) fn dismiss(&self) {
        self.stop_holding();
        let waiting = self.worker.try_borrow_mut();
        for context in waiting
            .map(|mut worker| worker.dismiss())
            .unwrap_or_default()
        {
            if hostcalls::set_effective_context(context).is_ok() {
                let _ = refuse(
                    503,
                    "basic_auth_configuration_replaced",
                    &[("retry-after", "1")],
                );
            }
        }
        let _ = hostcalls::set_effective_context(self.root);
    }

    fn stop_holding(&self) {
        if let Ok(mut worker) = self.worker.try_borrow_mut() {
            worker.hold_requests(false);
        }
    }
}
