//! The methods that a rule applies to.

use super::certainty::Certainty;
use alloc::vec::Vec;

/// The methods of a rule; none listed means all.
#[derive(Debug, Default)]
pub(crate) struct Methods(Vec<Vec<u8>>);

impl Methods {
    pub(crate) fn new(names: impl IntoIterator<Item = Vec<u8>>) -> Self {
        Self(
            names
                .into_iter()
                .map(|name| name.to_ascii_uppercase())
                .collect(),
        )
    }

    /// Whether only some methods are meant.
    pub(super) fn is_listed(&self) -> bool {
        !self.0.is_empty()
    }

    /// Whether `GET` is listed.
    #[cfg(feature = "analysis")]
    pub(crate) fn has_get(&self) -> bool {
        self.0.iter().any(|name| name == b"GET")
    }

    /// Whether these are all of the others, too.
    pub(super) fn covers(&self, other: &Self) -> bool {
        self.0.is_empty() || other.is_listed() && other.0.iter().all(|name| self.0.contains(name))
    }

    /// Methods that are meant.
    pub(crate) fn examples(&self) -> Vec<Vec<u8>> {
        if self.is_listed() {
            return self.0.clone();
        }
        let usual: [&[u8]; 4] = [b"GET", b"POST", b"DELETE", b"X-WITNESS"];
        usual.map(<[u8]>::to_vec).to_vec()
    }

    /// Whether a request with this method is meant. A method in another case is another method
    /// (RFC 9110, 9.1), but not for every upstream: it is protected and never exempt.
    pub(crate) fn matches(&self, method: Option<&[u8]>) -> Option<Certainty> {
        if self.0.is_empty() {
            return Some(Certainty::Certain);
        }
        let Some(method) = method else {
            return Some(Certainty::Possible);
        };
        let is_listed = |name: &Vec<u8>| {
            name.eq_ignore_ascii_case(method)
                || (name == b"GET" && method.eq_ignore_ascii_case(b"HEAD"))
        };
        self.0.iter().any(is_listed).then(|| {
            if method.iter().any(u8::is_ascii_lowercase) {
                Certainty::Possible
            } else {
                Certainty::Certain
            }
        })
    }
}
