//! Which hosts a rule is about.

use crate::prefix_map::PrefixMap;
use crate::rule::Certainty;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::net::Ipv6Addr;

/// A pattern of hosts, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HostPattern {
    Any,
    Exact(Vec<u8>),
    /// `prefix*`
    Prefix(Vec<u8>),
    /// `*suffix`
    Suffix(Vec<u8>),
}

/// The pattern is no host and could never match one.
#[derive(Debug)]
pub(crate) struct NotAHost;

impl HostPattern {
    /// # Errors
    /// A pattern that no host can match.
    pub(crate) fn parse(text: &str) -> Result<Self, NotAHost> {
        let text = text.to_ascii_lowercase();
        if text == "*" {
            return Ok(HostPattern::Any);
        }
        if let Some(suffix) = text.strip_prefix('*') {
            let suffix = without_port(suffix);
            return part(suffix.strip_suffix('.').unwrap_or(suffix)).map(HostPattern::Suffix);
        }
        if let Some(prefix) = text.strip_suffix('*') {
            return part(prefix.strip_prefix('[').unwrap_or(prefix)).map(HostPattern::Prefix);
        }
        let bare_ipv6 = text
            .parse::<Ipv6Addr>()
            .ok()
            .map(|address| address.to_string().into_bytes());
        bare_ipv6
            .or_else(|| Some(host_of(text.as_bytes(), &mut Vec::new())?.text().to_vec()))
            .map(HostPattern::Exact)
            .ok_or(NotAHost)
    }
}

impl HostPattern {
    /// The pattern as a text that no other pattern has.
    pub(crate) fn spelling(&self) -> Vec<u8> {
        let (before, text, after): (&str, &[u8], &str) = match self {
            HostPattern::Any => ("*", b"", ""),
            HostPattern::Exact(host) => ("", host, ""),
            HostPattern::Prefix(prefix) => ("", prefix, "*"),
            HostPattern::Suffix(suffix) => ("*", suffix, ""),
        };
        [before.as_bytes(), text, after.as_bytes()].concat()
    }

    /// Whether a host, as [`HostName::text`] has it, is meant.
    pub(crate) fn matches(&self, host: &[u8]) -> Option<Certainty> {
        let is_meant = match self {
            HostPattern::Any => true,
            HostPattern::Exact(exact) => host == exact,
            HostPattern::Prefix(prefix) => host.starts_with(prefix),
            HostPattern::Suffix(suffix) => host.ends_with(suffix),
        };
        if is_meant {
            return Some(Certainty::Certain);
        }
        match self {
            // The host may have had a dot at its end.
            HostPattern::Prefix(prefix) if prefix.strip_suffix(b".") == Some(host) => {
                Some(Certainty::Possible)
            }
            _ => None,
        }
    }
}

/// A part of a host; one with a colon is of an IPv6 address.
fn part(text: &str) -> Result<Vec<u8>, NotAHost> {
    let is_octet = |octet: u8| match text.contains(':') {
        true => octet.is_ascii_hexdigit() || matches!(octet, b':' | b'.'),
        false => is_host_octet(octet),
    };
    let is_valid = !text.is_empty() && text.bytes().all(is_octet);
    is_valid.then(|| text.as_bytes().to_vec()).ok_or(NotAHost)
}

/// What stands before a port: requests are compared without theirs.
fn without_port(text: &str) -> &str {
    match text.split_once(':') {
        Some((host, port)) if port.bytes().all(|octet| octet.is_ascii_digit()) => host,
        _ => text,
    }
}

#[inline]
fn is_host_octet(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_')
}

/// The host of a request's authority.
#[derive(Debug)]
pub(crate) enum Host<'b> {
    Known(HostName<'b>),
    /// There is none, or it is not well-formed: upstreams may take it for any.
    Any,
}

impl<'b> Host<'b> {
    /// `buffer` is where a well-formed host is kept.
    #[inline]
    pub(crate) fn of(authority: Option<&[u8]>, buffer: &'b mut Vec<u8>) -> Self {
        authority
            .and_then(|authority| host_of(authority, buffer))
            .map_or(Host::Any, Host::Known)
    }
}

/// A host in lower case, without port and trailing dot; an IPv6 address without brackets, in its
/// canonical form (RFC 5952).
#[derive(Clone, Copy, Debug)]
pub(crate) struct HostName<'b> {
    /// The host, and the dot that it may have had.
    dotted: &'b [u8],
}

impl<'b> HostName<'b> {
    pub(crate) fn text(self) -> &'b [u8] {
        self.dotted.split_last().map_or(&[], |(_, host)| host)
    }
}

/// The host of `host [":" port]` (RFC 3986, 3.2), if it is well-formed.
#[inline]
fn host_of<'b>(authority: &[u8], buffer: &'b mut Vec<u8>) -> Option<HostName<'b>> {
    buffer.clear();
    if let Some(rest) = authority.strip_prefix(b"[") {
        let end = rest.iter().position(|&octet| octet == b']')?;
        let (address, after) = rest.split_at_checked(end)?;
        let address: Ipv6Addr = core::str::from_utf8(address).ok()?.parse().ok()?;
        if !is_port(after.strip_prefix(b"]")?) {
            return None;
        }
        buffer.extend_from_slice(address.to_string().as_bytes());
        buffer.push(b'.');
        return Some(HostName { dotted: buffer });
    }
    let mut is_in_label = false;
    let mut end = authority.len();
    for (at, &octet) in authority.iter().enumerate() {
        match octet {
            b':' if is_port(authority.get(at..)?) => {
                end = at;
                break;
            }
            b'.' if is_in_label => is_in_label = false,
            b'.' => return None,
            octet if is_host_octet(octet) => is_in_label = true,
            _ => return None,
        }
    }
    buffer.extend_from_slice(authority.get(..end)?);
    buffer.make_ascii_lowercase();
    if is_in_label {
        buffer.push(b'.');
    }
    (!buffer.is_empty()).then_some(HostName { dotted: buffer })
}

/// `""` or `":" *DIGIT`.
fn is_port(text: &[u8]) -> bool {
    match text {
        [] => true,
        [b':', digits @ ..] => digits.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

/// Finds the patterns that a host may match: all that do, and perhaps more.
#[derive(Debug)]
pub(crate) struct HostMap {
    any: Vec<usize>,
    /// Exact patterns and prefixes.
    beginnings: PrefixMap,
    /// Suffixes, written backwards.
    endings: PrefixMap,
}

impl HostMap {
    /// A map from these patterns to their places in the list.
    pub(crate) fn new<'h>(patterns: impl Iterator<Item = &'h HostPattern>) -> Self {
        let (mut any, mut beginnings, mut endings) = (Vec::new(), Vec::new(), Vec::new());
        for (index, pattern) in patterns.enumerate() {
            match pattern {
                HostPattern::Any => any.push(index),
                HostPattern::Exact(host) | HostPattern::Prefix(host) => {
                    beginnings.push((host.clone(), index));
                }
                HostPattern::Suffix(host) => {
                    endings.push((host.iter().rev().copied().collect(), index));
                }
            }
        }
        Self {
            any,
            beginnings: PrefixMap::new(beginnings),
            endings: PrefixMap::new(endings),
        }
    }

    /// Whether the host makes no difference.
    pub(crate) fn is_for_any_host(&self) -> bool {
        self.beginnings.is_empty() && self.endings.is_empty()
    }

    /// Calls `visit` with the place of every pattern that the host may match.
    #[inline]
    pub(crate) fn matching(&self, host: &Host<'_>, mut visit: impl FnMut(usize)) {
        self.any.iter().for_each(|index| visit(*index));
        let Host::Known(host) = host else {
            self.beginnings
                .values()
                .chain(self.endings.values())
                .for_each(visit);
            return;
        };
        self.beginnings
            .visit_prefixes_of(host.dotted.iter(), &mut visit);
        self.endings
            .visit_prefixes_of(host.text().iter().rev(), visit);
    }
}
