//! Reads the paths of a rule.

use super::Problem;
use super::reader::{Object, Read, Value, is_quoted};
use crate::matching::{Breadth, Case, PathPattern, Position};
use crate::password::has_visible_ends;
use crate::policy::Selection;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// The keys that say which paths; a rule has one of them.
const PATH_KEYS: [&str; 5] = [
    "exact",
    "path_separated_prefix",
    "prefix",
    "regex",
    "suffix",
];

/// Why a text cannot be a path, or does not say what it seems to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathProblem {
    /// A host, with or without a scheme.
    Url,
    /// A query or a fragment.
    Query,
    /// A `*`, `.+` or `...` that stands for any text.
    Wildcard,
    /// What is a part of a template or of a regular expression.
    Expression,
    /// A parameter of a route, such as `:id`.
    Template,
    /// A `$` at the end.
    Anchor,
    /// Several paths in one text.
    Several,
    /// A blank at an end of a segment, or a character that nobody sees.
    BlankAtEnd,
    /// A control character, or an escape that an upstream could take for anything.
    CouldBeAny,
    /// An escape of a character that has a meaning in a path, where that opens something.
    Escape,
    /// What servers read in several ways, so that an exemption would never hold.
    Ambiguous,
    /// No slash at the beginning, where that opens something.
    NoSlash,
}

/// Which paths the rule applies to. `opens`: what it matches may pass.
pub(super) fn pattern(
    rule: &Object<'_>,
    breadth: Breadth,
    opens: bool,
    selection: Selection,
    warnings: &mut Vec<String>,
) -> Read<PathPattern> {
    let mut paths = PATH_KEYS.iter().filter(|key| rule.has(key));
    let key = *paths.next().ok_or_else(|| rule.error(Problem::NoPath))?;
    if paths.next().is_some() {
        return Err(rule.error(Problem::SeveralPaths));
    }
    let case = case(rule, breadth)?;
    let value = rule.value(key).ok_or_else(|| rule.error(Problem::NoPath))?;
    let position = match key {
        "exact" => Position::Exact,
        "prefix" => Position::Prefix,
        "path_separated_prefix" => Position::PathSeparatedPrefix,
        "suffix" => Position::Suffix,
        _ => return regex(&value, breadth, case, selection == Selection::First),
    };
    let text = text(&value, position, opens, warnings)?;
    let pattern = PathPattern::text(position, text.as_bytes(), breadth, case)
        .map_err(|_| value.error(Problem::NotAPath(PathProblem::CouldBeAny)))?;
    if breadth == Breadth::Narrow && !pattern.has_certain_example() {
        return Err(value.error(Problem::NotAPath(PathProblem::Ambiguous)));
    }
    Ok(pattern)
}

/// Some upstreams take paths without case: Express, Caddy. What opens never grows so.
fn case(rule: &Object<'_>, breadth: Breadth) -> Read<Case> {
    let Some(value) = rule.value("ignore_case") else {
        return Ok(match breadth {
            Breadth::Wide => Case::Ignored,
            Breadth::Narrow => Case::Respected,
        });
    };
    match (value.bool()?, breadth) {
        (false, _) => Ok(Case::Respected),
        (true, Breadth::Wide) => Ok(Case::Ignored),
        (true, Breadth::Narrow) => Err(value.error(Problem::NotBeside("exempt"))),
    }
}

fn regex(
    value: &Value<'_>,
    breadth: Breadth,
    case: Case,
    is_sureness_needed: bool,
) -> Read<PathPattern> {
    PathPattern::regex(value.text_not_empty()?, breadth, case, is_sureness_needed)
        .map_err(|why| value.error(Problem::Regex(why)))
}

/// A text that can stand in a path, as it is meant.
fn text(
    value: &Value<'_>,
    position: Position,
    opens: bool,
    warnings: &mut Vec<String>,
) -> Read<String> {
    let text = value.text_not_empty()?;
    if is_quoted(text) {
        return Err(value.error(Problem::Quoted));
    }
    if let Some(problem) = problem(text, opens) {
        return Err(value.error(Problem::NotAPath(problem)));
    }
    if position == Position::Suffix || text.starts_with('/') {
        return Ok(text.into());
    }
    if begins_with_host(text) {
        return Err(value.error(Problem::NotAPath(PathProblem::Url)));
    }
    // What stands in front is no part of a name: a negation, quotes, the operator of another server,
    // what only looks like a slash.
    let is_odd = text.starts_with(|c: char| !c.is_ascii_alphanumeric() && !"._%".contains(c));
    if opens || is_odd {
        return Err(value.error(Problem::NotAPath(PathProblem::NoSlash)));
    }
    warnings.push(format!(
        "{}: read with a leading `/`, since every path has one",
        value.place
    ));
    Ok(["/", text].concat())
}

/// Whether what stands before the first slash is a host rather than a name: `a.example/x`, `a:80`.
fn begins_with_host(text: &str) -> bool {
    let (first, is_alone) = match text.split_once('/') {
        Some((first, _)) => (first, false),
        None => (text, true),
    };
    let name = first.trim_start_matches('.');
    name.contains(':') || name.starts_with("www.") || !is_alone && name.contains('.')
}

/// What is wrong with a text as a part of a path (RFC 3986, 3.3). Blanks inside and letters beyond
/// ASCII are what people mean, and are percent-encoded by clients.
fn problem(text: &str, opens: bool) -> Option<PathProblem> {
    if text.contains("://") {
        return Some(PathProblem::Url);
    }
    if text.chars().any(char::is_control) {
        return Some(PathProblem::CouldBeAny);
    }
    if text.contains(['"', '<', '>', '[', ']', '\\', '^', '{', '|', '}', '`']) {
        return Some(PathProblem::Expression);
    }
    if text.contains(['?', '#']) {
        return Some(PathProblem::Query);
    }
    let is_open_end = ["...", "…"].iter().any(|end| text.ends_with(end));
    if is_open_end || text.contains('*') || text.contains(".+") {
        return Some(PathProblem::Wildcard);
    }
    if text.ends_with('$') {
        return Some(PathProblem::Anchor);
    }
    if text
        .split("/:")
        .skip(1)
        .any(|name| name.starts_with(|c: char| c.is_ascii_alphabetic()))
    {
        return Some(PathProblem::Template);
    }
    if !has_visible_ends(text.as_bytes()) {
        return Some(PathProblem::BlankAtEnd);
    }
    if text.ends_with(',')
        || [" /", ",/", ";/", " .", ",.", ";."]
            .iter()
            .any(|between| text.contains(between))
    {
        return Some(PathProblem::Several);
    }
    if text
        .split('/')
        .any(|segment| !has_visible_ends(segment.as_bytes()))
    {
        return Some(PathProblem::BlankAtEnd);
    }
    (opens && has_escape_with_meaning(text)).then_some(PathProblem::Escape)
}

/// An escape of a slash, a dot and the like: as it is it means another path than decoded.
fn has_escape_with_meaning(text: &str) -> bool {
    text.split('%').skip(1).any(|after| {
        let digits = after.get(..2).unwrap_or_default();
        let octet = u8::from_str_radix(digits, 16);
        octet.is_ok_and(|octet| b"/\\.%;?#".contains(&octet) || octet.is_ascii_control())
    })
}
