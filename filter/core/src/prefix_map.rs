//! A map that finds every key which a text begins with, without looking at the other keys.

use crate::names::Names;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::mem::take;

/// Keys in order, each linked to the longest other key it begins with.
///
/// Every key that a text begins with stands on the chain of links that starts at the
/// greatest key not above the text: such a key is between the two in order, so that
/// key begins with it too.
///
/// Values are indices into something else: one type for all uses keeps the module small.
#[derive(Debug)]
pub(crate) struct PrefixMap {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    key: Box<[u8]>,
    /// Index of the longest key that this one begins with.
    shorter: Option<usize>,
    values: Vec<usize>,
}

impl PrefixMap {
    /// A map of these keys; a key may come more than once.
    pub(crate) fn new(pairs: Vec<(Vec<u8>, usize)>) -> Self {
        let mut keys = Names::default();
        let mut values: Vec<Vec<usize>> = Vec::new();
        for (key, value) in pairs {
            match values.get_mut(keys.insert(&key)) {
                Some(of_key) => of_key.push(value),
                None => values.push(Vec::from([value])),
            }
        }
        let mut entries: Vec<Entry> = Vec::with_capacity(values.len());
        for (key, number) in keys.iter() {
            let shorter = chain(&entries, entries.len().checked_sub(1))
                .find(|(_, entry)| key.starts_with(&entry.key))
                .map(|(index, _)| index);
            entries.push(Entry {
                key: key.into(),
                shorter,
                values: values.get_mut(number).map(take).unwrap_or_default(),
            });
        }
        Self { entries }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The values of every key that `text` begins with.
    pub(crate) fn prefixes_of(&self, text: &[u8]) -> impl Iterator<Item = usize> {
        let above = self.entries.partition_point(|entry| *entry.key <= *text);
        chain(&self.entries, above.checked_sub(1))
            .filter(|(_, entry)| text.starts_with(&entry.key))
            .flat_map(|(_, entry)| entry.values.iter().copied())
    }

    /// Every value, in order of the keys.
    pub(crate) fn values(&self) -> impl Iterator<Item = usize> {
        self.entries
            .iter()
            .flat_map(|entry| entry.values.iter().copied())
    }
}

/// The entry at `start` and those that its links lead to.
fn chain(entries: &[Entry], start: Option<usize>) -> impl Iterator<Item = (usize, &Entry)> {
    let at = |index: usize| entries.get(index).map(|entry| (index, entry));
    core::iter::successors(start.and_then(at), move |(_, entry)| {
        entry.shorter.and_then(at)
    })
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
            let mut found: Vec<usize> = map.prefixes_of(text.as_bytes()).collect();
            let expected: Vec<usize> = (0..keys.len())
                .filter(|index| text.starts_with(keys[*index]))
                .collect();
            found.sort_unstable();
            assert_eq!(found, expected, "{text}");
        }
    }
}
