//! Regular expressions that the whole of a path must match.

mod accident;
mod syntax;

use alloc::format;
use alloc::string::String;
use core::fmt;
use regex_lite::{Regex, RegexBuilder};

/// The most memory in octets that a compiled expression may take, as `regex-lite` counts it.
const SIZE_LIMIT: usize = 64 * 1024;

/// A regular expression in the syntax of `regex-lite`: linear in time, no look-around, no
/// back-references.
#[derive(Debug)]
pub struct Expression {
    regex: Regex,
    /// A path that may match, as far as the syntax tells.
    example: String,
}

/// Why an expression is refused: in words, and without the expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpressionError {
    reason: String,
}

impl Expression {
    /// # Errors
    /// The expression's first fault.
    pub fn parse(expression: &str) -> Result<Self, ExpressionError> {
        Self::parse_with_flags("", expression)
    }

    /// Letters of ASCII that differ in case alone are the same in it.
    ///
    /// # Errors
    /// The expression's first fault.
    pub fn parse_ignoring_case(expression: &str) -> Result<Self, ExpressionError> {
        Self::parse_with_flags("(?i)", expression)
    }

    fn parse_with_flags(flags: &str, expression: &str) -> Result<Self, ExpressionError> {
        // By itself, so that `)(` does not compile.
        compile(expression)?;
        let mistaken = |class: &str| match class {
            _ if loses_letters(class) => Some(LOST_LETTERS),
            _ if accident::is_list(class) => Some(accident::LIST),
            _ => None,
        };
        let in_class = classes(expression).find_map(mistaken);
        if let Some(reason) = in_class.or_else(|| accident::find(expression)) {
            let reason = reason.into();
            return Err(ExpressionError { reason });
        }
        let example = check_outline(expression)?;
        let regex = compile(&format!(r"{flags}\A(?:{expression})\z"))
            // A comment at the end, under the flag `x`, goes on up to the end of the line.
            .or_else(|_| compile(&format!("{flags}\\A(?:{expression}\n)\\z")))?;
        Ok(Self { regex, example })
    }

    /// A path that may match; empty if the syntax does not tell.
    pub(crate) fn example(&self) -> &str {
        &self.example
    }

    /// The expression as it is compiled.
    #[cfg(feature = "analysis")]
    pub(crate) fn source(&self) -> &str {
        self.regex.as_str()
    }

    /// Whether the whole path matches. Each octet sequence that is no UTF-8 counts as one U+FFFD,
    /// as `String::from_utf8_lossy` has it.
    #[must_use]
    pub fn is_match(&self, path: &[u8]) -> bool {
        self.regex.is_match(&String::from_utf8_lossy(path))
    }
}

/// Refuses what no path can match, and what was meant to be searched for; an example otherwise.
fn check_outline(expression: &str) -> Result<String, ExpressionError> {
    let Some(outline) = syntax::outline(expression) else {
        return Ok(String::new());
    };
    let reason = if outline.is_searched {
        "is anchored at one end only, but has to match the whole path; write `/secret.*` for what \
         begins so, `.*\\.php` for what ends so"
    } else if !outline.may_begin_with_slash {
        "matches no path, since a path begins with `/`; write `/` or `.*` in front"
    } else if outline.needs_query {
        "matches no path, since the query is no part of it; leave out `?` and what follows"
    } else {
        return Ok(outline.example);
    };
    Err(ExpressionError {
        reason: reason.into(),
    })
}

fn compile(expression: &str) -> Result<Regex, ExpressionError> {
    RegexBuilder::new(expression)
        .dot_matches_new_line(true)
        .size_limit(SIZE_LIMIT)
        .build()
        .map_err(|error| {
            let reason = format!("{error}");
            let cure = CURES.iter().find(|(part, _)| reason.contains(part));
            let reason = match cure {
                Some((_, cure)) => format!("does not compile: {reason}; {cure}"),
                None => format!("does not compile: {reason}"),
            };
            ExpressionError { reason }
        })
}

const LOST_LETTERS: &str = "a class in brackets runs from upper-case to lower-case letters, as `[Z-b]` does; write \
                            the ranges apart, as in `[Za-b]`";

/// What to write instead, by a part of what `regex-lite` says.
const CURES: [(&str, &str); 7] = [
    ("backreferences", "write the group again"),
    ("escape sequence", r"leave out the `\`, or write `\\`"),
    (
        "look-around",
        "write a rule for what matches and one that exempts",
    ),
    ("must be applied to", r"write `\` before the character"),
    ("nested character classes", r"write `\[` for the character"),
    ("size limit", "repeat less, or write several rules"),
    ("Unicode", "write ranges such as `[à-ÿ]`"),
];

/// The classes in brackets that stand in an expression which compiles.
fn classes(expression: &str) -> impl Iterator<Item = &str> {
    let mut rest = expression;
    core::iter::from_fn(move || {
        loop {
            let at = rest.find(['\\', '['])?;
            let (_, from) = rest.split_at_checked(at)?;
            let mut characters = from.chars();
            if characters.next() == Some('\\') {
                characters.next();
                rest = characters.as_str();
                continue;
            }
            // A class ends at the first `]` that makes it one.
            let ends = from.match_indices(']').map(|(at, _)| at + 1);
            let mut classes = ends.filter_map(|end| from.split_at_checked(end));
            let (class, after) = classes.find(|(class, _)| Regex::new(class).is_ok())?;
            rest = after;
            return Some(class);
        }
    })
}

/// Whether an expression may have a class such as `[^a]`, which has letters in one case alone.
pub(crate) fn leaves_out_letters(expression: &str) -> bool {
    expression.contains("[^")
}

/// Whether `regex-lite` 0.1.9 forgets letters of a class when case is ignored: where upper-case and
/// lower-case letters are in one range, it adds the other case of the lower-case ones alone.
fn loses_letters(class: &str) -> bool {
    let (Ok(exact), Ok(folded)) = (Regex::new(class), Regex::new(&format!("(?i){class}"))) else {
        return true;
    };
    let has =
        |regex: &Regex, letter: u8| regex.is_match(char::from(letter).encode_utf8(&mut [0; 4]));
    let is_negated = class.starts_with("[^");
    (b'a'..=b'z').any(|lower| {
        let cases = [lower, lower.to_ascii_uppercase()];
        let is_in = cases.map(|letter| has(&exact, letter));
        let expected = if is_negated {
            is_in == [true, true]
        } else {
            is_in != [false, false]
        };
        cases.iter().any(|letter| has(&folded, *letter) != expected)
    })
}

impl core::error::Error for ExpressionError {}

impl fmt::Display for ExpressionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}
