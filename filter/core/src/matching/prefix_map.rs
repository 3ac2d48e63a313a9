//! A map that finds every key which a text begins with, without looking at the other keys. Letters
//! of ASCII that differ in case alone are the same.

use crate::names::{Names, TextHash};
use alloc::vec::Vec;

/// Keys by name, and the lengths that keys have: a text is looked up once for each of these
/// lengths, while its hash is computed octet by octet.
///
/// Values are indices into something else: one type for all uses keeps the module small.
#[derive(Debug, Default)]
pub(crate) struct PrefixMap {
    /// In ascending order.
    lengths: Vec<usize>,
    keys: Names,
    /// The octets that keys begin with, as bits: many texts differ from all keys in their first.
    first_octets: [u64; 4],
    /// By the number of the key.
    values: Vec<Vec<usize>>,
}

impl PrefixMap {
    /// A map of these keys; a key may come more than once.
    pub(crate) fn new(pairs: Vec<(Vec<u8>, usize)>) -> Self {
        let mut map = Self::default();
        for (key, value) in pairs {
            map.insert(&key.to_ascii_lowercase(), value);
        }
        map
    }

    fn insert(&mut self, key: &[u8], value: usize) {
        if let Some(values) = self.values.get_mut(self.keys.insert(key)) {
            values.push(value);
            return;
        }
        self.values.push(Vec::from([value]));
        // The empty key begins every text.
        let (octets, bits) = key.first().map_or((0..=u8::MAX, u64::MAX), |first| {
            (*first..=*first, bit(*first))
        });
        for octet in octets {
            if let Some(place) = self.first_octets.get_mut(usize::from(octet / 64)) {
                *place |= bits;
            }
        }
        if let Err(place) = self.lengths.binary_search(&key.len()) {
            self.lengths.insert(place, key.len());
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Calls `visit` with the values of every key that `text` begins with.
    #[inline]
    pub(crate) fn visit_prefixes_of<'t>(
        &self,
        text: impl ExactSizeIterator<Item = &'t u8> + Clone,
        mut visit: impl FnMut(usize),
    ) {
        let text = text.map(u8::to_ascii_lowercase);
        if text
            .clone()
            .next()
            .is_some_and(|first| !self.has_first(first))
        {
            return;
        }
        let mut hash = TextHash::empty();
        let mut rest = text.clone();
        for &length in &self.lengths {
            if length > text.len() {
                return;
            }
            let hashed = text.len() - rest.len();
            hash = hash.and(rest.by_ref().take(length - hashed));
            let values = self
                .keys
                .number(hash, text.clone().take(length))
                .and_then(|number| self.values.get(number));
            values.into_iter().flatten().for_each(|value| visit(*value));
        }
    }

    #[inline]
    fn has_first(&self, octet: u8) -> bool {
        let bits = self.first_octets.get(usize::from(octet / 64));
        bits.is_some_and(|bits| bits & bit(octet) != 0)
    }

    /// Every value.
    pub(crate) fn values(&self) -> impl Iterator<Item = usize> {
        self.values.iter().flatten().copied()
    }
}

#[inline]
fn bit(octet: u8) -> u64 {
    1 << (octet % 64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(keys: &[&str]) {
        let pairs = keys
            .iter()
            .enumerate()
            .map(|(index, key)| (key.as_bytes().to_vec(), index));
        let map = PrefixMap::new(pairs.collect());
        for text in [
            "", "/", "/a", "/a/", "/a/b", "/a/bc", "/ab", "/abc", "/A/B/c/d", "0", "zz", "\u{e9}t",
        ] {
            let mut found = Vec::new();
            map.visit_prefixes_of(text.as_bytes().iter(), |value| found.push(value));
            let expected: Vec<usize> = (0..keys.len())
                .filter(|index| text.to_ascii_lowercase().starts_with(&keys[*index].to_ascii_lowercase()))
                .collect();
            found.sort_unstable();
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn finds_just_the_keys_that_the_text_begins_with() {
        check(&["", "/", "/a", "/a/b", "/a/b/c", "/ab", "/b", "/a/b"]);
        // Without the empty key, texts are told from all keys by their first octet.
        check(&["/a", "/A/b", "z", "ZZ", "\u{e9}"]);
        check(&[]);
    }
}
