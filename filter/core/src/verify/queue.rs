//! Requests that wait for a check: each at most for so long, and not more than so many.
//!
//! A request that waits is a number and what was found for it so far. Its credentials stay where the
//! host keeps the request: they are read again when it is its turn.

use super::clients::{BUCKETS, Client};
use super::failures::CheckKey;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

/// How many requests may wait for a turn on a worker.
const CAPACITY: usize = 256;
/// How many may wait in all, most of them for the check that is under way.
const MOST: usize = 4096;
/// The least and the most time that passes between two looks at the queue, as far as the waiting is
/// concerned: a clock that stands still ends it, and one that leaps does not end it at once.
const LEAST_STEP: Duration = Duration::from_millis(1);
const MOST_STEP: Duration = Duration::from_secs(1);

/// What was found for a request that was held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    Match,
    Mismatch,
    /// There was no turn for it in time.
    Late,
}

/// What a request waits for, and what was found for it so far.
pub struct Held {
    pub(super) key: CheckKey,
    pub(super) client: Client,
    /// How long it still may wait.
    left: Duration,
    /// It is its turn: the check is to be begun now.
    pub(super) has_turn: bool,
    findings: Vec<(CheckKey, Finding)>,
}

impl Held {
    pub(super) fn new(key: CheckKey, client: Client, max_wait: Duration) -> Self {
        Self {
            key,
            client,
            left: max_wait,
            has_turn: false,
            findings: Vec::new(),
        }
    }

    /// Waits for another check, with what was found before.
    pub(super) fn for_key(self, key: CheckKey) -> Self {
        Self {
            key,
            has_turn: false,
            ..self
        }
    }

    pub(super) fn finding(&self, key: &CheckKey) -> Option<Finding> {
        let found = self.findings.iter().find(|(known, _)| known == key)?;
        Some(found.1)
    }

    fn with(mut self, finding: Finding) -> Self {
        self.findings.push((self.key, finding));
        self
    }
}

/// Redacted: whether it is its turn.
impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held")
            .field("has_turn", &self.has_turn)
            .finish_non_exhaustive()
    }
}

/// A request that is to be decided again: the number that it was held under, and what was found.
#[derive(Debug)]
pub struct Ready {
    /// The number.
    pub stream: u32,
    /// What was found.
    pub held: Held,
}

/// Those that wait, from the one that has waited longest on.
#[derive(Default)]
pub(super) struct Queue {
    waiting: Vec<Ready>,
    looked_at: Option<Duration>,
}

impl Queue {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn push(&mut self, stream: u32, held: Held) {
        if self.waiting.is_empty() {
            self.looked_at = None;
        }
        self.waiting.push(Ready { stream, held });
    }

    /// Whether it waited.
    pub(super) fn remove(&mut self, stream: u32) -> bool {
        let before = self.waiting.len();
        self.waiting.retain(|waiting| waiting.stream != stream);
        self.waiting.len() < before
    }

    /// Takes out all.
    pub(super) fn clear(&mut self) -> Vec<u32> {
        self.waiting.drain(..).map(|ready| ready.stream).collect()
    }

    pub(super) fn contains(&self, stream: u32) -> bool {
        self.waiting.iter().any(|waiting| waiting.stream == stream)
    }

    /// Whether there is room for one more that waits for the check under way.
    pub(super) fn has_room_beside(&self) -> bool {
        self.waiting.len() < MOST
    }

    /// Whether there is room for one more of a client that waits for a turn. If there is none, the newest one of
    /// the client that has most waits no longer, unless that would not make it fairer. Those who wait for
    /// the check `under_way` take the room of one.
    pub(super) fn has_room(&mut self, client: Client, under_way: Option<&CheckKey>) -> bool {
        let needs_turn = |held: &Held| Some(&held.key) != under_way;
        let turns = self.waiting.iter().filter(|one| needs_turn(&one.held));
        // And one for the check under way.
        if turns.count() + 1 < CAPACITY || self.waiting.len() < CAPACITY {
            return true;
        }
        let mut counts = vec![0_usize; BUCKETS];
        let still_waiting =
            |waiting: &&mut Ready| !waiting.held.left.is_zero() && needs_turn(&waiting.held);
        for waiting in self.waiting.iter_mut().filter(still_waiting) {
            if let Some(count) = counts.get_mut(waiting.held.client.0) {
                *count += 1;
            }
        }
        let count = |client: Client| counts.get(client.0).copied().unwrap_or_default();
        let most = counts.iter().copied().max().unwrap_or_default();
        let mut newest_first = self.waiting.iter_mut().rev().filter(still_waiting);
        let newest = newest_first.find(|waiting| count(waiting.held.client) == most);
        match newest {
            Some(newest) if most > count(client) + 1 => {
                newest.held.left = Duration::ZERO;
                true
            }
            _ => false,
        }
    }

    /// Takes out those that have waited long enough.
    pub(super) fn expire(&mut self, now: Duration, ready: &mut Vec<Ready>) {
        let since = self.looked_at.replace(now).unwrap_or(now);
        let step = now.saturating_sub(since).clamp(LEAST_STEP, MOST_STEP);
        self.take(ready, Finding::Late, |held| {
            held.left = held.left.saturating_sub(step);
            held.left.is_zero()
        });
    }

    /// Takes out those that wait for a check that was made.
    pub(super) fn settle(&mut self, key: &CheckKey, finding: Finding, ready: &mut Vec<Ready>) {
        self.take(ready, finding, |held| held.key == *key);
    }

    fn take(
        &mut self,
        ready: &mut Vec<Ready>,
        finding: Finding,
        mut is_it: impl FnMut(&mut Held) -> bool,
    ) {
        let taken = self
            .waiting
            .extract_if(.., |waiting| is_it(&mut waiting.held));
        ready.extend(taken.map(|Ready { stream, held }| Ready {
            stream,
            held: held.with(finding),
        }));
    }

    /// Gives the turn to the one of the lowest rank, the longest waiting of these; `None` has no turn.
    pub(super) fn next<R: Ord>(
        &mut self,
        mut rank: impl FnMut(Client) -> Option<R>,
    ) -> Option<Ready> {
        let ranks = self.waiting.iter().enumerate();
        let ranks = ranks.filter_map(|(index, waiting)| Some((rank(waiting.held.client)?, index)));
        let (_, index) = ranks.min()?;
        let mut ready = self.waiting.remove(index);
        ready.held.has_turn = true;
        Some(ready)
    }
}
