//! The requests that a rule applies to.

use super::certainty::Certainty;
use super::host::Host;
use super::host_pattern::HostPattern;
use super::method::Methods;
use super::path::Readings;
use super::pattern::PathPattern;
use alloc::vec::Vec;

/// The hosts, paths and methods of a rule.
#[derive(Debug)]
pub(crate) struct Scope {
    /// None listed means any.
    pub(crate) hosts: Vec<HostPattern>,
    pub(crate) path: PathPattern,
    pub(crate) methods: Methods,
}

/// What of a request says whether a rule applies to it.
pub(crate) struct Subject<'r> {
    pub(crate) readings: Readings<'r>,
    pub(crate) host: Host<'r>,
    /// `None` if it could be any.
    pub(crate) method: Option<&'r [u8]>,
}

impl Scope {
    /// Whether this request is within it, and how surely.
    #[inline]
    pub(crate) fn matches(&self, subject: &Subject<'_>) -> Option<Certainty> {
        let host = self.matches_host(&subject.host)?;
        let method = self.methods.matches(subject.method)?;
        let path = self.path.matches(&subject.readings)?;
        Some(host.min(method).min(path))
    }

    fn matches_host(&self, host: &Host<'_>) -> Option<Certainty> {
        if self.hosts.is_empty() || self.hosts.contains(&HostPattern::Any) {
            return Some(Certainty::Certain);
        }
        host.certainty(|name| {
            let patterns = self.hosts.iter();
            patterns.filter_map(|pattern| pattern.matches(name)).max()
        })
    }
}
