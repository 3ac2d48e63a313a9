//! Who is known, and by which password.

use super::verifications::{Attempt, Refusal, Verifications};
use crate::names::Names;
use crate::password::{Format, Verifier};
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::net::IpAddr;

/// User names and how to verify their passwords.
#[derive(Debug, Default)]
pub(crate) struct UserStore {
    names: Names,
    /// By the number of the name.
    verifiers: Vec<Verifier>,
    /// Other passwords of the same users, by the number of the name.
    more_verifiers: Vec<(usize, Verifier)>,
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

/// The user is known already, by another password: the number of the name.
#[derive(Debug)]
pub(crate) struct OtherPassword(pub(crate) usize);

impl UserStore {
    /// Inserts a user, and tells the number of the name.
    ///
    /// # Errors
    /// The user is there already, with another password.
    pub(crate) fn insert(
        &mut self,
        name: &[u8],
        verifier: Verifier,
    ) -> Result<usize, OtherPassword> {
        let number = self.names.insert(name);
        match self.verifiers.get(number) {
            Some(known) if known.identity() == verifier.identity() => Ok(number),
            Some(_) => Err(OtherPassword(number)),
            None => {
                self.raise_dummy(&verifier);
                self.verifiers.push(verifier);
                Ok(number)
            }
        }
    }

    /// Inserts a password that is valid beside others of the user, as Istio's `credentials` have them.
    pub(crate) fn insert_beside(&mut self, name: &[u8], verifier: Verifier) {
        self.raise_dummy(&verifier);
        let number = self.names.insert(name);
        if number < self.verifiers.len() {
            self.more_verifiers.push((number, verifier));
        } else {
            self.verifiers.push(verifier);
        }
    }

    fn raise_dummy(&mut self, verifier: &Verifier) {
        let costliest = self.dummy.as_ref().map(Verifier::estimated_cost);
        if costliest.is_none_or(|costliest| verifier.estimated_cost() > costliest) {
            self.dummy = Some(verifier.dummy());
        }
    }

    /// A user's name as it is configured, and those of its verifiers that are not locked.
    #[inline]
    pub(super) fn known(&self, name: &[u8]) -> Option<(&[u8], impl Iterator<Item = &Verifier>)> {
        let (name, number) = self.names.get(name)?;
        let more = self.more_verifiers.iter();
        let more = more.filter(move |(of, _)| *of == number);
        let all = self.verifiers.get(number).into_iter();
        let all = all.chain(more.map(|(_, verifier)| verifier));
        Some((
            name,
            all.filter(|verifier| verifier.format() != Format::Locked),
        ))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Whether this is a user who is not locked.
    pub(crate) fn accepts(&self, name: &[u8]) -> bool {
        self.known(name)
            .is_some_and(|(_, mut verifiers)| verifiers.next().is_some())
    }

    /// Whether somebody has an empty password, which Istio's `credentials` may have.
    #[cfg(feature = "analysis")]
    pub(crate) fn has_empty_password(&self) -> bool {
        let more = self.more_verifiers.iter().map(|(_, verifier)| verifier);
        let mut all = self.verifiers.iter().chain(more);
        all.any(|verifier| verifier.format() == Format::Plain && verifier.verify(b""))
    }

    pub(crate) fn contains(&self, name: &[u8]) -> bool {
        self.names.contains(name)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.names.iter()
    }

    /// The format of each user's hash.
    pub(crate) fn formats(&self) -> impl Iterator<Item = Format> {
        let more = self.more_verifiers.iter().map(|(_, verifier)| verifier);
        self.verifiers.iter().chain(more).map(Verifier::format)
    }

    /// The user whose name and password these are.
    ///
    /// # Errors
    /// [`Refusal::Mismatch`], after as much work for an unknown or locked user as for the costliest
    /// known one; the other [`Refusal`]s.
    #[inline]
    pub(crate) fn authenticate(
        &self,
        user_name: &[u8],
        password: &[u8],
        source: &dyn Fn() -> Option<IpAddr>,
        verifications: &mut Verifications,
    ) -> Result<&[u8], Refusal> {
        let attempt = |user_name| Attempt {
            user_name,
            password,
            list: core::ptr::from_ref(self).addr(),
            source,
        };
        // Empty ones are only those of Istio's `credentials`: no check is made for them, whoever it is.
        let is_empty = user_name.is_empty() || password.is_empty();
        let mut refusal = None;
        if let Some((name, verifiers)) = self.known(user_name) {
            for verifier in verifiers {
                if is_empty && verifier.format() != Format::Plain {
                    continue;
                }
                match verifications.verify(&attempt(name), verifier) {
                    Ok(()) => return Ok(name),
                    Err(Refusal::Held) => return Err(Refusal::Held),
                    Err(why) => refusal = Some(why),
                }
            }
        }
        if is_empty {
            return Err(Refusal::Empty);
        }
        if let (None, Some(dummy)) = (refusal, &self.dummy) {
            refusal = verifications.verify(&attempt(user_name), dummy).err();
        }
        match refusal.unwrap_or(Refusal::Mismatch) {
            Refusal::Mismatch if self.is_too_long(user_name, password) => Err(Refusal::TooLong),
            refusal => Err(refusal),
        }
    }

    /// Whether a password is longer than what is hashed for a user; for one who is unknown, than what is for
    /// the costliest known one.
    fn is_too_long(&self, user_name: &[u8], password: &[u8]) -> bool {
        let is_too_long = |verifier: &Verifier| password.len() > verifier.longest_password();
        let mut known = self
            .known(user_name)
            .into_iter()
            .flat_map(|(_, all)| all)
            .peekable();
        if known.peek().is_some() {
            known.any(is_too_long)
        } else {
            self.dummy.as_ref().is_some_and(is_too_long)
        }
    }
}
