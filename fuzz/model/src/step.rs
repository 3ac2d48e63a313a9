//! The steps that servers take on a path.

/// One step of an upstream on a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// `scheme://authority/path` becomes `/path` (RFC 9112, 3.2.2: servers must take it).
    AbsoluteForm,
    /// What follows the first of these octets is not part of the path.
    CutAt(&'static [u8]),
    /// Percent-decodes these escapes, once, from left to right. What is no escape stays.
    Decode(Escapes),
    /// Refuses a path with `%` that two hexadecimal digits do not follow.
    RefuseInvalidEscapes,
    /// Refuses a path with one of these octets.
    Refuse(&'static [u8]),
    /// Refuses a path with the escape of one of these octets.
    RefuseEscaped(&'static [u8]),
    /// `\` is `/`.
    BackslashIsSlash,
    /// `//` is `/`.
    MergeSlashes,
    /// RFC 3986, 5.2.4; what is above the root is the root.
    RemoveDots,
    /// RFC 3986, 5.2.4; what is above the root is refused.
    RemoveDotsWithinRoot,
    /// Like `RemoveDots`, where `%2e` is a dot, too (WHATWG URL, 4.1).
    RemoveDotsAndTheirEscapes,
    /// `;` and what follows it in its segment is dropped.
    CutParameters,
    /// `;` and what follows it is dropped in the last segment.
    CutLastParameters,
    /// `//authority/path` is `/path`, as in a URI reference (RFC 3986, 4.2).
    SchemeRelative,
    /// Slashes at both ends do not count.
    TrimSlashes,
    /// These octets are dropped wherever they are.
    Drop(&'static [u8]),
    /// `%` takes the next two octets with it whatever they are, a `%` at the end vanishes, and `%%`
    /// is a percent sign: what remains are escapes that `Decode` knows.
    SwallowInvalidEscapes,
    /// Percent-decodes once, where `%u` and four hexadecimal digits are a character, too.
    DecodeWithUnicode,
    /// What is not UTF-8 is dropped.
    DropInvalidUtf8,
    /// Comparison without case.
    LowerCase,
    /// These octets are dropped at the end.
    TrimEnd(&'static [u8]),
    /// Stands for a hop from one server to the next: no octet may end or break the request line.
    Forward,
}

/// Which escapes a step decodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escapes {
    /// All.
    All,
    /// All but `%2F`.
    AllButSlash,
    /// Those of letters, digits and `-._~` (RFC 3986, 2.3).
    Unreserved,
    /// Those that ECMAScript's `decodeURI` decodes: all but `;/?:@&=+$,#`.
    OfWholeUri,
    /// Those of these octets.
    Of(&'static [u8]),
}

impl Escapes {
    fn has(self, octet: u8) -> bool {
        match self {
            Self::All => true,
            Self::AllButSlash => octet != b'/',
            Self::Unreserved => octet.is_ascii_alphanumeric() || b"-._~".contains(&octet),
            Self::OfWholeUri => !b";/?:@&=+$,#".contains(&octet),
            Self::Of(octets) => octets.contains(&octet),
        }
    }
}

impl Step {
    /// The path after this step. `None`: the upstream refuses the request.
    pub fn take(self, path: Vec<u8>) -> Option<Vec<u8>> {
        let accepted_if = |is_accepted: bool, path| is_accepted.then_some(path);
        Some(match self {
            Self::AbsoluteForm => absolute_form(path),
            Self::CutAt(octets) => cut_at(&path, octets).to_vec(),
            Self::Decode(escapes) => decode(&path, escapes),
            Self::RefuseInvalidEscapes => return accepted_if(!has_invalid_escape(&path), path),
            Self::Refuse(octets) => {
                return accepted_if(!path.iter().any(|octet| octets.contains(octet)), path);
            }
            Self::RefuseEscaped(octets) => {
                let has_one = escapes(&path).any(|(_, octet)| octets.contains(&octet));
                return accepted_if(!has_one, path);
            }
            Self::BackslashIsSlash => replace(path, b'\\', b'/'),
            Self::MergeSlashes => merge_slashes(&path),
            Self::RemoveDots => remove_dots(&path, usual_dots, AboveRoot::IsRoot)?,
            Self::RemoveDotsWithinRoot => remove_dots(&path, usual_dots, AboveRoot::IsRefused)?,
            Self::RemoveDotsAndTheirEscapes => {
                let decoded = |segment: &[u8]| usual_dots(&decode(segment, Escapes::Of(b".")));
                remove_dots(&path, decoded, AboveRoot::IsRoot)?
            }
            Self::CutParameters => {
                let segments = segments(&path).map(|segment| cut_at(segment, b";"));
                join(segments)
            }
            Self::CutLastParameters => {
                let last = path.iter().rposition(|octet| *octet == b'/').unwrap_or(0);
                let (before, segment) = path.split_at(last);
                [before, cut_at(segment, b";")].concat()
            }
            Self::SchemeRelative => match path.strip_prefix(b"//") {
                Some(reference) => from_slash(reference),
                None => path,
            },
            Self::TrimSlashes => [b"/", trim_slashes(&path)].concat(),
            Self::Drop(octets) => {
                let is_kept = |octet: &u8| !octets.contains(octet);
                path.into_iter().filter(is_kept).collect()
            }
            Self::SwallowInvalidEscapes => swallow_invalid_escapes(&path),
            Self::DecodeWithUnicode => decode_with_unicode(&path),
            Self::DropInvalidUtf8 => {
                let valid = path.utf8_chunks().map(|chunk| chunk.valid());
                valid.collect::<String>().into_bytes()
            }
            Self::LowerCase => path.to_ascii_lowercase(),
            Self::TrimEnd(octets) => {
                let last = path.iter().rposition(|octet| !octets.contains(octet));
                path[..last.map_or(0, |last| last + 1)].to_vec()
            }
            Self::Forward => {
                let is_accepted = path.starts_with(b"/") && !path.iter().any(is_never_forwarded);
                return accepted_if(is_accepted, path);
            }
        })
    }
}

/// Octets that no server takes in a request target, and no HTTP codec lets through.
pub(crate) fn is_never_forwarded(octet: &u8) -> bool {
    *octet <= b' ' || *octet == 0x7f
}

#[derive(Clone, Copy)]
enum AboveRoot {
    IsRoot,
    IsRefused,
}

enum Dots {
    None,
    Single,
    Double,
}

fn usual_dots(segment: &[u8]) -> Dots {
    match segment {
        b"." => Dots::Single,
        b".." => Dots::Double,
        _ => Dots::None,
    }
}

fn remove_dots(
    path: &[u8],
    dots: impl Fn(&[u8]) -> Dots,
    above_root: AboveRoot,
) -> Option<Vec<u8>> {
    let mut kept: Vec<&[u8]> = Vec::new();
    let mut ends_with_dots = false;
    for segment in segments(path) {
        ends_with_dots = true;
        match (dots(segment), above_root) {
            (Dots::None, _) => {
                kept.push(segment);
                ends_with_dots = false;
            }
            (Dots::Single, _) => {}
            (Dots::Double, AboveRoot::IsRefused) if kept.is_empty() => return None,
            (Dots::Double, _) => drop(kept.pop()),
        }
    }
    if ends_with_dots {
        kept.push(b"");
    }
    Some(join(kept))
}

/// What is between the slashes, without what is before the first.
fn segments(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.strip_prefix(b"/")
        .unwrap_or(path)
        .split(|octet| *octet == b'/')
}

fn join<'a>(segments: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let path: Vec<u8> = segments
        .into_iter()
        .flat_map(|segment| [b"/", segment].concat())
        .collect();
    if path.is_empty() { b"/".to_vec() } else { path }
}

fn merge_slashes(path: &[u8]) -> Vec<u8> {
    let mut merged: Vec<u8> = Vec::with_capacity(path.len());
    for octet in path {
        if *octet != b'/' || merged.last() != Some(&b'/') {
            merged.push(*octet);
        }
    }
    merged
}

fn trim_slashes(mut path: &[u8]) -> &[u8] {
    while let [b'/', rest @ ..] | [rest @ .., b'/'] = path {
        path = rest;
    }
    path
}

fn replace(mut path: Vec<u8>, from: u8, to: u8) -> Vec<u8> {
    path.iter_mut()
        .filter(|octet| **octet == from)
        .for_each(|octet| *octet = to);
    path
}

fn cut_at<'a>(path: &'a [u8], octets: &[u8]) -> &'a [u8] {
    let end = path.iter().position(|octet| octets.contains(octet));
    &path[..end.unwrap_or(path.len())]
}

fn from_slash(text: &[u8]) -> Vec<u8> {
    match text.iter().position(|octet| *octet == b'/') {
        Some(slash) => text[slash..].to_vec(),
        None => b"/".to_vec(),
    }
}

/// `scheme = ALPHA *( ALPHA / DIGIT / "+" / "-" / "." )` (RFC 3986, 3.1).
fn absolute_form(path: Vec<u8>) -> Vec<u8> {
    let Some(colon) = path.windows(3).position(|octets| octets == b"://") else {
        return path;
    };
    let (scheme, rest) = (&path[..colon], &path[colon + 3..]);
    let is_scheme = scheme.first().is_some_and(u8::is_ascii_alphabetic)
        && scheme
            .iter()
            .all(|octet| octet.is_ascii_alphanumeric() || b"+-.".contains(octet));
    if is_scheme { from_slash(rest) } else { path }
}

/// Where the escapes are, and the octets that they stand for.
fn escapes(path: &[u8]) -> impl Iterator<Item = (usize, u8)> {
    let mut at = 0;
    core::iter::from_fn(move || {
        while at < path.len() {
            let start = at;
            if let Some(octet) = escape(&path[start..]) {
                at += 3;
                return Some((start, octet));
            }
            at += 1;
        }
        None
    })
}

fn escape(text: &[u8]) -> Option<u8> {
    let digit = |octet: u8| char::from(octet).to_digit(16);
    match text {
        [b'%', high, low, ..] => u8::try_from(digit(*high)? * 16 + digit(*low)?).ok(),
        _ => None,
    }
}

fn has_invalid_escape(path: &[u8]) -> bool {
    let percents = path.iter().filter(|octet| **octet == b'%').count();
    percents != escapes(path).count()
}

fn decode(path: &[u8], which: Escapes) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((first, after)) = rest.split_first() {
        let octet = escape(rest).filter(|octet| which.has(*octet));
        decoded.push(octet.unwrap_or(*first));
        // Another escape is passed as a whole.
        let is_escape = octet.is_some();
        rest = if is_escape { &rest[3..] } else { after };
    }
    decoded
}

fn swallow_invalid_escapes(path: &[u8]) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(path.len());
    let mut rest = path;
    while let [first, after @ ..] = rest {
        rest = after;
        match rest {
            _ if *first != b'%' => escaped.push(*first),
            [b'%', tail @ ..] => {
                escaped.extend(b"%25");
                rest = tail;
            }
            [high, low, tail @ ..] => {
                let octet = escape(&[b'%', *high, *low]).unwrap_or(0);
                escaped.extend(format!("%{octet:02x}").into_bytes());
                rest = tail;
            }
            _ => break,
        }
    }
    escaped
}

fn decode_with_unicode(path: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((first, after)) = rest.split_first() {
        if let Some(character) = unicode_escape(rest) {
            decoded.extend(character.to_string().into_bytes());
            rest = &rest[6..];
        } else if let Some(octet) = escape(rest) {
            decoded.push(octet);
            rest = &rest[3..];
        } else {
            decoded.push(*first);
            rest = after;
        }
    }
    decoded
}

/// `%u` and four hexadecimal digits.
fn unicode_escape(text: &[u8]) -> Option<char> {
    let digits = text.strip_prefix(b"%u")?.get(..4)?;
    let digits = digits.iter().map(|digit| char::from(*digit).to_digit(16));
    let number = digits.collect::<Option<Vec<u32>>>()?;
    char::from_u32(number.iter().fold(0, |number, digit| number * 16 + digit))
}

#[cfg(test)]
mod tests;
