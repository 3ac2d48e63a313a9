//! Those that wait for a check: who they are, and how it goes on for them, slice by slice.

use super::Verifications;
use crate::verify::job::Job;
use crate::verify::queue::{Finding, Held, Queue, Ready};
use alloc::vec::Vec;
use core::time::Duration;

/// When the budget is spent, and there is enough again to go on.
const LEAST_SLICE: Duration = Duration::from_millis(1);
/// Between two looks at those that wait.
const SHORTEST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_millis(20);

impl Verifications {
    /// How long the next slice may last. A quarter of what the timer came late is made up for, since Envoy's may
    /// come after four times what it was asked for. A budget that is nearly spent is spent in smaller slices:
    /// the pace is that of the budget, and others wait for less.
    pub(super) fn slice(&mut self, job: &Job) -> Duration {
        let now = (self.clock)();
        let whole = self.limits.slice;
        let late = job.rest(now).saturating_sub(SHORTEST).min(whole) / 4;
        let left = self.budget.left(self.limits.rate(), now);
        left.clamp(LEAST_SLICE, whole + late)
    }

    /// What the request at hand is to wait for.
    pub(crate) fn take_pending(&mut self) -> Option<Held> {
        self.pending.take()
    }

    /// Sets what was found for the request at hand.
    pub(crate) fn set_current(&mut self, held: Option<Held>) {
        self.current = held;
    }

    pub(in crate::verify) fn queue(&mut self) -> &mut Queue {
        &mut self.queue
    }

    pub(in crate::verify) fn is_waiting(&self, stream: u32) -> bool {
        self.queue.contains(stream)
    }

    /// Lets nobody wait any longer.
    pub(in crate::verify) fn dismiss(&mut self) -> Vec<u32> {
        self.running = None;
        self.queue.clear()
    }

    pub(in crate::verify) fn leave(&mut self, stream: u32) {
        self.counts.abandoned += u64::from(self.queue.remove(stream));
    }

    /// Works for those that wait, for a slice at most. The requests that are to be decided again.
    pub(in crate::verify) fn work(&mut self) -> Vec<Ready> {
        let now = (self.clock)();
        let mut ready = Vec::new();
        self.queue.expire(now, &mut ready);
        if self.budget.admit(self.limits.rate(), now).is_err() {
            return ready;
        }
        if let Some(key) = self.running.as_ref().map(|job| job.key) {
            if let Some(is_right) = self.run_slice() {
                let finding = if is_right {
                    Finding::Match
                } else {
                    Finding::Mismatch
                };
                self.queue.settle(&key, finding, &mut ready);
            }
        } else {
            let clients = &mut self.clients;
            let rank = |client| {
                let is_admitted = clients.admit(client, now).is_ok();
                is_admitted.then(|| clients.rank(client, now))
            };
            ready.extend(self.queue.next(rank));
        }
        ready
    }

    /// When there is work to do again; `None` if nobody waits.
    pub(in crate::verify) fn next_work(&mut self) -> Option<Duration> {
        if self.running.is_none() && self.queue.is_empty() {
            return None;
        }
        let now = (self.clock)();
        let wait = self.budget.admit(self.limits.rate(), now).err();
        Some(wait.unwrap_or_default().clamp(SHORTEST, LONGEST))
    }
}
