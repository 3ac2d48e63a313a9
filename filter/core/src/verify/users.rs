//! Who is known, and by which password.

use super::verifications::{Refusal, Verifications};
use crate::names::Names;
use crate::password::{Format, Verifier};
use alloc::rc::Rc;
use alloc::vec::Vec;

/// User names and how to verify their passwords.
#[derive(Debug, Default)]
pub(crate) struct UserStore {
    names: Names,
    /// By the number of the name.
    verifiers: Vec<Verifier>,
    /// What the password of an unknown or locked user is verified against, so that it takes as
    /// long as the costliest known user's.
    dummy: Option<Verifier>,
}

/// Who of the users may pass: a rule's `allow`. Groups are held once for all rules.
#[derive(Debug, Default)]
pub(crate) struct Allowed {
    pub(crate) users: Names,
    pub(crate) groups: Vec<Rc<Names>>,
}

impl Allowed {
    pub(crate) fn contains(&self, user: &[u8]) -> bool {
        self.users.contains(user) || self.groups.iter().any(|group| group.contains(user))
    }
}

/// The user is known already, by another password.
#[derive(Debug)]
pub(crate) struct OtherPassword;

impl UserStore {
    /// # Errors
    /// The user is there already, with another password.
    pub(crate) fn insert(&mut self, name: &[u8], verifier: Verifier) -> Result<(), OtherPassword> {
        let costliest = self.dummy.as_ref().map(Verifier::estimated_cost);
        if costliest.is_none_or(|costliest| verifier.estimated_cost() > costliest) {
            self.dummy = Some(verifier.dummy());
        }
        match self.verifiers.get(self.names.insert(name)) {
            Some(known) if known.identity() == verifier.identity() => Ok(()),
            Some(_) => Err(OtherPassword),
            None => {
                self.verifiers.push(verifier);
                Ok(())
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    pub(crate) fn contains(&self, name: &[u8]) -> bool {
        self.names.contains(name)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.names.iter()
    }

    /// The format of each user's hash.
    pub(crate) fn formats(&self) -> impl Iterator<Item = Format> {
        self.verifiers.iter().map(Verifier::format)
    }

    /// The user whose name and password these are.
    ///
    /// # Errors
    /// [`Refusal::Mismatch`], after as much work for an unknown user as for the costliest known
    /// one; [`Refusal::Overloaded`].
    #[inline]
    pub(crate) fn authenticate(
        &self,
        user_name: &[u8],
        password: &[u8],
        verifications: &mut Verifications,
    ) -> Result<&[u8], Refusal> {
        let known = self.names.get(user_name);
        let known = known
            .and_then(|(name, number)| Some((name, self.verifiers.get(number)?)))
            .filter(|(_, verifier)| verifier.format() != Format::Locked);
        if let Some((name, verifier)) = known {
            verifications.verify(name, password, verifier)?;
            return Ok(name);
        }
        if let Some(dummy) = &self.dummy {
            verifications.verify(user_name, password, dummy)?;
        }
        Err(Refusal::Mismatch)
    }
}
