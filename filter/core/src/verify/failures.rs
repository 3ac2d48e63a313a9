//! Wrong credentials that were presented lately: a forgotten device that sends the same ones again and
//! again costs one check.
//!
//! They are apart from the successes, so that a flood of different passwords pushes none of these out,
//! and only in this worker's memory: they go with the configuration. Those of users who do not exist are
//! remembered like those of users who do, and for each list of users apart: otherwise the time of an
//! answer told whether somebody is known, or known in one list and not in another.

use super::cache::Tag;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

/// What was checked: the credentials under a hash, for one list of users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CheckKey {
    pub(super) tag: Tag,
    /// Tells the lists of a policy apart.
    pub(super) list: usize,
}

/// How long a failure is remembered. Under one configuration it never turns into a success.
const TTL: Duration = Duration::from_secs(60);
const SETS: usize = 128;
const SLOTS: usize = 8;

/// Failed checks, in sets of a few slots.
#[derive(Default)]
pub(super) struct Failures {
    /// Empty until the first one.
    sets: Vec<[Option<(CheckKey, Duration)>; SLOTS]>,
}

impl Failures {
    pub(super) fn contains(&self, key: &CheckKey, now: Duration) -> bool {
        let is_it = |slot: &Option<(CheckKey, Duration)>| {
            slot.is_some_and(|(known, since)| known == *key && is_recent(since, now))
        };
        let set = self.sets.get(set_of(key));
        set.is_some_and(|slots| slots.iter().any(is_it))
    }

    /// Remembers a failure, in the place of the oldest one of its set.
    pub(super) fn insert(&mut self, key: CheckKey, now: Duration) {
        if self.sets.is_empty() {
            self.sets = vec![[None; SLOTS]; SETS];
        }
        let age = |slot: &Option<(CheckKey, Duration)>| match slot {
            Some((known, since)) if *known != key && is_recent(*since, now) => {
                Some(now.saturating_sub(*since))
            }
            _ => None,
        };
        let slots = self.sets.get_mut(set_of(&key)).map(|set| set.iter_mut());
        // One that is free or expired comes before the oldest.
        let oldest = slots.and_then(|slots| {
            slots.max_by_key(|slot| age(slot).map_or(Duration::MAX, |age| age.min(TTL)))
        });
        if let Some(slot) = oldest {
            *slot = Some((key, now));
        }
    }
}

/// What is from the future, after the clock was set back, is as good as what is from long ago.
fn is_recent(since: Duration, now: Duration) -> bool {
    now.checked_sub(since).is_some_and(|age| age < TTL)
}

fn set_of(key: &CheckKey) -> usize {
    let [first, ..] = key.tag;
    usize::from(first) % SETS
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn key(number: u8, list: usize) -> CheckKey {
        let mut tag = [1; 32];
        tag[31] = number;
        CheckKey { tag, list }
    }

    #[test]
    fn a_failure_is_remembered_for_a_minute_and_for_its_list() {
        let mut failures = Failures::default();
        assert!(!failures.contains(&key(1, 1), SECOND));
        failures.insert(key(1, 1), SECOND * 100);
        assert!(failures.contains(&key(1, 1), SECOND * 159));
        assert!(!failures.contains(&key(1, 1), SECOND * 160));
        assert!(!failures.contains(&key(1, 1), SECOND * 99));
        assert!(!failures.contains(&key(1, 2), SECOND * 100));
        assert!(!failures.contains(&key(2, 1), SECOND * 100));
    }

    #[test]
    fn the_oldest_of_a_set_makes_room() {
        let mut failures = Failures::default();
        for number in 0..8 {
            failures.insert(key(number, 1), SECOND * (100 + u32::from(number)));
        }
        failures.insert(key(0, 1), SECOND * 110);
        failures.insert(key(8, 1), SECOND * 111);
        let now = SECOND * 112;
        assert!(!failures.contains(&key(1, 1), now));
        assert!((2..9).all(|number| failures.contains(&key(number, 1), now)));
        assert!(failures.contains(&key(0, 1), now));
    }

    #[test]
    fn what_has_expired_makes_room_first() {
        let mut failures = Failures::default();
        failures.insert(key(0, 1), SECOND * 10);
        for number in 1..9 {
            failures.insert(key(number, 1), SECOND * 100);
        }
        assert!((1..9).all(|number| failures.contains(&key(number, 1), SECOND * 100)));
    }
}
