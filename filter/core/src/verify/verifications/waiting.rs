//! Those that wait for a check: who they are, and how it goes on for them, slice by slice.

use super::Verifications;
use super::slices::LEAST_REST;
use crate::verify::queue::{Finding, Held, Queue, Ready};
use alloc::vec::Vec;
use core::time::Duration;

/// Between two looks at those that wait.
const LONGEST: Duration = Duration::from_millis(20);

impl Verifications {
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
        Some(wait.unwrap_or_default().clamp(LEAST_REST, LONGEST))
    }
}
