//! Finds the host patterns that may match.

use super::host::Host;
use super::host_pattern::HostPattern;
use super::prefix_map::PrefixMap;
use alloc::vec::Vec;

/// Finds the patterns that a host may match: all that do, and perhaps more.
#[derive(Debug)]
pub(crate) struct HostMap {
    any: Vec<usize>,
    /// Parts of IPv6 addresses, which have to be tried.
    ipv6: Vec<usize>,
    /// Exact patterns and prefixes.
    beginnings: PrefixMap,
    /// Suffixes, written backwards.
    endings: PrefixMap,
}

impl HostMap {
    /// A map from these patterns to their places in the list.
    pub(crate) fn new<'h>(patterns: impl Iterator<Item = &'h HostPattern>) -> Self {
        let (mut any, mut ipv6) = (Vec::new(), Vec::new());
        let (mut beginnings, mut endings) = (Vec::new(), Vec::new());
        for (index, pattern) in patterns.enumerate() {
            match pattern {
                HostPattern::Any => any.push(index),
                HostPattern::Exact(host) | HostPattern::Prefix(host) => {
                    beginnings.push((host.clone(), index));
                }
                HostPattern::Suffix(host) => {
                    endings.push((host.iter().rev().copied().collect(), index));
                }
                HostPattern::Ipv6Prefix(_) | HostPattern::Ipv6Suffix(_) => ipv6.push(index),
            }
        }
        Self {
            any,
            ipv6,
            beginnings: PrefixMap::new(beginnings),
            endings: PrefixMap::new(endings),
        }
    }

    /// Whether the host makes no difference.
    pub(crate) fn is_for_any_host(&self) -> bool {
        self.beginnings.is_empty() && self.endings.is_empty() && self.ipv6.is_empty()
    }

    /// Calls `visit` with the place of every pattern that the host may match.
    #[inline]
    pub(crate) fn matching(&self, host: &Host<'_>, mut visit: impl FnMut(usize)) {
        self.any.iter().for_each(|index| visit(*index));
        let Some(names) = host.names() else {
            self.beginnings
                .values()
                .chain(self.endings.values())
                .chain(self.ipv6.iter().copied())
                .for_each(visit);
            return;
        };
        for name in names {
            self.beginnings
                .visit_prefixes_of(name.dotted().iter(), &mut visit);
            self.endings
                .visit_prefixes_of(name.text().iter().rev(), &mut visit);
            self.ipv6.iter().for_each(|index| visit(*index));
        }
    }
}
