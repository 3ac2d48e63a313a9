//! The hosts that a request could be for.

use super::certainty::Certainty;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::net::{Ipv4Addr, Ipv6Addr};

/// The host of a request.
#[derive(Debug)]
pub(crate) enum Host<'b> {
    Known(HostName<'b>),
    /// A client has named others beside it, and some upstreams believe that: any of them.
    Several(Vec<Dotted>),
    /// There is none, or it is not well-formed: upstreams may take it for any.
    Any,
}

/// The host of an authority as [`HostName`] has it.
type Dotted = Vec<u8>;

impl<'b> Host<'b> {
    /// `buffer` is where a well-formed host is kept.
    #[inline]
    pub(crate) fn of(authority: Option<&[u8]>, buffer: &'b mut Vec<u8>) -> Self {
        authority
            .and_then(|authority| host_of(authority, buffer))
            .map_or(Host::Any, Host::Known)
    }

    /// The host, or one of those in these field values: lists of authorities, separated by commas.
    pub(crate) fn or(self, lists: &[&[u8]]) -> Self {
        let Host::Known(own) = self else {
            return Host::Any;
        };
        let mut names = Vec::from([own.dotted.to_vec()]);
        let elements = lists.iter().flat_map(|list| list.split(|&octet| octet == b','));
        for authority in elements.map(<[u8]>::trim_ascii) {
            let mut name = Vec::new();
            if host_of(authority, &mut name).is_none() {
                return Host::Any;
            }
            if !names.contains(&name) {
                names.push(name);
            }
        }
        if names.len() == 1 {
            Host::Known(own)
        } else {
            Host::Several(names)
        }
    }

    /// Each of the names; `None` if it could be any.
    #[inline]
    pub(crate) fn names(&self) -> Option<impl Iterator<Item = HostName<'_>>> {
        let (one, several) = match self {
            Host::Known(name) => (Some(*name), &[][..]),
            Host::Several(names) => (None, names.as_slice()),
            Host::Any => return None,
        };
        let several = several.iter().map(|dotted| HostName { dotted });
        Some(one.into_iter().chain(several))
    }

    /// How surely it is one of which `certainty_of` says how surely it is meant.
    #[inline]
    pub(crate) fn certainty(
        &self,
        certainty_of: impl Fn(HostName<'_>) -> Option<Certainty>,
    ) -> Option<Certainty> {
        let Some(names) = self.names() else {
            return Some(Certainty::Possible);
        };
        let (mut is_any_meant, mut are_all_certain) = (false, true);
        for certainty in names.map(certainty_of) {
            is_any_meant |= certainty.is_some();
            are_all_certain &= certainty == Some(Certainty::Certain);
        }
        match (is_any_meant, are_all_certain) {
            (false, _) => None,
            (true, false) => Some(Certainty::Possible),
            (true, true) => Some(Certainty::Certain),
        }
    }
}

/// A host in lower case, without port and trailing dot; an IPv6 address without brackets, in its
/// canonical form (RFC 5952); an IPv4 address in its dotted form, however it was written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HostName<'b> {
    /// The host, and the dot that it may have had.
    dotted: &'b [u8],
}

impl<'b> HostName<'b> {
    pub(crate) fn text(self) -> &'b [u8] {
        self.dotted.split_last().map_or(&[], |(_, host)| host)
    }

    /// With the dot that it may have had.
    pub(crate) fn dotted(self) -> &'b [u8] {
        self.dotted
    }

    /// The IPv6 address that it is.
    pub(crate) fn ipv6(self) -> Option<Ipv6Addr> {
        let text = self.text();
        if !text.contains(&b':') {
            return None;
        }
        core::str::from_utf8(text).ok()?.parse().ok()
    }
}

/// The host of `host [":" port]` (RFC 3986, 3.2), if it is well-formed.
#[inline]
pub(super) fn host_of<'b>(authority: &[u8], buffer: &'b mut Vec<u8>) -> Option<HostName<'b>> {
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
    if buffer.first().is_some_and(u8::is_ascii_digit) {
        write_dotted_ipv4(buffer)?;
    }
    (!buffer.is_empty()).then_some(HostName { dotted: buffer })
}

/// Rewrites an IPv4 address of fewer parts, or with hexadecimal ones, such as `127.1`,
/// `2130706433` and `0x7f.1` (the "IPv4 parser" of the URL standard), in its usual form. `None` for
/// one with a leading zero, which is octal for some and decimal for others.
fn write_dotted_ipv4(dotted: &mut Vec<u8>) -> Option<()> {
    let text = dotted.strip_suffix(b".").unwrap_or(dotted);
    let is_number = |octet: &u8| octet.is_ascii_hexdigit() || matches!(octet, b'x' | b'.');
    if !text.iter().all(is_number) || text.split(|&octet| octet == b'.').count() > 4 {
        return Some(());
    }
    let mut values = Vec::new();
    for part in text.split(|&octet| octet == b'.') {
        let (digits, radix) = match part.strip_prefix(b"0x") {
            Some(digits) => (digits, 16),
            None => (part, 10),
        };
        let value = core::str::from_utf8(digits)
            .ok()
            .and_then(|digits| u32::from_str_radix(digits, radix).ok());
        match value {
            Some(value) => values.push(value),
            // `0x` is zero.
            None if digits.is_empty() => values.push(0),
            None => return Some(()),
        }
        if matches!(part, [b'0', b'0'..=b'9', ..]) {
            return None;
        }
    }
    if let Some(address) = ipv4_of(&values) {
        *dotted = address.to_string().into_bytes();
        dotted.push(b'.');
    }
    Some(())
}

/// The last part of an address stands for all octets that the others leave.
fn ipv4_of(parts: &[u32]) -> Option<Ipv4Addr> {
    let (last, first) = parts.split_last()?;
    let mut bits = 0_u32;
    let mut shift = 32_u32;
    for part in first {
        shift -= 8;
        bits |= u32::from(u8::try_from(*part).ok()?) << shift;
    }
    let is_within = shift == 32 || *last < 1 << shift;
    is_within.then(|| Ipv4Addr::from(bits | last))
}

/// `""` or `":" *DIGIT`.
fn is_port(text: &[u8]) -> bool {
    match text {
        [] => true,
        [b':', digits @ ..] => digits.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

#[inline]
pub(super) fn is_host_octet(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(authority: &str) -> Option<String> {
        let mut buffer = Vec::new();
        let name = host_of(authority.as_bytes(), &mut buffer)?;
        Some(String::from_utf8_lossy(name.text()).into_owned())
    }

    #[test]
    fn an_address_has_one_spelling() {
        for spelling in [
            "127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f.1", "0x7f000001", "0X7F.0x0.0.0x1",
            "127.0.0.1.", "127.1:8080", "127.0x.1",
        ] {
            assert_eq!(host(spelling).as_deref(), Some("127.0.0.1"), "{spelling}");
        }
        assert_eq!(host("[0:0::1]:80").as_deref(), Some("::1"));
        assert_eq!(host("0").as_deref(), Some("0.0.0.0"));
        // Octal or decimal.
        assert_eq!(host("0177.0.0.1"), None);
    }

    #[test]
    fn what_is_no_address_is_a_name() {
        for name in ["256.1.1.1", "1.2.3.4.5", "4294967296", "1.example", "0xg", "127.0.0.256", "1e3"] {
            assert_eq!(host(name).as_deref(), Some(name));
        }
    }
}
