//! Names, each with a number: the index of what it stands for in a list elsewhere.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

/// Octet strings and their numbers, counted from 0 in the order in which they came: a hash table
/// with open addressing. A lookup touches a slot and a name, however many there are.
///
/// Numbers are indices into something else: one type for all uses keeps the module small.
#[derive(Debug, Default)]
pub(crate) struct Names {
    names: Vec<Box<[u8]>>,
    /// A number plus 1, or 0; as long as a power of two, and at most half full.
    slots: Vec<u32>,
}

/// FNV-1a. Names come from the configuration, so that nobody can choose them to collide.
#[derive(Clone, Copy)]
pub(crate) struct Hash(u64);

impl Hash {
    /// Of no octets.
    pub(crate) const START: Self = Self(0xcbf2_9ce4_8422_2325);

    /// With more octets behind.
    pub(crate) fn and<'t>(self, octets: impl Iterator<Item = &'t u8>) -> Self {
        octets.fold(self, |hash, octet| {
            Self((hash.0 ^ u64::from(*octet)).wrapping_mul(0x0000_0100_0000_01b3))
        })
    }

    /// The slots to look at, one after another.
    fn slots(self, count: usize) -> impl Iterator<Item = usize> {
        // The higher bits of FNV-1a are the better ones.
        let first = (self.0 ^ (self.0 >> 32)) as usize;
        let mask = count.wrapping_sub(1);
        (0..count).map(move |step| first.wrapping_add(step) & mask)
    }
}

impl Names {
    /// The number of a name, which may be new.
    pub(crate) fn insert(&mut self, name: &[u8]) -> usize {
        let hash = Hash::START.and(name.iter());
        if let Some(number) = self.number(hash, name.iter()) {
            return number;
        }
        let number = self.names.len();
        self.names.push(name.into());
        if self.names.len() * 2 > self.slots.len() {
            self.slots = vec![0; (self.names.len() * 4).next_power_of_two()];
            for (number, name) in self.names.iter().enumerate() {
                take_slot(&mut self.slots, Hash::START.and(name.iter()), number);
            }
        } else {
            take_slot(&mut self.slots, hash, number);
        }
        number
    }

    /// The number of a name with this hash, if it is there.
    #[inline]
    pub(crate) fn number<'t>(
        &self,
        hash: Hash,
        name: impl ExactSizeIterator<Item = &'t u8> + Clone,
    ) -> Option<usize> {
        hash.slots(self.slots.len())
            .map_while(|slot| self.slots.get(slot)?.checked_sub(1))
            .map(|number| number as usize)
            .find(|number| {
                self.names
                    .get(*number)
                    .is_some_and(|known| known.len() == name.len() && known.iter().eq(name.clone()))
            })
    }

    /// A name and its number, if it is there.
    #[inline]
    pub(crate) fn get(&self, name: &[u8]) -> Option<(&[u8], usize)> {
        let number = self.number(Hash::START.and(name.iter()), name.iter())?;
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

/// Puts a number, which is below 2^32 as all of a 32-bit memory's are, into a free slot.
fn take_slot(slots: &mut [u32], hash: Hash, number: usize) {
    let free = hash
        .slots(slots.len())
        .find(|slot| slots.get(*slot) == Some(&0));
    if let Some(slot) = free.and_then(|slot| slots.get_mut(slot)) {
        *slot = number as u32 + 1;
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
