//! What the workers of a proxy remember together: verified credentials in the host's shared data.
//!
//! Shared data has no deletion. So there is a fixed number of sets, each one value of a fixed size with
//! a few slots, and a slot says when its credentials were verified: the reader decides whether that is
//! too long ago. What somebody else has written there is ignored, and written over.

use super::cache::Tag;
use alloc::boxed::Box;
use alloc::format;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

/// Where the key of the tags is. The number is that of this format.
const KEY: &str = "basic_auth.1.key";
/// How many values there are for slots.
const SETS: u16 = 1024;
/// How many slots a value has.
const SLOTS: usize = 8;
const TAG_OCTETS: usize = 32;
/// A tag, and when it was verified: milliseconds in little-endian.
const SLOT_OCTETS: usize = TAG_OCTETS + 8;
const SET_OCTETS: usize = SLOTS * SLOT_OCTETS;
/// Proxy-Wasm writes a key that is not there whatever number is expected, and with this one no key that
/// is there: numbers are given from 1 on.
const ABSENT: u32 = u32::MAX;
/// How often a write is tried that another worker comes before.
const ATTEMPTS: usize = 4;

type Read = dyn Fn(&str) -> Option<(Vec<u8>, u32)>;
type Write = dyn Fn(&str, &[u8], u32) -> bool;

/// Values by key that all workers of a proxy have in common.
pub struct SharedStore {
    read: Box<Read>,
    write: Box<Write>,
}

impl SharedStore {
    /// `read` tells the value of a key and a number that changes whenever it is written. `write` writes
    /// a value if the key is not there or still has that number, and says whether it did.
    pub fn new(
        read: impl Fn(&str) -> Option<(Vec<u8>, u32)> + 'static,
        write: impl Fn(&str, &[u8], u32) -> bool + 'static,
    ) -> Self {
        Self {
            read: Box::new(read),
            write: Box::new(write),
        }
    }

    /// The key of the tags: `random`, unless another worker was first. `None` if the store keeps nothing.
    pub(super) fn agreed_key(&self, random: &[u8; 32]) -> Option<[u8; 32]> {
        for _ in 0..ATTEMPTS {
            let (value, number) = (self.read)(KEY).unwrap_or((Vec::new(), ABSENT));
            if let Ok(key) = value.try_into() {
                return Some(key);
            }
            (self.write)(KEY, random, number);
        }
        None
    }

    /// When these credentials were verified by any worker.
    pub(super) fn verified_at(&self, tag: &Tag) -> Option<Duration> {
        let (set, _) = (self.read)(&name(tag))?;
        slots(&set)?
            .find(|(known, _)| *known == tag)
            .map(|(_, verified_at)| verified_at)
    }

    /// Remembers a success, in the place of the oldest one of its set or of one from the future. It may
    /// get lost where many workers write at once.
    pub(super) fn insert(&self, tag: &Tag, now: Duration) {
        let name = name(tag);
        for _ in 0..ATTEMPTS {
            let (mut set, number) = (self.read)(&name).unwrap_or((Vec::new(), ABSENT));
            if slots(&set).is_none() {
                set = vec![0; SET_OCTETS];
            }
            put(&mut set, tag, now);
            if (self.write)(&name, &set, number) {
                return;
            }
        }
    }
}

/// The key of the set that a tag belongs to.
fn name(tag: &Tag) -> alloc::string::String {
    let [first, second, ..] = tag;
    let set = u16::from_le_bytes([*first, *second]) % SETS;
    format!("basic_auth.1.{set}")
}

/// The slots of a set; `None` if this is no set.
fn slots(set: &[u8]) -> Option<impl Iterator<Item = (&[u8], Duration)>> {
    (set.len() == SET_OCTETS).then(|| set.chunks_exact(SLOT_OCTETS).filter_map(slot))
}

fn slot(octets: &[u8]) -> Option<(&[u8], Duration)> {
    let (tag, verified_at) = octets.split_at_checked(TAG_OCTETS)?;
    let milliseconds = u64::from_le_bytes(verified_at.try_into().ok()?);
    Some((tag, Duration::from_millis(milliseconds)))
}

fn put(set: &mut [u8], tag: &Tag, now: Duration) {
    let value = |slot: &[u8]| match self::slot(slot) {
        Some((known, _)) if known == tag => Duration::ZERO,
        Some((_, verified_at)) if verified_at <= now => verified_at + Duration::from_millis(1),
        _ => Duration::from_millis(1),
    };
    let least = set
        .chunks_exact_mut(SLOT_OCTETS)
        .min_by_key(|slot| value(slot));
    if let Some((of_tag, of_time)) = least.and_then(|slot| slot.split_at_mut_checked(TAG_OCTETS)) {
        let milliseconds = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        of_tag.copy_from_slice(tag);
        of_time.copy_from_slice(&milliseconds.to_le_bytes());
    }
}

#[cfg(test)]
mod tests;
