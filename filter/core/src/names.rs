//! Names in order, each with a number: the index of what it stands for in a list elsewhere.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;

/// Octet strings and their numbers, counted from 0 in the order in which they came.
///
/// Numbers are indices into something else: one type for all uses keeps the module small.
#[derive(Debug, Default)]
pub(crate) struct Names(BTreeMap<Box<[u8]>, usize>);

impl Names {
    /// The number of a name, which may be new.
    pub(crate) fn insert(&mut self, name: &[u8]) -> usize {
        if let Some((_, number)) = self.get(name) {
            return number;
        }
        let number = self.0.len();
        self.0.insert(name.into(), number);
        number
    }

    /// A name and its number, if it is there.
    pub(crate) fn get(&self, name: &[u8]) -> Option<(&[u8], usize)> {
        let (name, number) = self.0.get_key_value(name)?;
        Some((name, *number))
    }

    pub(crate) fn contains(&self, name: &[u8]) -> bool {
        self.get(name).is_some()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.0.keys().map(|name| &**name)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
