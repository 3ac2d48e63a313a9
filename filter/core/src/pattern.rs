//! Which paths a rule is about.

use crate::path::{self, Readings, Shape};
use crate::rule::Certainty;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use regex_lite::{Regex, RegexBuilder};

/// A compiled regular expression may take this many octets.
const MAX_REGEX_SIZE: usize = 256 * 1024;

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
    /// Texts at a position: the configured one and its readings.
    Text {
        position: Position,
        texts: Vec<Vec<u8>>,
        effect: Effect,
    },
    /// A regular expression that the whole path must match, in linear time.
    Regex(Regex),
}

impl PathPattern {
    pub(crate) fn text(position: Position, text: &[u8], effect: Effect) -> Self {
        let texts = match (effect, position) {
            // Only what means the same: an exemption must not grow.
            (Effect::Exempt, _) => path::decoded_pattern(text),
            (_, Position::Exact | Position::PathSeparatedPrefix) => {
                let mut texts = path::readings_of_pattern(text, Shape::Whole);
                texts.iter_mut().for_each(strip_slash);
                texts
            }
            (_, Position::Prefix) => path::readings_of_pattern(text, Shape::Beginning),
            (_, Position::Suffix) => path::readings_of_pattern(text, Shape::Ending),
        };
        PathPattern::Text {
            position,
            texts,
            effect,
        }
    }

    /// # Errors
    /// The expression's first fault, without the expression.
    pub(crate) fn regex(expression: &str) -> Result<Self, String> {
        // Parsed alone first: `a)(b` must not become valid by the anchors.
        Regex::new(expression).map_err(|error| error.to_string())?;
        RegexBuilder::new(&alloc::format!("^(?:{expression})$"))
            // `.` is any octet: a line feed must not end what a rule protects.
            .dot_matches_new_line(true)
            .size_limit(MAX_REGEX_SIZE)
            .build()
            .map(PathPattern::Regex)
            .map_err(|error| error.to_string())
    }

    /// How surely a request with these readings is meant.
    pub(crate) fn matches(&self, readings: &Readings<'_>) -> Option<Certainty> {
        if let Readings::Any = readings {
            return Some(Certainty::Possible);
        }
        if readings.iter().all(|reading| self.matches_reading(reading)) {
            return Some(Certainty::Certain);
        }
        readings
            .iter()
            .any(|reading| self.matches_reading(reading))
            .then_some(Certainty::Possible)
    }

    fn matches_reading(&self, path: &[u8]) -> bool {
        match self {
            PathPattern::Regex(regex) => regex.is_match(&String::from_utf8_lossy(path)),
            PathPattern::Text {
                position,
                texts,
                effect,
            } => texts.iter().any(|text| position.holds(text, path, *effect)),
        }
    }
}

impl Position {
    fn holds(self, text: &[u8], path: &[u8], effect: Effect) -> bool {
        match self {
            Position::Suffix => match effect {
                Effect::Exempt => path.ends_with(text),
                Effect::Protect => leading_parts(path).any(|part| part.ends_with(text)),
            },
            _ => path
                .strip_prefix(text)
                .is_some_and(|rest| self.allows(text, rest, effect)),
        }
    }

    /// Whether a path that begins with `text` may go on with `rest`.
    fn allows(self, text: &[u8], rest: &[u8], effect: Effect) -> bool {
        match self {
            Position::Exact => rest.is_empty() || (effect == Effect::Protect && rest == b"/"),
            Position::PathSeparatedPrefix => {
                matches!(rest, [] | [b'/', ..]) || text.ends_with(b"/")
            }
            Position::Prefix | Position::Suffix => true,
        }
    }
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
