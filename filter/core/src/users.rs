//! Who is known, and by which password.

use crate::credentials::Credentials;
use crate::decision::Denial;
use crate::names::Names;
use crate::password::{Format, Verifier};
use crate::worker::Verifications;
use alloc::vec::Vec;

/// User names and how to verify their passwords.
#[derive(Debug, Default)]
pub(crate) struct UserStore {
    /// Tells this list from the others of the configuration.
    identity: u64,
    names: Names,
    /// By the number of the name.
    verifiers: Vec<Verifier>,
    /// What the password of an unknown or locked user is verified against, so that it takes as
    /// long as the costliest known user's.
    dummy: Option<Verifier>,
}

/// A user of a list with a stored hash, as long as the configuration is in force.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Account {
    /// The identity of the list.
    pub(crate) list: u64,
    /// The number of the name in it, each of which has one hash.
    pub(crate) number: usize,
}

/// The user is known already, by another password.
#[derive(Debug)]
pub(crate) struct OtherPassword;

impl UserStore {
    pub(crate) fn new(identity: u64) -> Self {
        Self {
            identity,
            ..Self::default()
        }
    }

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
    /// [`Denial::Mismatch`], after as much work for an unknown user as for the costliest known
    /// one; [`Denial::Overloaded`].
    pub(crate) fn authenticate(
        &self,
        credentials: Credentials<'_>,
        verifications: &mut Verifications,
    ) -> Result<&[u8], Denial> {
        let known = self.names.get(credentials.user_name);
        let known = known
            .and_then(|(name, number)| Some((name, number, self.verifiers.get(number)?)))
            .filter(|(_, _, verifier)| verifier.format() != Format::Locked);
        let (number, verifier) = match known {
            Some((_, number, verifier)) => (number, Some(verifier)),
            // No such number is given; what a dummy verifies is not remembered anyway.
            None => (usize::MAX, self.dummy.as_ref()),
        };
        let account = Account {
            list: self.identity,
            number,
        };
        let is_right = match verifier {
            Some(verifier) => verifications.verify(account, credentials.password, verifier)?,
            None => false,
        };
        match known {
            Some((name, ..)) if is_right => Ok(name),
            _ => Err(Denial::Mismatch),
        }
    }
}
