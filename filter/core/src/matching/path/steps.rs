//! The steps by which an upstream reads a path.

use alloc::string::String;
use alloc::vec::Vec;

/// One step. Several may be taken, in any order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Decode,
    DecodeAllButSlash,
    /// uWSGI: an invalid escape is one octet, with the two that it swallows, or vanishes at the end.
    SwallowInvalidEscapes,
    /// Bottle: octets that are not UTF-8 vanish.
    DropNonUtf8,
    Backslash,
    Merge,
    DotSegments,
    /// Caddy, and every server on Windows: dots and blanks at the end of a segment vanish.
    TrailingDots,
    Parameters,
    FirstSemicolon,
    Query,
    Fragment,
    Authority,
    LeadingSlash,
    /// Caddy compares beyond ASCII without case, too.
    Lowercase,
}

impl Step {
    pub(super) const ALL: [Step; 15] = [
        Step::Decode,
        Step::DecodeAllButSlash,
        Step::SwallowInvalidEscapes,
        Step::DropNonUtf8,
        Step::Backslash,
        Step::Merge,
        Step::DotSegments,
        Step::TrailingDots,
        Step::Parameters,
        Step::FirstSemicolon,
        Step::Query,
        Step::Fragment,
        Step::Authority,
        Step::LeadingSlash,
        Step::Lowercase,
    ];

    /// Whether the step percent-decodes.
    pub(super) fn decodes(self) -> bool {
        matches!(self, Step::Decode | Step::DecodeAllButSlash)
    }

    /// What keeps the meaning of a configured path. It names no authority: `//admin` is `/admin`, and
    /// not everything.
    pub(super) const OF_PATTERN: [Step; 9] = [
        Step::Decode,
        Step::Backslash,
        Step::Merge,
        Step::DotSegments,
        Step::Parameters,
        Step::Query,
        Step::Fragment,
        Step::LeadingSlash,
        Step::Lowercase,
    ];

    /// The path after this step; `None` if the step does not change it.
    pub(super) fn apply(self, path: &[u8]) -> Option<Vec<u8>> {
        match self {
            Step::Decode => decode(path, |_| true),
            Step::DecodeAllButSlash => decode(path, |octet| octet != b'/'),
            Step::SwallowInvalidEscapes => swallow_invalid_escapes(path),
            Step::DropNonUtf8 => drop_non_utf8(path),
            Step::TrailingDots => cut_trailing_dots(path),
            Step::Lowercase => lowercase(path),
            Step::FirstSemicolon => cut_at(path, |octet| octet == b';'),
            Step::Backslash => path.contains(&b'\\').then(|| {
                path.iter()
                    .map(|&octet| if octet == b'\\' { b'/' } else { octet })
                    .collect()
            }),
            Step::Merge => has_pair(path, |pair| pair == b"//").then(|| merge(path)),
            Step::DotSegments => resolve_dot_segments(path),
            Step::Parameters => path.contains(&b';').then(|| cut_parameters(path)),
            Step::Query => cut_at(path, |octet| octet == b'?'),
            Step::Fragment => cut_at(path, |octet| octet == b'#'),
            Step::Authority => without_authority(path),
            Step::LeadingSlash => {
                (path.first() != Some(&b'/')).then(|| [b"/".as_slice(), path].concat())
            }
        }
    }
}

fn has_pair(path: &[u8], is_meant: impl Fn(&[u8]) -> bool) -> bool {
    path.windows(2).any(is_meant)
}

/// Decodes every valid escape once (RFC 3986, 2.1).
fn decode(path: &[u8], is_decoded: impl Fn(u8) -> bool) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path;
    loop {
        rest = match rest {
            [] => break,
            [b'%', high, low, tail @ ..]
                if high.is_ascii_hexdigit()
                    && low.is_ascii_hexdigit()
                    && is_decoded(hex(*high) << 4 | hex(*low)) =>
            {
                decoded.push(hex(*high) << 4 | hex(*low));
                tail
            }
            [octet, tail @ ..] => {
                decoded.push(*octet);
                tail
            }
        };
    }
    (decoded.len() != path.len()).then_some(decoded)
}

/// What stands for each `%` that no two hexadecimal digits follow, and the two octets behind it. It is
/// no UTF-8, so that it may vanish, too.
const SWALLOWED: u8 = 0xff;

/// Replaces each `%` that no two hexadecimal digits follow, and the two octets behind it.
fn swallow_invalid_escapes(path: &[u8]) -> Option<Vec<u8>> {
    let mut kept = Vec::with_capacity(path.len());
    let mut rest = path;
    loop {
        rest = match rest {
            [] => break,
            [b'%', high, low, tail @ ..] => {
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() {
                    kept.extend([b'%', *high, *low]);
                } else {
                    kept.push(SWALLOWED);
                }
                tail
            }
            [b'%', ..] => break,
            [octet, tail @ ..] => {
                kept.push(*octet);
                tail
            }
        };
    }
    (kept.len() != path.len()).then_some(kept)
}

fn drop_non_utf8(path: &[u8]) -> Option<Vec<u8>> {
    if core::str::from_utf8(path).is_ok() {
        return None;
    }
    let valid = path.utf8_chunks().flat_map(|chunk| chunk.valid().bytes());
    Some(valid.collect())
}

/// Cuts dots and blanks at the end of each segment that has something else, too, and at the end of
/// the path whatever the last segment has: Caddy takes `/x/..` for `/x/`. Behind dots alone, blanks
/// vanish alone: `/x/.. /` is `/x/../`.
fn cut_trailing_dots(path: &[u8]) -> Option<Vec<u8>> {
    let segments: Vec<&[u8]> = path
        .split(|&octet| octet == b'/')
        .map(without_trailing_dots)
        .collect();
    let mut cut = segments.join(&b'/');
    let end = cut.iter().rposition(|octet| !matches!(octet, b'.' | b' '));
    cut.truncate(end.map_or(0, |end| end + 1));
    (cut.len() != path.len()).then_some(cut)
}

fn without_trailing_dots(segment: &[u8]) -> &[u8] {
    let is_kept = |octet: &u8| !matches!(octet, b'.' | b' ');
    let end = segment.iter().rposition(is_kept);
    let end = end.or_else(|| segment.iter().rposition(|octet| *octet != b' '));
    end.and_then(|end| segment.get(..=end)).unwrap_or_default()
}

/// Without case where letters are not ASCII; and the letters beyond ASCII that have the lower or
/// upper case of an ASCII letter, as that.
fn lowercase(path: &[u8]) -> Option<Vec<u8>> {
    if path.is_ascii() {
        return None;
    }
    let lower: Vec<u8> = core::str::from_utf8(path)
        .ok()?
        .chars()
        .map(|character| match character {
            '\u{130}' | '\u{131}' => 'i',
            '\u{17f}' => 's',
            '\u{212a}' => 'k',
            other => other,
        })
        .flat_map(char::to_lowercase)
        .collect::<String>()
        .into_bytes();
    (!lower.eq_ignore_ascii_case(path)).then_some(lower)
}

/// The value of a hexadecimal digit.
fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20).wrapping_sub(b'a').wrapping_add(10),
    }
}

fn merge(path: &[u8]) -> Vec<u8> {
    let mut merged: Vec<u8> = Vec::with_capacity(path.len());
    for &octet in path {
        if octet != b'/' || merged.last() != Some(&b'/') {
            merged.push(octet);
        }
    }
    merged
}

/// Resolves `.` and `..`; what would go above the root stays at the root (RFC 3986, 5.2.4).
fn resolve_dot_segments(path: &[u8]) -> Option<Vec<u8>> {
    let is_dot = |segment: &[u8]| matches!(segment, b"." | b"..");
    if !path.split(|&octet| octet == b'/').any(is_dot) {
        return None;
    }
    let (root, relative): (&[u8], &[u8]) = match path {
        [b'/', relative @ ..] => (b"/", relative),
        _ => (b"", path),
    };
    let mut segments: Vec<&[u8]> = Vec::new();
    let mut ends_in_dots = false;
    for segment in relative.split(|&octet| octet == b'/') {
        ends_in_dots = is_dot(segment);
        match segment {
            b"." => {}
            b".." => {
                segments.pop();
            }
            _ => segments.push(segment),
        }
    }
    if ends_in_dots {
        segments.push(b"");
    }
    Some([root, &segments.join(&b'/')].concat())
}

/// Cuts `;` and what follows it in every segment (RFC 3986, 3.3).
fn cut_parameters(path: &[u8]) -> Vec<u8> {
    let name = |segment| {
        <[u8]>::split(segment, |&octet| octet == b';')
            .next()
            .unwrap_or(segment)
    };
    path.split(|&octet| octet == b'/')
        .map(name)
        .collect::<Vec<_>>()
        .join(&b'/')
}

fn cut_at(path: &[u8], is_end: impl Fn(u8) -> bool) -> Option<Vec<u8>> {
    let end = path.iter().position(|&octet| is_end(octet))?;
    path.get(..end).map(<[u8]>::to_vec)
}

/// The path of `scheme://authority/path` and of `//authority/path`, which some URL parsers
/// read alike.
fn without_authority(path: &[u8]) -> Option<Vec<u8>> {
    let after_scheme = match path {
        [b'/', b'/', ..] => path,
        [b'/', ..] => return None,
        _ => {
            let colon = path.iter().position(|&octet| octet == b':')?;
            let (_, rest) = path.split_at_checked(colon + 1)?;
            rest.starts_with(b"//").then_some(rest)?
        }
    };
    let authority = after_scheme
        .iter()
        .position(|&octet| octet != b'/')
        .unwrap_or(after_scheme.len());
    let (_, after_slashes) = after_scheme.split_at_checked(authority)?;
    let end = after_slashes.iter().position(|&octet| octet == b'/');
    Some(
        end.and_then(|end| after_slashes.get(end..))
            .unwrap_or(b"/")
            .to_vec(),
    )
}
