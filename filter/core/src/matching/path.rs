//! The readings of a request path: every path that an upstream may take it for.
//!
//! Upstreams disagree on what a path means, and on the order in which they find out: one
//! resolves dot segments before it decodes, one after, one drops parameters first. So the
//! readings are all that *any order of any of these steps* leads to:
//!
//! - percent-decode (RFC 3986, 2.1), with `%2F` or without, at most twice; an invalid escape stays
//!   as it is, or vanishes with what it swallows,
//! - drop what is not UTF-8,
//! - `\` as `/`,
//! - merge `//`,
//! - resolve dot segments (RFC 3986, 5.2.4),
//! - drop dots and blanks at the end of a segment,
//! - cut `;parameters` from every segment (RFC 3986, 3.3), or all from the first `;` on,
//! - cut at a fragment, or at a query that decoding has laid bare,
//! - reduce an absolute form, or `//authority/path`, to its path (RFC 9112, 3.2.2),
//! - put letters beyond ASCII into lower case.
//!
//! Some could be any path: with a control character, bare or encoded, which ends the path for one
//! upstream and is dropped by another; with an escape that is left after decoding twice, since it may
//! be decoded once more; with `%uXXXX`, which is a character for some; with an overlong UTF-8
//! sequence, which is an ASCII character for some.

use super::host::host_of;
use alloc::vec::Vec;
use steps::Step;

mod steps;
#[cfg(test)]
mod tests;

/// More readings than this are no honest path. It bounds the work that a request can cause.
const MAX_READINGS: usize = 64;
/// All readings together hold at most this many octets.
const MAX_OCTETS: usize = 128 * 1024;

/// The readings of one path.
#[derive(Debug)]
pub(crate) enum Readings<'p> {
    /// There is one: the path itself, without its query. It cost one scan.
    One(&'p [u8]),
    /// There may be several; the first is the path itself.
    Several(Vec<Vec<u8>>),
    /// There are too many, or no path at all: it could be any path.
    Any,
}

impl<'p> Readings<'p> {
    /// The readings of a `:path`.
    pub(crate) fn of(path: Option<&'p [u8]>) -> Self {
        let Some(path) = path else {
            return Readings::Any;
        };
        if let Some(path) = plain(path) {
            return Readings::One(path);
        }
        let path = with_upper_case_escapes(before_query(path));
        if could_be_any(&path) {
            return Readings::Any;
        }
        closure(path, &Step::ALL).map_or(Readings::Any, Readings::Several)
    }

    /// The readings of the path in a URL, whose host does not count, or of a path alone.
    pub(crate) fn of_url(url: &'p [u8]) -> Self {
        if url.first() == Some(&b'/') {
            return Self::of(Some(url));
        }
        let mut parts = url.splitn(4, |&octet| octet == b'/');
        let (Some([.., b':']), Some(b""), Some(authority)) =
            (parts.next(), parts.next(), parts.next())
        else {
            return Readings::Any;
        };
        if host_of(authority, &mut Vec::new()).is_none() {
            return Readings::Any;
        }
        let path = parts
            .next()
            .and_then(|path| url.len().checked_sub(path.len() + 1));
        Self::of(path.and_then(|start| url.get(start..)))
    }

    /// These, and others: the request is for both.
    #[cold]
    pub(crate) fn and(self, others: &Self) -> Self {
        match (&self, others) {
            (Readings::Any, _) | (_, Readings::Any) => Readings::Any,
            _ => Readings::Several(
                self.iter()
                    .chain(others.iter())
                    .map(<[u8]>::to_vec)
                    .collect(),
            ),
        }
    }

    /// How many octets there are in all readings.
    pub(crate) fn octets(&self) -> usize {
        self.iter().map(<[u8]>::len).sum()
    }

    /// Each reading; none if it could be any path.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let (one, several) = match self {
            Readings::One(path) => (Some(*path), &[][..]),
            Readings::Several(paths) => (None, paths.as_slice()),
            Readings::Any => (None, &[][..]),
        };
        one.into_iter().chain(several.iter().map(Vec::as_slice))
    }
}

/// Which of the steps keep the meaning of a configured path.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    /// No more than decoding it.
    AsWritten,
    /// A whole path.
    Whole,
    /// What a path begins with: its last segment may be a part of one.
    Beginning,
    /// What a path ends with: its first segment may be a part of one.
    Ending,
}

/// The readings of a configured path; `None` if it could be any.
pub(crate) fn readings_of_pattern(pattern: &[u8], shape: Shape) -> Option<Vec<Vec<u8>>> {
    const BEGINNING: &[Step] = &[
        Step::Decode,
        Step::Backslash,
        Step::Merge,
        Step::Parameters,
        Step::Lowercase,
        Step::DotSegments,
    ];
    let steps: &[Step] = match shape {
        Shape::AsWritten => &[Step::Decode],
        Shape::Whole => &Step::OF_PATTERN,
        // `/.` may be the beginning of `/.git`.
        Shape::Beginning if pattern.ends_with(b".") => BEGINNING.get(..5).unwrap_or(BEGINNING),
        Shape::Beginning => BEGINNING,
        Shape::Ending => &[Step::Decode, Step::Backslash, Step::Merge, Step::Lowercase],
    };
    if could_be_any(pattern) {
        None
    } else {
        closure(with_upper_case_escapes(pattern), steps)
    }
}

/// A path with its octets encoded that cannot stand in one (RFC 3986, 3.3).
pub(crate) fn percent_encoded(path: &[u8]) -> Vec<u8> {
    const DIGITS: [u8; 16] = *b"0123456789ABCDEF";
    let digit = |value: u8| DIGITS.get(usize::from(value)).copied().unwrap_or(b'0');
    let mut encoded = Vec::with_capacity(path.len());
    for &octet in path {
        let is_kept = octet.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/%".contains(&octet);
        if is_kept {
            encoded.push(octet);
        } else {
            encoded.extend([b'%', digit(octet >> 4), digit(octet & 15)]);
        }
    }
    encoded
}

/// What stands before the query. Where an absolute form has its query, servers disagree: some cut
/// `scheme://authority` up to the next slash, whatever is in it.
fn before_query(path: &[u8]) -> &[u8] {
    if path.first() != Some(&b'/') {
        return path;
    }
    path.split(|&octet| octet == b'?').next().unwrap_or(path)
}

/// The hexadecimal digits of escapes have no case (RFC 3986, 6.2.2.1).
fn with_upper_case_escapes(path: &[u8]) -> Vec<u8> {
    let mut path = path.to_vec();
    let mut rest = path.as_mut_slice();
    while let Some(at) = rest.iter().position(|&octet| octet == b'%') {
        let (_, from) = rest.split_at_mut_checked(at + 1).unwrap_or_default();
        if let [high, low, ..] = from
            && high.is_ascii_hexdigit()
            && low.is_ascii_hexdigit()
        {
            high.make_ascii_uppercase();
            low.make_ascii_uppercase();
        }
        rest = from;
    }
    path
}

/// Whether a path has something that some upstreams read as a character of their own choice.
fn has_wild_octets(path: &[u8]) -> bool {
    path.iter().any(u8::is_ascii_control) || has_unicode_escape(path) || has_overlong_utf8(path)
}

/// `%uXXXX`: Jetty, ASP.
fn has_unicode_escape(path: &[u8]) -> bool {
    path.windows(6).any(|window| match window {
        [b'%', b'u' | b'U', digits @ ..] => digits.iter().all(u8::is_ascii_hexdigit),
        _ => false,
    })
}

/// An ASCII character in two to six octets, which no UTF-8 has (RFC 3629, 3).
fn has_overlong_utf8(path: &[u8]) -> bool {
    path.windows(2).any(|window| {
        matches!(
            window,
            [0xc0 | 0xc1, 0x80..=0xbf]
                | [0xe0, 0x80..=0x9f]
                | [0xf0, 0x80..=0x8f]
                | [0xf8, 0x80..=0x87]
                | [0xfc, 0x80..=0x83]
        )
    })
}

/// Whether a path has an octet that could be anything, or an escape that is left after decoding
/// twice.
fn could_be_any(path: &[u8]) -> bool {
    has_wild_octets(path)
        || Step::Decode
            .apply(path)
            .and_then(|once| Step::Decode.apply(&once))
            .is_some_and(|twice| Step::Decode.apply(&twice).is_some())
}

/// Whether a path names an authority of its own: an absolute form, `//host/path` (Node's
/// `new URL(path, base)`), and what becomes one where `\` is `/` or control characters vanish.
pub(crate) fn names_authority(path: &[u8]) -> bool {
    !matches!(path, [b'/'] | [b'/', b'!'..=b'.' | b'0'..=b'[' | b']'.., ..])
}

/// What stands before the query, if no step can change it.
fn plain(path: &[u8]) -> Option<&[u8]> {
    if path.first() != Some(&b'/') {
        return None;
    }
    // What a segment that ends here, or goes on with a dot, has last.
    let mut last = b'a';
    for (at, &octet) in path.iter().enumerate() {
        if ORDINARY.get(usize::from(octet)) == Some(&true) {
            last = b'a';
            continue;
        }
        match octet {
            b'/' | b'.' if last == b'a' => last = octet,
            b'.' if last == b'.' => {}
            b'?' if last != b'.' => return path.get(..at),
            _ => return None,
        }
    }
    (last != b'.').then_some(path)
}

/// The octets that no step is about, wherever they stand: a table, since every octet of every
/// path is looked up.
const ORDINARY: [bool; 256] = {
    let mut ordinary = [true; 256];
    let mut rest = ordinary.as_mut_slice();
    let mut octet = 0;
    while let Some((entry, others)) = rest.split_first_mut() {
        let is_special = matches!(
            octet,
            b'%' | b'\\' | b';' | b'#' | b'?' | b'/' | b'.' | b' '
        );
        *entry = !is_special && octet.is_ascii() && !octet.is_ascii_control();
        rest = others;
        octet = octet.wrapping_add(1);
    }
    ordinary
};

/// A reading on the way: how often it was decoded, and what it is.
struct Reading {
    decodes: u8,
    octets: Vec<u8>,
}

/// All that these steps lead to, in any order; `None` if that is too much.
fn closure(path: Vec<u8>, steps: &[Step]) -> Option<Vec<Vec<u8>>> {
    let mut octets = path.len();
    let mut found = Vec::from([Reading {
        decodes: 0,
        octets: path,
    }]);
    let mut next = 0;
    while let Some(reading) = found.get(next) {
        let mut new: Vec<Reading> = Vec::new();
        for &step in steps {
            let decodes = reading.decodes + u8::from(step.decodes());
            if decodes > 2 {
                continue;
            }
            let Some(result) = step.apply(&reading.octets) else {
                continue;
            };
            let is_known = |known: &Reading| known.decodes <= decodes && known.octets == result;
            if !found.iter().any(is_known) && !new.iter().any(is_known) {
                octets += result.len();
                new.push(Reading {
                    decodes,
                    octets: result,
                });
            }
        }
        if new.iter().any(|reading| has_wild_octets(&reading.octets)) {
            return None;
        }
        found.append(&mut new);
        if found.len() > MAX_READINGS || octets > MAX_OCTETS {
            return None;
        }
        next += 1;
    }
    Some(found.into_iter().map(|reading| reading.octets).collect())
}
