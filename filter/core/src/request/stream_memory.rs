//! What a stream has proved already, to this plugin or to another one of its filter chain.

use core::cell::OnceCell;
use core::fmt;

use alloc::vec::Vec;

/// What an earlier look at the same stream left behind: asked for only where credentials are missing,
/// and once.
pub struct StreamMemory<'a> {
    ask: &'a dyn Fn() -> Option<Vec<u8>>,
    answer: OnceCell<Option<Vec<u8>>>,
}

impl<'a> StreamMemory<'a> {
    /// `ask` tells what [`crate::Policy::record`] made, from where no client can put anything.
    pub fn new(ask: &'a dyn Fn() -> Option<Vec<u8>>) -> Self {
        let answer = OnceCell::new();
        Self { ask, answer }
    }

    pub(crate) fn record(&self) -> Option<Record<'_>> {
        let octets = self.answer.get_or_init(self.ask).as_ref()?;
        Record::parse(octets)
    }
}

impl Default for StreamMemory<'_> {
    fn default() -> Self {
        Self::new(&|| None)
    }
}

impl fmt::Debug for StreamMemory<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StreamMemory(redacted)")
    }
}

/// What binds a user's name to the passwords that a list has for it.
pub(crate) type Proof = [u8; 32];

/// A user, and the lists to which the password was proved.
pub struct Record<'r> {
    proofs: &'r [Proof],
    user_name: &'r [u8],
}

impl<'r> Record<'r> {
    /// The number of proofs, the proofs, the user's name. `None` if it is anything else: other
    /// filters may write to the same place.
    pub fn parse(octets: &'r [u8]) -> Option<Self> {
        let (&count, rest) = octets.split_first()?;
        let (proofs, user_name) = rest.split_at_checked(usize::from(count) * size_of::<Proof>())?;
        let (proofs, _) = proofs.as_chunks();
        (!proofs.is_empty() && !user_name.is_empty()).then_some(Self { proofs, user_name })
    }

    pub(crate) fn serialise(proofs: &[Proof], user_name: &[u8]) -> Option<Vec<u8>> {
        let count = u8::try_from(proofs.len()).ok()?;
        let mut octets = Vec::with_capacity(1 + size_of_val(proofs) + user_name.len());
        octets.push(count);
        octets.extend_from_slice(proofs.as_flattened());
        octets.extend_from_slice(user_name);
        Some(octets)
    }

    /// The user's name, as it was configured where it was proved.
    #[must_use]
    pub fn user_name(&self) -> &'r [u8] {
        self.user_name
    }

    pub(crate) fn proofs(&self) -> &'r [Proof] {
        self.proofs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_written_as_a_record_is_read_as_one() {
        let written = Record::serialise(&[[1; 32], [2; 32]], b"alice").unwrap();
        let record = Record::parse(&written).unwrap();
        assert_eq!(record.user_name(), b"alice");
        assert_eq!(record.proofs(), [[1; 32], [2; 32]]);
        let without_proof = Record::serialise(&[], b"alice").unwrap();
        for other in [
            &b""[..],
            b"\0",
            b"alice",
            b"\xffalice",
            &without_proof,
            &written[..65],
        ] {
            assert!(Record::parse(other).is_none(), "{other:?}");
        }
    }
}
