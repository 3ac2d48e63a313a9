//! Names, each with a number: the index of what it stands for in a list elsewhere.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::hash::Hasher;
use fnv::FnvHasher;
use hashbrown::HashTable;

/// Octet strings and their numbers, counted from 0 in the order in which they came.
///
/// Numbers are indices into something else: one type for all uses keeps the module small.
#[derive(Debug, Default)]
pub(crate) struct Names {
    names: Vec<Box<[u8]>>,
    numbers: HashTable<u32>,
}

/// The hash of a text that may grow. FNV-1a, whose state is its result: names come from the
/// configuration, so that nobody can choose them to collide.
#[derive(Clone, Copy)]
pub(crate) struct TextHash(u64);

impl TextHash {
    /// Of no octets.
    #[inline]
    pub(crate) fn empty() -> Self {
        Self(FnvHasher::default().finish())
    }

    /// With more octets behind.
    #[inline]
    pub(crate) fn and(self, octets: impl Iterator<Item = u8>) -> Self {
        let mut hasher = FnvHasher::with_key(self.0);
        octets.for_each(|octet| hasher.write_u8(octet));
        Self(hasher.finish())
    }
}

impl Names {
    /// The number of a name, which may be new.
    pub(crate) fn insert(&mut self, name: &[u8]) -> usize {
        let hash = TextHash::empty().and(name.iter().copied());
        if let Some(number) = self.number(hash, name.iter().copied()) {
            return number;
        }
        let number = self.names.len();
        self.names.push(name.into());
        let names = &self.names;
        let hash_of = |number: &u32| {
            let name = names.get(*number as usize);
            let octets = name.into_iter().flat_map(|name| name.iter().copied());
            TextHash::empty().and(octets).0
        };
        // A number is below 2^32, as all of a 32-bit memory's are.
        self.numbers.insert_unique(hash.0, number as u32, hash_of);
        number
    }

    /// The number of a name with this hash, if it is there.
    #[inline]
    pub(crate) fn number(
        &self,
        hash: TextHash,
        name: impl ExactSizeIterator<Item = u8> + Clone,
    ) -> Option<usize> {
        let is_name = |number: &u32| {
            let known = self.names.get(*number as usize);
            known.is_some_and(|known| known.len() == name.len() && known.iter().copied().eq(name.clone()))
        };
        Some(*self.numbers.find(hash.0, is_name)? as usize)
    }

    /// A name and its number, if it is there.
    #[inline]
    pub(crate) fn get(&self, name: &[u8]) -> Option<(&[u8], usize)> {
        let hash = TextHash::empty().and(name.iter().copied());
        let number = self.number(hash, name.iter().copied())?;
        Some((self.names.get(number)?, number))
    }

    pub(crate) fn contains(&self, name: &[u8]) -> bool {
        self.get(name).is_some()
    }

    /// In the order of their numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.names.iter().map(|name| &**name)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_keeps_its_number() {
        let mut names = Names::default();
        let spellings: Vec<Vec<u8>> = (0..5_000_u32)
            .map(|number| number.to_string().into_bytes())
            .collect();
        for (number, name) in spellings.iter().enumerate() {
            assert!(!names.contains(name));
            assert_eq!(names.insert(name), number);
            assert_eq!(names.insert(name), number);
        }
        for (number, name) in spellings.iter().enumerate() {
            assert_eq!(names.get(name), Some((name.as_slice(), number)));
        }
        assert!(!names.contains(b""));
        assert_eq!(names.insert(b""), spellings.len());
        assert!(names.contains(b""));
    }
}
