//! The hosts that a rule applies to.

use super::certainty::Certainty;
use super::host::{HostName, host_of, is_host_octet};
use super::pattern::Breadth;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv6Addr};

/// A pattern of hosts, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HostPattern {
    Any,
    Exact(Vec<u8>),
    /// `prefix*`
    Prefix(Vec<u8>),
    /// `*suffix`
    Suffix(Vec<u8>),
    /// Groups at the beginning of an IPv6 address.
    Ipv6Prefix(Groups),
    /// Groups at its end.
    Ipv6Suffix(Groups),
}

/// Whole groups of an IPv6 address, and the digits of a part of the one next to them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Groups {
    whole: Vec<u16>,
    /// As the canonical form has them; empty if there is none.
    digits: String,
}

/// Why a pattern is refused: no host could match it, or it opens more than it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostError {
    /// A scheme or a path.
    Url,
    /// A block of addresses.
    Block,
    /// A port where it would be ignored, or where `*` stands for one.
    Port,
    /// Letters beyond ASCII.
    NotAscii,
    /// Anything else.
    NotAHost,
}

impl HostPattern {
    /// # Errors
    /// A pattern that no host can match or, where it must not be wider than it says, one with a port.
    pub(crate) fn parse(text: &str, breadth: Breadth) -> Result<Self, HostError> {
        let text = text.to_ascii_lowercase();
        if !text.is_ascii() {
            return Err(HostError::NotAscii);
        }
        if let Some((address, _)) = text.split_once('/') {
            return Err(match address.parse::<IpAddr>() {
                Ok(_) => HostError::Block,
                Err(_) => HostError::Url,
            });
        }
        // What stands for every host elsewhere: Apache, nginx.
        if matches!(text.as_str(), "any" | "all" | "_" | "_default_") {
            return Err(HostError::NotAHost);
        }
        let text = match without_port(&text) {
            host if host.len() == text.len() => text.as_str(),
            host if breadth == Breadth::Wide && !host.is_empty() => host,
            _ => return Err(HostError::Port),
        };
        if text == "*" {
            return Ok(HostPattern::Any);
        }
        if let Some(suffix) = text.strip_prefix('*') {
            return Self::suffix(suffix.strip_suffix('.').unwrap_or(suffix));
        }
        if let Some(prefix) = text.strip_suffix('*') {
            return Self::prefix(prefix);
        }
        if let Ok(address) = text.parse::<Ipv6Addr>() {
            return Ok(HostPattern::Exact(address.to_string().into_bytes()));
        }
        let host = host_of(text.as_bytes(), &mut Vec::new()).map(|host| host.text().to_vec());
        host.map(HostPattern::Exact).ok_or(HostError::NotAHost)
    }

    fn suffix(suffix: &str) -> Result<Self, HostError> {
        if suffix.contains(':') {
            let suffix = suffix.strip_suffix(']').unwrap_or(suffix);
            return Groups::at_end(suffix)
                .map(HostPattern::Ipv6Suffix)
                .ok_or(HostError::NotAHost);
        }
        name_part(suffix).map(HostPattern::Suffix)
    }

    fn prefix(prefix: &str) -> Result<Self, HostError> {
        if let Some(address) = prefix.strip_prefix('[') {
            return Groups::at_beginning(address)
                .map(HostPattern::Ipv6Prefix)
                .ok_or(HostError::NotAHost);
        }
        match prefix.matches(':').count() {
            0 if prefix.starts_with('.') => Err(HostError::NotAHost),
            0 => name_part(prefix).map(HostPattern::Prefix),
            // `cafe:*` is as likely a host with any port as the beginning of an address.
            1 => Err(HostError::Port),
            _ => Groups::at_beginning(prefix)
                .map(HostPattern::Ipv6Prefix)
                .ok_or(HostError::NotAHost),
        }
    }

    /// The pattern as a text that no other pattern has.
    pub(crate) fn spelling(&self) -> Vec<u8> {
        let (before, text, after): (&str, &[u8], &str) = match self {
            HostPattern::Any => ("*", b"", ""),
            HostPattern::Exact(host) => ("", host, ""),
            HostPattern::Prefix(prefix) => ("", prefix, "*"),
            HostPattern::Suffix(suffix) => ("*", suffix, ""),
            HostPattern::Ipv6Prefix(_) | HostPattern::Ipv6Suffix(_) => {
                return format!("{self:?}").into_bytes();
            }
        };
        [before.as_bytes(), text, after.as_bytes()].concat()
    }

    /// Whether a host is meant.
    pub(crate) fn matches(&self, host: HostName<'_>) -> Option<Certainty> {
        let text = host.text();
        let is_meant = match self {
            HostPattern::Any => true,
            HostPattern::Exact(exact) => text == exact,
            HostPattern::Prefix(prefix) => text.starts_with(prefix),
            HostPattern::Suffix(suffix) => text.ends_with(suffix),
            HostPattern::Ipv6Prefix(groups) => {
                let segments = host.ipv6().map(|address| address.segments());
                segments.is_some_and(|segments| groups.are_first_of(segments.iter()))
            }
            HostPattern::Ipv6Suffix(groups) => {
                let segments = host.ipv6().map(|address| address.segments());
                segments.is_some_and(|segments| groups.are_last_of(segments.iter()))
            }
        };
        if is_meant {
            return Some(Certainty::Certain);
        }
        match self {
            // The host may have had a dot at its end.
            HostPattern::Prefix(prefix) if prefix.strip_suffix(b".") == Some(text) => {
                Some(Certainty::Possible)
            }
            _ => None,
        }
    }
}

impl Groups {
    /// `2001:0db8:` and `2001:db8::` (where the next group is zero), and `2001:d` (where the next
    /// one begins so).
    fn at_beginning(text: &str) -> Option<Self> {
        let (whole, digits) = text.rsplit_once(':').unwrap_or(("", text));
        let (whole, is_zero_next) = match whole.strip_suffix(':') {
            Some(whole) => (whole, true),
            None => (whole, false),
        };
        let mut groups = Self::parse(whole, digits)?;
        if is_zero_next {
            groups.whole.push(0);
        }
        groups.checked()
    }

    /// `:db8:1` and `::1` (where the group before is zero).
    fn at_end(text: &str) -> Option<Self> {
        let (digits, whole) = text.split_once(':').unwrap_or((text, ""));
        let (whole, is_zero_before) = match whole.strip_prefix(':') {
            Some(whole) => (whole, true),
            None => (whole, false),
        };
        let mut groups = Self::parse(whole, digits)?;
        if is_zero_before {
            groups.whole.insert(0, 0);
        }
        groups.checked()
    }

    fn parse(whole: &str, digits: &str) -> Option<Self> {
        let group = |text: &str| {
            let is_group = (1..=4).contains(&text.len());
            is_group.then(|| u16::from_str_radix(text, 16).ok())?
        };
        let texts = whole.split(':').filter(|_| !whole.is_empty());
        let is_part = digits.len() <= 4 && digits.bytes().all(|octet| octet.is_ascii_hexdigit());
        is_part.then_some(Self {
            whole: texts.map(group).collect::<Option<_>>()?,
            digits: digits.to_string(),
        })
    }

    fn checked(self) -> Option<Self> {
        let is_part = self.whole.len() < 8 && !(self.whole.is_empty() && self.digits.is_empty());
        // A leading zero is in no canonical form.
        let is_canonical = !self.digits.starts_with('0') || self.digits == "0";
        (is_part && is_canonical).then_some(self)
    }

    /// An authority with an address that has them at its beginning, or at its end.
    pub(super) fn example(&self, is_at_beginning: bool) -> Vec<u8> {
        let digits = u16::from_str_radix(&self.digits, 16).ok();
        let mut own = self.whole.clone();
        let mut segments = [0_u16; 8];
        if is_at_beginning {
            own.extend(digits);
            segments
                .iter_mut()
                .zip(own)
                .for_each(|(segment, own)| *segment = own);
        } else {
            own.splice(0..0, digits);
            let places = segments.iter_mut().rev();
            places
                .zip(own.into_iter().rev())
                .for_each(|(segment, own)| *segment = own);
        }
        format!("[{}]", Ipv6Addr::from(segments)).into_bytes()
    }

    fn are_first_of<'g>(&self, mut groups: impl Iterator<Item = &'g u16>) -> bool {
        groups.by_ref().take(self.whole.len()).eq(&self.whole)
            && groups
                .next()
                .is_none_or(|next| format!("{next:x}").starts_with(&self.digits))
    }

    fn are_last_of<'g>(&self, mut groups: impl DoubleEndedIterator<Item = &'g u16>) -> bool {
        self.whole
            .iter()
            .rev()
            .all(|group| groups.next_back() == Some(group))
            && groups
                .next_back()
                .is_none_or(|next| format!("{next:x}").ends_with(&self.digits))
    }
}

/// A part of a host name.
fn name_part(text: &str) -> Result<Vec<u8>, HostError> {
    let is_valid = !text.is_empty() && text.bytes().all(is_host_octet) && !text.contains("..");
    is_valid
        .then(|| text.as_bytes().to_vec())
        .ok_or(HostError::NotAHost)
}

/// What stands before a port: requests are compared without theirs. More than one colon is of an IPv6
/// address.
fn without_port(text: &str) -> &str {
    match text.rsplit_once(':') {
        Some((host, port))
            if port.bytes().all(|octet| octet.is_ascii_digit())
                && (!host.contains(':') || host.ends_with(']')) =>
        {
            host
        }
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matching::Host;

    fn is_meant(pattern: &str, authority: &str) -> bool {
        let pattern = HostPattern::parse(pattern, Breadth::Wide).expect(pattern);
        let mut buffer = Vec::new();
        let host = Host::of(Some(authority.as_bytes()), &mut buffer);
        host.certainty(|name| pattern.matches(name)).is_some()
    }

    #[test]
    fn parts_of_ipv6_addresses_have_any_spelling() {
        for pattern in [
            "[2001:0db8:*",
            "2001:db8:*",
            "2001:db8:0:*",
            "2001:db8::*",
            "[2001:d*",
            "*::0001",
            "*:0:1",
            "*::1",
            "*::1]",
            "[2001:DB8:*",
        ] {
            assert!(is_meant(pattern, "[2001:db8::1]:443"), "{pattern}");
        }
        for pattern in ["2001:db9:*", "2001:db8:1:*", "*:1:1", "2001:db8:d*", "[1:*"] {
            assert!(!is_meant(pattern, "[2001:db8::1]"), "{pattern}");
            assert!(!is_meant(pattern, "2001.example"), "{pattern}");
        }
    }

    #[test]
    fn what_no_host_matches_is_refused() {
        let refused = |pattern| HostPattern::parse(pattern, Breadth::Wide).unwrap_err();
        for pattern in [
            "127.0.0.1:*",
            "10.0.0.1:80*",
            "cafe:*",
            ":80",
            "a.example:http*",
        ] {
            assert_eq!(refused(pattern), HostError::Port, "{pattern}");
        }
        for pattern in [
            "*..example.com",
            "a..*",
            ".a*",
            "*:80:1x",
            "1:2:3:4:5:6:7:8:9*",
            "[::1",
            "a*b",
            "**",
        ] {
            assert_eq!(refused(pattern), HostError::NotAHost, "{pattern}");
        }
        assert_eq!(refused("https://a.example"), HostError::Url);
        assert_eq!(refused("a.example/b"), HostError::Url);
        assert_eq!(refused("b\u{fc}cher.example"), HostError::NotAscii);
    }

    #[test]
    fn a_port_is_ignored_only_where_that_protects() {
        for pattern in ["a.example:80", "*.example:8443", "[::1]:80", "127.1:80"] {
            assert!(
                HostPattern::parse(pattern, Breadth::Wide).is_ok(),
                "{pattern}"
            );
            assert_eq!(
                HostPattern::parse(pattern, Breadth::Narrow),
                Err(HostError::Port),
                "{pattern}"
            );
        }
        assert!(is_meant("*.example:8443", "b.example:80"));
    }
}
