//! The paths that a rule applies to.

use super::certainty::Certainty;
use super::expression::{Expression, ExpressionError, leaves_out_letters};
use super::path::{self, Readings, Shape};
use alloc::vec::Vec;

/// A path with more than this many octets, in all its readings, is not tried against a regular
/// expression: it may match, and is protected and not exempt.
const MAX_REGEX_INPUT: usize = 8 * 1024;

/// Whether a pattern may match more than its text says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Breadth {
    /// Every reading of the text matches: for rules that protect.
    Wide,
    /// What lets requests pass must not grow.
    Narrow,
}

/// Whether letters that differ in case alone are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    Respected,
    Ignored,
}

/// Where a configured text stands in a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Position {
    /// All of it.
    Exact,
    /// At its beginning.
    Prefix,
    /// At its beginning, up to the end of a segment.
    PathSeparatedPrefix,
    /// At its end.
    Suffix,
}

/// The paths of a rule.
#[derive(Debug)]
pub(crate) enum PathPattern {
    /// Texts at a position.
    Text(TextPattern),
    /// A regular expression that the whole path must match, in linear time.
    Regex(RegexPattern),
}

/// Texts at a position in a path.
#[derive(Debug)]
pub(crate) struct TextPattern {
    pub(super) position: Position,
    /// What the configured text says: as it is, decoded, and percent-encoded.
    pub(super) narrow: Vec<Vec<u8>>,
    /// Every reading of it; none of a narrow pattern.
    pub(super) wide: Vec<Vec<u8>>,
    /// How the wide ones are compared. The narrow ones respect case.
    case: Case,
}

/// An expression, as it is and as it protects.
#[derive(Debug)]
pub(crate) struct RegexPattern {
    /// `None` where nothing depends on whether it surely applies.
    narrow: Option<Expression>,
    /// `None` of a narrow pattern.
    wide: Option<Expression>,
    /// Of one that opens: without case, where that leaves out more. `[^a]` is not to open `A`, which some
    /// upstreams take for `a`.
    without_case: Option<Expression>,
}

/// The text has an escape, a character or a parameter by which it could mean any path.
#[derive(Debug)]
pub(crate) struct NotAPath;

impl PathPattern {
    /// # Errors
    /// A text that could mean any path.
    pub(crate) fn text(
        position: Position,
        text: &[u8],
        breadth: Breadth,
        case: Case,
    ) -> Result<Self, NotAPath> {
        let read = |shape| path::readings_of_pattern(text, shape).ok_or(NotAPath);
        let mut narrow = read(Shape::AsWritten)?;
        let encoded = narrow.last().map(|decoded| path::percent_encoded(decoded));
        narrow.extend(encoded.filter(|encoded| !narrow.contains(encoded)));
        let wide = match (breadth, position) {
            (Breadth::Narrow, _) => Vec::new(),
            (_, Position::Exact | Position::PathSeparatedPrefix) => {
                let mut texts = read(Shape::Whole)?;
                texts.iter_mut().for_each(strip_slash);
                texts
            }
            (_, Position::Prefix) => read(Shape::Beginning)?,
            (_, Position::Suffix) => read(Shape::Ending)?,
        };
        let is_beginning = matches!(position, Position::Prefix | Position::PathSeparatedPrefix);
        if is_beginning
            && wide.iter().any(|text| is_root(text))
            && !narrow.iter().any(|text| is_root(text))
        {
            return Err(NotAPath);
        }
        Ok(PathPattern::Text(TextPattern {
            position,
            narrow,
            wide,
            case,
        }))
    }

    /// `is_sureness_needed`: whether anything depends on whether it surely applies.
    ///
    /// # Errors
    /// The expression's first fault, without the expression.
    pub(crate) fn regex(
        expression: &str,
        breadth: Breadth,
        case: Case,
        is_sureness_needed: bool,
    ) -> Result<Self, ExpressionError> {
        let wide = match (breadth, case) {
            (Breadth::Narrow, _) => None,
            (Breadth::Wide, Case::Respected) => Some(Expression::parse(expression)?),
            (Breadth::Wide, Case::Ignored) => Some(Expression::parse_ignoring_case(expression)?),
        };
        let narrow = (is_sureness_needed || breadth == Breadth::Narrow)
            .then(|| Expression::parse(expression))
            .transpose()?;
        let without_case = (breadth == Breadth::Narrow && leaves_out_letters(expression))
            .then(|| Expression::parse_ignoring_case(expression))
            .transpose()?;
        Ok(PathPattern::Regex(RegexPattern {
            narrow,
            wide,
            without_case,
        }))
    }

    /// How surely a request with these readings is meant: certainly if each of them is, by the text
    /// as it is configured; possibly if one of them is, by any reading of the text.
    #[inline]
    pub(crate) fn matches(&self, readings: &Readings<'_>) -> Option<Certainty> {
        match (self, readings) {
            (_, Readings::Any) => Some(Certainty::Possible),
            (PathPattern::Text(pattern), _) => pattern.matches(readings),
            (PathPattern::Regex(_), _) if readings.octets() > MAX_REGEX_INPUT => {
                Some(Certainty::Possible)
            }
            (PathPattern::Regex(pattern), _) => pattern.matches(readings),
        }
    }
}

#[cfg(feature = "analysis")]
impl RegexPattern {
    /// The expression as it is written, where that is compiled; else as it protects.
    pub(super) fn source(&self) -> &str {
        let expression = self.narrow.as_ref().or(self.wide.as_ref());
        expression.map_or("", Expression::source)
    }
}

impl TextPattern {
    #[inline]
    fn matches(&self, readings: &Readings<'_>) -> Option<Certainty> {
        let is_meant = |path: &[u8]| {
            self.narrow
                .iter()
                .any(|text| self.position.holds(text, path))
        };
        if readings.iter().all(is_meant) {
            return Some(Certainty::Certain);
        }
        let may_be_meant = |path: &[u8]| {
            let mut texts = self.wide.iter();
            texts.any(|text| self.position.may_hold(text, path, self.case))
        };
        readings
            .iter()
            .any(may_be_meant)
            .then_some(Certainty::Possible)
    }
}

impl RegexPattern {
    /// A path that may be meant; empty if the syntax does not tell.
    pub(super) fn example(&self) -> &str {
        let expression = self.narrow.as_ref().or(self.wide.as_ref());
        expression.map_or("", Expression::example)
    }

    fn matches(&self, readings: &Readings<'_>) -> Option<Certainty> {
        let mut paths = readings.iter();
        if let Some(wide) = &self.wide
            && !paths.any(|path| may_be_meant(wide, path))
        {
            return None;
        }
        let narrow = self.narrow.as_ref();
        if narrow.is_some_and(|narrow| {
            let without_case = self.without_case.as_ref();
            let is_meant = |path| {
                narrow.is_match(path) && without_case.is_none_or(|regex| regex.is_match(path))
            };
            let mut paths = readings.iter();
            paths.all(|path| is_meant(path) && !has_hidden_dots(path))
        }) {
            return Some(Certainty::Certain);
        }
        self.wide.as_ref().map(|_| Certainty::Possible)
    }
}

/// An upstream may serve the same with a slash behind it.
fn may_be_meant(wide: &Expression, path: &[u8]) -> bool {
    let without_slash = path.strip_suffix(b"/");
    wide.is_match(path) || without_slash.is_some_and(|path| wide.is_match(path))
}

impl Case {
    fn starts_with(self, path: &[u8], text: &[u8]) -> bool {
        self.rest_after(path, text).is_some()
    }

    fn ends_with(self, path: &[u8], text: &[u8]) -> bool {
        let start = path.len().checked_sub(text.len());
        let end = start.and_then(|start| path.get(start..));
        end.is_some_and(|end| self.is_same(end, text))
    }

    /// What of a path follows a text.
    fn rest_after<'p>(self, path: &'p [u8], text: &[u8]) -> Option<&'p [u8]> {
        let (start, rest) = path.split_at_checked(text.len())?;
        self.is_same(start, text).then_some(rest)
    }

    fn is_same(self, one: &[u8], other: &[u8]) -> bool {
        match self {
            Case::Respected => one == other,
            Case::Ignored => one.eq_ignore_ascii_case(other),
        }
    }
}

impl Position {
    /// Whether a path has a text just here.
    fn holds(self, text: &[u8], path: &[u8]) -> bool {
        match self {
            Position::Exact => path == text,
            Position::Prefix => path
                .strip_prefix(text)
                .is_some_and(|rest| !begins_with_dots(rest)),
            Position::PathSeparatedPrefix => is_at_segment(text, path, Case::Respected),
            Position::Suffix => path.ends_with(text) && !has_hidden_dots(path),
        }
    }

    /// Whether an upstream could serve a path by the one that has a text here: with a slash
    /// behind it, or something below it.
    fn may_hold(self, text: &[u8], path: &[u8], case: Case) -> bool {
        match self {
            Position::Exact => case
                .rest_after(path, text)
                .is_some_and(|rest| matches!(rest, b"" | b"/")),
            Position::Prefix => case.starts_with(path, text),
            Position::PathSeparatedPrefix => is_at_segment(text, path, case),
            Position::Suffix => {
                has_many_segments(path)
                    || leading_parts(path).any(|part| case.ends_with(part, text))
            }
        }
    }
}

/// Whether what follows a prefix is a dot segment where the prefix is taken off: a route of Envoy's with
/// `prefix_rewrite: /` makes `/../admin` of `/public../admin`.
fn begins_with_dots(rest: &[u8]) -> bool {
    matches!(
        rest,
        [b'.'] | [b'.', b'/', ..] | [b'.', b'.'] | [b'.', b'.', b'/', ..]
    )
}

/// The same where the prefix is not known: a segment with just two dots behind something else.
fn has_hidden_dots(path: &[u8]) -> bool {
    path.split(|octet| *octet == b'/')
        .any(|segment| matches!(segment, [.., before, b'.', b'.'] if *before != b'.'))
}

/// Whether a path begins with a text that ends where a segment does.
fn is_at_segment(text: &[u8], path: &[u8], case: Case) -> bool {
    let ends = |rest: &[u8]| matches!(rest, [] | [b'/', ..]) || text.ends_with(b"/");
    case.rest_after(path, text).is_some_and(ends)
}

/// A path with more segments than this counts as one that has every protected suffix: it bounds the
/// work that a request can cause.
const MAX_SEGMENTS: usize = 64;

/// Whether there are too many segments to look at the end of each.
pub(crate) fn has_many_segments(path: &[u8]) -> bool {
    let mut slashes = path.iter().filter(|octet| **octet == b'/');
    slashes.nth(MAX_SEGMENTS).is_some()
}

/// The parts of a path that begin with it and end where a segment begins or ends.
pub(crate) fn leading_parts(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let ends = path.iter().enumerate().filter(|(_, octet)| **octet == b'/');
    ends.flat_map(|(slash, _)| [slash, slash + 1])
        .filter_map(|end| path.get(..end))
        .chain([path])
}

/// Whether every path begins with a text.
fn is_root(text: &[u8]) -> bool {
    text.iter().all(|octet| *octet == b'/')
}

fn strip_slash(text: &mut Vec<u8>) {
    if text.last() == Some(&b'/') {
        text.pop();
    }
}
