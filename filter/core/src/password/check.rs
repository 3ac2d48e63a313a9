//! One verification in progress: a value that is worked off in small steps.
//!
//! A slow hash takes up to a quarter of a second, and a worker of a proxy has other requests to
//! serve meanwhile. So the loops over iterations and rounds stand here, in bcrypt, PBKDF2 and
//! crypt, and stop after each quantum: the crates' whole functions can't be stopped. Each
//! iteration is a call of the crate that has the primitive (`blowfish`, `hmac`, `sha2`, `sha1`,
//! `md-5`). scrypt, Argon2 and yescrypt fill a memory that their crates own, and are one step each.

use core::fmt;

use zeroize::Zeroizing;

/// A password that is being verified. Owns all it needs, so that it can be kept while its request
/// is held. What it holds of the password is overwritten when it is dropped.
pub struct Check {
    state: State,
    /// All the work is done, and nothing matches.
    is_dummy: bool,
}

enum State {
    Running(Box<dyn Work>),
    Done(Verdict),
}

/// How far a [`Check`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There are more steps.
    More,
    /// It is over.
    Done(Verdict),
}

/// What a [`Check`] has found out.
///
/// For the operator: a client must not learn why its password is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The password is the one that was hashed.
    Match,
    /// It is another one.
    Mismatch,
    /// It has more octets than the format takes, and was not hashed: see
    /// [`Verifier::verify`](super::Verifier::verify).
    TooLong,
}

/// What a slow format does with a password.
pub(super) trait Work {
    /// Does the next quantum, about 0.1 to 0.3 ms in the Wasm VM. When it was the last one: whether
    /// the password is the one that was hashed. Not called again after that.
    fn step(&mut self) -> Option<bool>;
}

impl Check {
    /// A check that was quick enough to be made at once.
    pub(super) fn done(verdict: Verdict) -> Self {
        Self {
            state: State::Done(verdict),
            is_dummy: false,
        }
    }

    pub(super) fn running(work: impl Work + 'static) -> Self {
        Self {
            state: State::Running(Box::new(work)),
            is_dummy: false,
        }
    }

    /// A check of what can't be cut into steps.
    pub(super) fn in_one_step(password: &[u8], is_match: impl Fn(&[u8]) -> bool + 'static) -> Self {
        Self::running(OneStep {
            password: Zeroizing::new(password.into()),
            is_match,
        })
    }

    /// A check that takes as many steps and never matches.
    pub(super) fn into_dummy(self) -> Self {
        Self {
            is_dummy: true,
            ..self
        }
    }

    /// Does one quantum of work: about 0.1 to 0.3 ms in the Wasm VM; for scrypt, Argon2 and yescrypt
    /// all of it. When it is over, further calls answer the same.
    pub fn step(&mut self) -> Progress {
        if let State::Running(work) = &mut self.state {
            let Some(is_match) = work.step() else {
                return Progress::More;
            };
            self.state = State::Done(Verdict::of(is_match));
        }
        match self.state {
            State::Running(_) => Progress::More,
            State::Done(_) if self.is_dummy => Progress::Done(Verdict::Mismatch),
            State::Done(verdict) => Progress::Done(verdict),
        }
    }

    /// Does all the work that is left.
    #[must_use]
    pub fn finish(mut self) -> Verdict {
        loop {
            if let Progress::Done(verdict) = self.step() {
                return verdict;
            }
        }
    }
}

/// Redacted: whether it is over, and nothing of the outcome.
impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Check")
            .field("is_done", &matches!(self.state, State::Done(_)))
            .finish_non_exhaustive()
    }
}

impl Verdict {
    pub(super) fn of(is_match: bool) -> Self {
        if is_match {
            Self::Match
        } else {
            Self::Mismatch
        }
    }
}

struct OneStep<F> {
    password: Zeroizing<Box<[u8]>>,
    is_match: F,
}

impl<F: Fn(&[u8]) -> bool> Work for OneStep<F> {
    fn step(&mut self) -> Option<bool> {
        Some((self.is_match)(&self.password))
    }
}
