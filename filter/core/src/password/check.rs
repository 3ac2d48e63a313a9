//! A check of a password, made step by step.
//!
//! The loops over iterations are ours, since the crates' whole functions cannot be cut into steps; what a
//! step does is the crates' (`blowfish`, `hmac`, `sha2`, `md-5`). scrypt and Argon2 are one step each: their
//! crates cannot be stopped.

use super::bcrypt::BcryptWork;
use super::crypt::Stretching;
use super::pbkdf2::Pbkdf2Work;
use super::{Scheme, Verifier};
use core::fmt;
use hmac::Hmac;
use md5::Md5;
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use zeroize::Zeroizing;

/// How far a check is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There is more to do.
    More,
    /// It is done: whether the password is right.
    Done(bool),
}

/// A check of a password that has begun. It owns what it needs, and overwrites the password when it is
/// dropped.
pub struct Check {
    work: Work,
    /// A dummy does all the work and never matches.
    is_dummy: bool,
}

/// What is left to do.
pub(super) enum Work {
    Known(bool),
    Bcrypt(Box<BcryptWork>),
    Md5Crypt(Stretching<Md5, 16>),
    Sha256Crypt(Stretching<Sha256, 32>),
    Sha512Crypt(Box<Stretching<Sha512, 64>>),
    Pbkdf2Sha1(Box<Pbkdf2Work<Hmac<Sha1>>>),
    Pbkdf2Sha256(Box<Pbkdf2Work<Hmac<Sha256>>>),
    Pbkdf2Sha512(Box<Pbkdf2Work<Hmac<Sha512>>>),
    /// What cannot be stopped.
    Whole(Box<Scheme>, Zeroizing<Vec<u8>>),
}

impl Verifier {
    /// Begins to check a password; nothing slow is done yet. See [`Verifier::verify`] for what is refused
    /// without a check.
    #[must_use]
    pub fn begin(&self, password: &[u8]) -> Check {
        let work = if self.is_too_long(password) {
            Work::Known(false)
        } else {
            self.scheme.begin(password)
        };
        Check {
            work,
            is_dummy: self.is_dummy,
        }
    }
}

impl Check {
    /// Does some of the work: about 0.2 ms in the Wasm VM, or all of what cannot be stopped.
    pub fn step(&mut self) -> Progress {
        let is_right = match &mut self.work {
            Work::Known(is_right) => Some(*is_right),
            Work::Bcrypt(work) => work.step(),
            Work::Md5Crypt(work) => work.step(),
            Work::Sha256Crypt(work) => work.step(),
            Work::Sha512Crypt(work) => work.step(),
            Work::Pbkdf2Sha1(work) => work.step(),
            Work::Pbkdf2Sha256(work) => work.step(),
            Work::Pbkdf2Sha512(work) => work.step(),
            Work::Whole(scheme, password) => Some(scheme.verify_at_once(password)),
        };
        match is_right {
            Some(is_right) => Progress::Done(is_right && !self.is_dummy),
            None => Progress::More,
        }
    }

    /// Does all of it.
    pub(super) fn finish(mut self) -> bool {
        loop {
            if let Progress::Done(is_right) = self.step() {
                return is_right;
            }
        }
    }
}

/// Redacted.
impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Check(redacted)")
    }
}
