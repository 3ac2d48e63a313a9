//! What came of a request, as far as a runner can see it.

use crate::{
    corpus::{Allowance, Denial},
    octets,
};
use std::fmt;

/// Something that not every runner can see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Seen<T> {
    /// This runner cannot see it: nothing is compared.
    #[default]
    Unseen,
    /// What it saw.
    Seen(T),
}

impl<T> Seen<T> {
    /// The same of a part or another form of it.
    pub fn map<U>(&self, f: impl FnOnce(&T) -> U) -> Seen<U> {
        match self {
            Seen::Unseen => Seen::Unseen,
            Seen::Seen(value) => Seen::Seen(f(value)),
        }
    }
}

/// Header fields, names and values.
pub type Fields = Vec<(Vec<u8>, Vec<u8>)>;

/// What came of a request.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// 200: it reached the upstream.
    pub status: u32,
    /// Why it was denied, or would have been.
    pub denial: Seen<Option<Denial>>,
    /// Why it was let through.
    pub allowance: Seen<Option<Allowance>>,
    /// The authenticated user.
    pub user: Seen<Option<Vec<u8>>>,
    /// The value of `WWW-Authenticate`.
    pub challenge: Option<Vec<u8>>,
    /// The value of `Location`.
    pub location: Option<Vec<u8>>,
    /// What the upstream received.
    pub upstream: Seen<Fields>,
    /// More for a person who reads a mismatch.
    pub remark: String,
}

impl Observed {
    /// The same, with the protocol as a remark.
    #[must_use]
    pub fn over(mut self, protocol: &str) -> Observed {
        let gap = if self.remark.is_empty() { "" } else { ", " };
        self.remark = format!("{}{gap}over {protocol}", self.remark);
        self
    }
}

impl fmt::Display for Observed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "status {}", self.status)?;
        if let Seen::Seen(Some(denial)) = self.denial {
            write!(f, ", denial {denial:?}")?;
        }
        if let Seen::Seen(Some(allowance)) = self.allowance {
            write!(f, ", allowance {allowance:?}")?;
        }
        if let Some(challenge) = &self.challenge {
            write!(f, ", challenge `{}`", octets::display(challenge))?;
        }
        if !self.remark.is_empty() {
            write!(f, ", {}", self.remark)?;
        }
        Ok(())
    }
}
