//! The requests that a rule applies to.

use super::certainty::Certainty;
use super::host::Host;
use super::host_pattern::HostPattern;
use super::method::Methods;
use super::path::Readings;
use super::pattern::PathPattern;
use super::source::{self, SourceAddress};
use alloc::vec::Vec;
#[cfg(feature = "analysis")]
use core::net::IpAddr;
use ipnet::IpNet;

/// The hosts, paths, methods and source addresses of a rule.
#[derive(Debug)]
pub(crate) struct Scope {
    /// None listed means any.
    pub(crate) hosts: Vec<HostPattern>,
    pub(crate) path: PathPattern,
    pub(crate) methods: Methods,
    /// None listed means any.
    pub(crate) sources: Vec<IpNet>,
}

/// What of a request says whether a rule applies to it.
pub(crate) struct Subject<'r> {
    pub(crate) readings: Readings<'r>,
    pub(crate) host: Host<'r>,
    /// `None` if it could be any.
    pub(crate) method: Option<&'r [u8]>,
    pub(crate) source: &'r SourceAddress<'r>,
}

impl Scope {
    /// Whether this request is within it, and how surely.
    #[inline]
    pub(crate) fn matches(&self, subject: &Subject<'_>) -> Option<Certainty> {
        let host = self.matches_host(&subject.host)?;
        let method = self.methods.matches(subject.method)?;
        let path = self.path.matches(&subject.readings)?;
        let source = self.source_certainty(subject)?;
        Some(host.min(method).min(path).min(source))
    }

    /// Whether the request's host is among the hosts, and how surely.
    pub(crate) fn host_certainty(&self, subject: &Subject<'_>) -> Option<Certainty> {
        self.matches_host(&subject.host)
    }

    /// Whether the request's source is among the addresses, and how surely.
    #[inline]
    pub(crate) fn source_certainty(&self, subject: &Subject<'_>) -> Option<Certainty> {
        source::certainty(&self.sources, subject.source)
    }

    /// One of these addresses from where a request is not in it; `None` if it is from anywhere.
    #[cfg(feature = "analysis")]
    pub(crate) fn address_outside(&self, addresses: &[IpAddr]) -> Option<IpAddr> {
        let is_outside = |address: &IpAddr| {
            let ask = || Some(*address);
            source::certainty(&self.sources, &SourceAddress::new(&ask)).is_none()
        };
        addresses.iter().copied().find(is_outside)
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
