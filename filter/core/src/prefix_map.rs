//! A map that finds every key which a text begins with, without looking at the other keys.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

/// A hash table of keys, and the lengths that keys have: a text is looked up once for each
/// of these lengths, while its hash is computed octet by octet.
///
/// Values are indices into something else: one type for all uses keeps the module small.
#[derive(Debug, Default)]
pub(crate) struct PrefixMap {
    /// In ascending order.
    lengths: Vec<usize>,
    entries: Vec<Entry>,
    /// Indices of entries, by hash; as long as a power of two and at most half full.
    slots: Vec<Option<usize>>,
}

#[derive(Debug)]
struct Entry {
    key: Box<[u8]>,
    values: Vec<usize>,
}

/// FNV-1a. Keys come from the configuration, so that nobody can choose them to collide.
#[derive(Clone, Copy)]
struct Hash(u64);

impl Hash {
    const START: Self = Self(0xcbf2_9ce4_8422_2325);

    fn and(self, octet: u8) -> Self {
        Self((self.0 ^ u64::from(octet)).wrapping_mul(0x0000_0100_0000_01b3))
    }

    fn of(text: &[u8]) -> Self {
        text.iter()
            .fold(Self::START, |hash, &octet| hash.and(octet))
    }

    /// The slots to look at, one after another.
    fn slots(self, count: usize) -> impl Iterator<Item = usize> {
        // The higher bits of FNV-1a are the better ones.
        let first = usize::try_from((self.0 ^ (self.0 >> 32)) & 0xffff_ffff).unwrap_or_default();
        let mask = count.wrapping_sub(1);
        (0..count).map(move |step| first.wrapping_add(step) & mask)
    }
}

impl PrefixMap {
    /// A map of these keys; a key may come more than once.
    pub(crate) fn new(pairs: Vec<(Vec<u8>, usize)>) -> Self {
        let mut map = Self {
            lengths: Vec::new(),
            entries: Vec::new(),
            slots: vec![None; (pairs.len() * 2).next_power_of_two()],
        };
        for (key, value) in pairs {
            map.insert(key, value);
        }
        map
    }

    fn insert(&mut self, key: Vec<u8>, value: usize) {
        let hash = Hash::of(&key);
        if let Some(entry) = self
            .index(hash, &key)
            .and_then(|index| self.entries.get_mut(index))
        {
            entry.values.push(value);
            return;
        }
        let free = hash
            .slots(self.slots.len())
            .find(|slot| matches!(self.slots.get(*slot), Some(None)));
        if let Some(slot) = free.and_then(|slot| self.slots.get_mut(slot)) {
            *slot = Some(self.entries.len());
        }
        if let Err(place) = self.lengths.binary_search(&key.len()) {
            self.lengths.insert(place, key.len());
        }
        self.entries.push(Entry {
            key: key.into(),
            values: Vec::from([value]),
        });
    }

    /// The entry of a key with this hash.
    fn index(&self, hash: Hash, key: &[u8]) -> Option<usize> {
        hash.slots(self.slots.len())
            .map_while(|slot| self.slots.get(slot).copied().flatten())
            .find(|index| {
                self.entries
                    .get(*index)
                    .is_some_and(|entry| *entry.key == *key)
            })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Calls `visit` with the values of every key that `text` begins with.
    pub(crate) fn visit_prefixes_of(&self, text: &[u8], mut visit: impl FnMut(usize)) {
        let mut hash = Hash::START;
        let mut hashed = 0;
        for &length in &self.lengths {
            let Some(prefix) = text.get(..length) else {
                return;
            };
            let new = prefix.get(hashed..).unwrap_or_default();
            hash = new.iter().fold(hash, |hash, &octet| hash.and(octet));
            hashed = length;
            let entry = self
                .index(hash, prefix)
                .and_then(|index| self.entries.get(index));
            entry
                .into_iter()
                .flat_map(|entry| &entry.values)
                .for_each(|value| visit(*value));
        }
    }

    /// Every value.
    pub(crate) fn values(&self) -> impl Iterator<Item = usize> {
        self.entries
            .iter()
            .flat_map(|entry| entry.values.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_just_the_keys_that_the_text_begins_with() {
        let keys = ["", "/", "/a", "/a/b", "/a/b/c", "/ab", "/b", "/a/b"];
        let pairs = keys
            .iter()
            .enumerate()
            .map(|(index, key)| (key.as_bytes().to_vec(), index));
        let map = PrefixMap::new(pairs.collect());
        for text in [
            "", "/", "/a", "/a/", "/a/b", "/a/bc", "/ab", "/abc", "/a/b/c/d", "0", "zz",
        ] {
            let mut found = Vec::new();
            map.visit_prefixes_of(text.as_bytes(), |value| found.push(value));
            let expected: Vec<usize> = (0..keys.len())
                .filter(|index| text.starts_with(keys[*index]))
                .collect();
            found.sort_unstable();
            assert_eq!(found, expected, "{text}");
        }
    }
}
