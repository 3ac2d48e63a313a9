//! The text of a file without its secrets, to be shown around a fault.

use std::ops::Range;

use basic_auth::{CONFIGURATION_KEYS, RULE_KEYS};

use crate::document::{Node, Value};
use crate::found::{Found, origin};

/// What a secret's octets are shown as.
const HIDDEN: u8 = b'*';

/// The source, octet for octet, with every password and hash hidden in the configurations.
pub(crate) fn without_secrets(source: &str, documents: &[Node], found: &[Found]) -> String {
    let mut text = source.as_bytes().to_vec();
    let mut secrets = Vec::new();
    for document in documents {
        collect(document, false, &mut |node| {
            secrets.push(secret_parts(node, source));
        });
    }
    for configuration in found {
        let mut hide = |node: &Node| secrets.push(vec![configuration.locate_span(&node.span)]);
        match &configuration.root {
            Some(root) if configuration.origin.is_some() => {
                collect_unknown(root, false, &mut hide);
            }
            Some(root) => collect_unknown(root, false, &mut |node| {
                secrets.push(secret_parts(node, source));
            }),
            None => secrets.push(vec![configuration.span.clone()]),
        }
    }
    for span in secrets.into_iter().flatten() {
        hide(&mut text, span);
    }
    String::from_utf8(text).unwrap_or_default()
}

/// A text that could not be read: nothing but its structure and known keys.
pub(crate) fn structure_alone(source: &str) -> String {
    let mut text = source.as_bytes().to_vec();
    let is_word = |octet: &u8| !octet.is_ascii_whitespace() && !b"{}[],:\"'-".contains(octet);
    let mut at = 0;
    for word in source
        .as_bytes()
        .chunk_by(|one, other| is_word(one) == is_word(other))
    {
        let is_known = |keys: &[&str]| keys.iter().any(|key| key.as_bytes() == word);
        let is_shown = !word.first().is_some_and(is_word)
            || is_known(&CONFIGURATION_KEYS)
            || is_known(&RULE_KEYS);
        if !is_shown {
            hide(&mut text, at..at + word.len());
        }
        at += word.len();
    }
    String::from_utf8(text).unwrap_or_default()
}

/// An htpasswd text with user names alone.
pub(crate) fn user_names_alone(source: &[u8]) -> String {
    let mut text = source.to_vec();
    let mut at = 0;
    for line in source.split_inclusive(|octet| *octet == b'\n') {
        let end = line.len()
            - line
                .iter()
                .rev()
                .take_while(|octet| b"\r\n".contains(octet))
                .count();
        let from = line
            .iter()
            .position(|octet| *octet == b':')
            .map_or(0, |colon| colon + 1);
        hide(&mut text, at + from.min(end)..at + end);
        at += line.len();
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// A text without what stands at these places.
pub(crate) fn without(text: &str, places: Vec<Range<usize>>) -> String {
    let mut text = text.as_bytes().to_vec();
    places.into_iter().for_each(|place| hide(&mut text, place));
    String::from_utf8(text).unwrap_or_default()
}

fn hide(text: &mut [u8], span: Range<usize>) {
    for octet in text.get_mut(span).into_iter().flatten() {
        if !octet.is_ascii_whitespace() {
            *octet = HIDDEN;
        }
    }
}

/// Calls `hide` with every string that may hold a secret.
fn collect(node: &Node, is_secret: bool, hide: &mut impl FnMut(&Node)) {
    match &node.value {
        Value::Text(_) if is_secret => hide(node),
        Value::List(elements) => elements
            .iter()
            .for_each(|node| collect(node, is_secret, hide)),
        Value::Map(members) => {
            let is_variable = node.get("name").is_some();
            for (key, value) in members {
                let is_secret =
                    is_secret || is_key_of_secrets(key.text().unwrap_or_default(), is_variable);
                collect(value, is_secret, hide);
            }
        }
        _ => {}
    }
}

/// Calls `hide` with every string of a configuration that may hold a secret: also what stands under keys
/// that nobody knows, since `user` may be meant for `users`.
fn collect_unknown(node: &Node, is_secret: bool, hide: &mut impl FnMut(&Node)) {
    match &node.value {
        Value::Text(_) if is_secret => hide(node),
        Value::List(elements) => {
            elements
                .iter()
                .for_each(|node| collect_unknown(node, is_secret, hide));
        }
        Value::Map(members) => {
            for (key, value) in members {
                let name = key.text().unwrap_or_default();
                let is_known = CONFIGURATION_KEYS.contains(&name) || RULE_KEYS.contains(&name);
                if name == "groups" {
                    continue;
                }
                let is_secret = !is_known || name == "users" || name == "credentials";
                if !is_known && name.contains(':') {
                    hide(key);
                }
                collect_unknown(value, is_secret, hide);
            }
        }
        _ => {}
    }
}

fn is_key_of_secrets(key: &str, is_variable: bool) -> bool {
    let always = [
        "users",
        "credentials",
        "key_values",
        "keyValues",
        "inline_string",
        "inlineString",
        "inline_bytes",
        "inlineBytes",
        "stringData",
    ];
    always.contains(&key) || is_variable && key == "value"
}

/// Everything but the user's name in front of a colon.
fn secret_parts(node: &Node, source: &str) -> Vec<Range<usize>> {
    let content = node.text().unwrap_or_default();
    let inside = Found {
        place: String::new(),
        form: crate::Form::Text,
        span: node.span.clone(),
        text: content.to_owned(),
        root: None,
        origin: Some(origin(node, source)),
        environment: std::collections::BTreeMap::new(),
    };
    let mut at = 0;
    let mut parts = Vec::new();
    for line in content.split_inclusive('\n') {
        let from = line.find(':').map_or(0, |colon| colon + 1);
        if from < line.trim_end().len() {
            parts.push(inside.locate_span(&(at + from..at + line.trim_end().len())));
        }
        at += line.len();
    }
    parts
}
