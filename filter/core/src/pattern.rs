//! Which paths a rule is about.

use crate::path::{self, Readings, Shape};
use crate::regex::{Regex, RegexError};
use crate::rule::Certainty;
use alloc::vec::Vec;

/// A path with more than this many octets, in all its readings, is not tried against a regular
/// expression: it may match, and is protected and not exempt.
const MAX_REGEX_INPUT: usize = 8 * 1024;

/// What a rule does to the requests that it matches: in doubt it must, or must not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Protect,
    Exempt,
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
    Text {
        position: Position,
        /// The configured text, and what it decodes to.
        narrow: Vec<Vec<u8>>,
        /// Every reading of it; of a rule that exempts none, since an exemption must not grow.
        wide: Vec<Vec<u8>>,
    },
    /// A regular expression that the whole path must match, in linear time.
    Regex(Regex),
}

/// The text has an escape or a character by which it could mean any path.
#[derive(Debug)]
pub(crate) struct NotAPath;

impl PathPattern {
    /// # Errors
    /// A text that could mean any path.
    pub(crate) fn text(position: Position, text: &[u8], effect: Effect) -> Result<Self, NotAPath> {
        let read = |shape| path::readings_of_pattern(text, shape).ok_or(NotAPath);
        let narrow = read(Shape::AsWritten)?;
        let wide = match (effect, position) {
            (Effect::Exempt, _) => Vec::new(),
            (_, Position::Exact | Position::PathSeparatedPrefix) => {
                let mut texts = read(Shape::Whole)?;
                texts.iter_mut().for_each(strip_slash);
                texts
            }
            (_, Position::Prefix) => read(Shape::Beginning)?,
            (_, Position::Suffix) => read(Shape::Ending)?,
        };
        Ok(PathPattern::Text {
            position,
            narrow,
            wide,
        })
    }

    /// # Errors
    /// The expression's first fault, without the expression.
    pub(crate) fn regex(expression: &str) -> Result<Self, RegexError> {
        Regex::parse(expression).map(PathPattern::Regex)
    }

    /// How surely a request with these readings is meant: certainly if each of them is, by the text
    /// as it is configured; possibly if one of them is, by any reading of the text.
    pub(crate) fn matches(&self, readings: &Readings<'_>) -> Option<Certainty> {
        match (self, readings) {
            (_, Readings::Any) => Some(Certainty::Possible),
            (PathPattern::Regex(_), _) if readings.octets() > MAX_REGEX_INPUT => {
                Some(Certainty::Possible)
            }
            (PathPattern::Regex(regex), _) => certainty_by(regex, readings),
            (
                PathPattern::Text {
                    position,
                    narrow,
                    wide,
                },
                _,
            ) => certainty(
                readings,
                |path| narrow.iter().any(|text| position.holds(text, path)),
                |path| wide.iter().any(|text| position.may_hold(text, path)),
            ),
        }
    }
}

fn certainty(
    readings: &Readings<'_>,
    is_meant: impl Fn(&[u8]) -> bool,
    may_be_meant: impl Fn(&[u8]) -> bool,
) -> Option<Certainty> {
    if readings.iter().all(is_meant) {
        return Some(Certainty::Certain);
    }
    readings
        .iter()
        .any(may_be_meant)
        .then_some(Certainty::Possible)
}

/// The same for an expression, which is tried once on each reading.
fn certainty_by(regex: &Regex, readings: &Readings<'_>) -> Option<Certainty> {
    let (mut is_any_meant, mut are_all_meant) = (false, true);
    for path in readings.iter() {
        let is_meant = regex.is_match(path);
        is_any_meant |= is_meant;
        are_all_meant &= is_meant;
        if is_any_meant && !are_all_meant {
            return Some(Certainty::Possible);
        }
    }
    are_all_meant.then_some(Certainty::Certain)
}

impl Position {
    /// Whether a path has a text just here.
    fn holds(self, text: &[u8], path: &[u8]) -> bool {
        match self {
            Position::Exact => path == text,
            Position::Prefix => path.starts_with(text),
            Position::PathSeparatedPrefix => is_at_segment(text, path),
            Position::Suffix => path.ends_with(text),
        }
    }

    /// Whether an upstream could serve a path by the one that has a text here: with a slash
    /// behind it, or something below it.
    fn may_hold(self, text: &[u8], path: &[u8]) -> bool {
        match self {
            Position::Exact => path
                .strip_prefix(text)
                .is_some_and(|rest| matches!(rest, b"" | b"/")),
            Position::Suffix => {
                has_many_segments(path) || leading_parts(path).any(|part| part.ends_with(text))
            }
            Position::Prefix | Position::PathSeparatedPrefix => self.holds(text, path),
        }
    }
}

/// Whether a path begins with a text that ends where a segment does.
fn is_at_segment(text: &[u8], path: &[u8]) -> bool {
    let ends = |rest: &[u8]| matches!(rest, [] | [b'/', ..]) || text.ends_with(b"/");
    path.strip_prefix(text).is_some_and(ends)
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

fn strip_slash(text: &mut Vec<u8>) {
    if text.last() == Some(&b'/') {
        text.pop();
    }
}
