//! Recognises a user whose password was proved to the same list before, on the same stream.

use super::users::UserStore;
use crate::password::Verifier;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// What is hashed in front, so that a proof is nothing else.
const PURPOSE: &[u8] = b"basic_auth stream\0";

impl UserStore {
    /// What whoever does not know this list cannot make: a digest of the user's name and stored
    /// passwords. Another password, or none, gives another. `None` for nobody's name.
    pub(crate) fn proof(&self, user_name: &[u8]) -> Option<[u8; 32]> {
        let (name, verifiers) = self.known(user_name)?;
        let mut verifiers = verifiers.map(Verifier::identity).peekable();
        verifiers.peek()?;
        let mut hash = Sha256::new_with_prefix(PURPOSE);
        hash.update((name.len() as u64).to_le_bytes());
        hash.update(name);
        verifiers.for_each(|identity| hash.update(identity));
        Some(hash.finalize().into())
    }

    /// The user of this name, if one of the proofs is that of this list.
    pub(crate) fn recognise(&self, user_name: &[u8], proofs: &[[u8; 32]]) -> Option<&[u8]> {
        let own = self.proof(user_name)?;
        let is_own = proofs.iter().any(|proof| bool::from(proof.ct_eq(&own)));
        let (name, _) = self.known(user_name)?;
        is_own.then_some(name)
    }
}
