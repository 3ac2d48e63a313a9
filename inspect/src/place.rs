//! Where in a file a place of a configuration stands, such as `basic_auth_rules[2].prefix`.

use std::ops::Range;

use crate::document::{Node, Value};
use crate::found::{Found, origin};

/// What stands at a place: its value, or as much of the way to it as there is.
pub(crate) struct Standing<'n> {
    /// The key, if the place ends with one.
    pub(crate) key: Option<&'n Node>,
    pub(crate) node: &'n Node,
}

/// Follows a place from the root of a configuration.
pub(crate) fn follow<'n>(root: &'n Node, place: &str) -> Standing<'n> {
    let mut standing = Standing {
        key: None,
        node: root,
    };
    let mut rest = if place == "configuration" { "" } else { place };
    while !rest.is_empty() {
        rest = rest.strip_prefix('.').unwrap_or(rest);
        let Some((next, after)) = step(standing.node, rest) else {
            break;
        };
        standing = next;
        rest = after;
    }
    standing
}

fn step<'n, 'p>(node: &'n Node, place: &'p str) -> Option<(Standing<'n>, &'p str)> {
    if let Some(from) = place.strip_prefix('[') {
        let (index, after) = from.split_once(']')?;
        let index: usize = index.parse().ok()?;
        let node = match &node.value {
            Value::List(elements) => elements.get(index)?,
            // A key that could be a secret is not named but numbered.
            Value::Map(members) => &members.get(index)?.1,
            _ => return None,
        };
        return Some((Standing { key: None, node }, after));
    }
    let named = node.members().filter_map(|(key, value)| {
        let after = place.strip_prefix(key.text()?)?;
        let is_whole = after.is_empty() || after.starts_with(['.', '[']);
        is_whole.then_some((key, value, after))
    });
    // Of two keys of the same name, the second is the one that is too many.
    let (key, node, after) =
        named.min_by_key(|(key, _, after)| (after.len(), std::cmp::Reverse(key.span.start)))?;
    Some((
        Standing {
            key: Some(key),
            node,
        },
        after,
    ))
}

/// Where a place stands in the file.
pub(crate) fn span(
    found: &Found,
    place: &str,
    line: Option<usize>,
    is_key: bool,
    source: &str,
) -> Range<usize> {
    let Some(root) = &found.root else {
        return found.span.clone();
    };
    let standing = follow(root, place);
    let inner = match (standing.key, line) {
        (Some(key), None) if is_key => key.span.clone(),
        (_, Some(line)) => return line_span(found, standing.node, line, source),
        _ => standing.node.span.clone(),
    };
    found.locate_span(&inner)
}

/// Where a line of a string begins and ends.
fn line_span(found: &Found, node: &Node, line: usize, source: &str) -> Range<usize> {
    // In a string within a string, the lines are escaped: the whole of it must do.
    let Some(text) = node.text().filter(|_| found.origin.is_none()) else {
        return found.locate_span(&node.span);
    };
    let start: usize = text
        .split_inclusive('\n')
        .take(line.saturating_sub(1))
        .map(str::len)
        .sum();
    let length = text
        .get(start..)
        .unwrap_or_default()
        .lines()
        .next()
        .map_or(0, str::len);
    let inside = Found {
        origin: Some(origin(node, source)),
        text: text.to_owned(),
        span: node.span.clone(),
        ..found.clone()
    };
    inside.locate_span(&(start..start + length.max(1)))
}
