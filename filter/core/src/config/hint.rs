//! Which key was meant by one that does not exist.

use super::{CONFIGURATION_KEYS, RULE_KEYS};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// What to write instead of an unknown key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyHint {
    /// This one was surely meant.
    Nearest(&'static str),
    /// One of these.
    OneOf(&'static [&'static str]),
    /// This one, in a rule.
    InRule,
    /// This one, outside of rules.
    OutsideOfRules,
    /// It is around the configuration where that comes from.
    Unwrapped,
}

/// What other tools call a key, and which keys it is here.
const OTHER_NAMES: [(&str, &[&str]); 20] = [
    ("domain", &["hosts"]),
    ("domains", &["hosts"]),
    ("vhosts", &["hosts"]),
    ("method", &["request_methods"]),
    ("methods", &["request_methods"]),
    ("cidrs", &["remote_ips"]),
    ("remote_ip_blocks", &["remote_ips"]),
    ("users_file", &["users", "users_env"]),
    ("htpasswd", &["users", "users_env"]),
    ("username", &["users", "credentials"]),
    ("password", &["users", "credentials"]),
    ("rules", &["basic_auth_rules"]),
    ("remove_header", &["hide_credentials"]),
    ("header_field", &["forward_username_header"]),
    ("safe_regex", &["regex"]),
    ("paths", PATHS),
    ("path", PATHS),
    ("request_path", PATHS),
    ("path_prefix", &["prefix", "path_separated_prefix"]),
    ("path_regex", &["regex"]),
];

/// What Envoy and Istio have around a configuration.
const WRAPPERS: [&str; 4] = ["config", "configuration", "plugin_config", "value"];

const PATHS: &[&str] = &[
    "exact",
    "prefix",
    "path_separated_prefix",
    "suffix",
    "regex",
];

impl KeyHint {
    /// The hint for a key where only `keys` are known.
    pub(super) fn of(key: &str, keys: &'static [&'static str]) -> Self {
        let is_of_rule = keys.contains(&"prefix");
        let is_outermost = keys.contains(&"basic_auth_rules");
        if is_outermost && RULE_KEYS.contains(&key) {
            return KeyHint::InRule;
        }
        if is_of_rule && CONFIGURATION_KEYS.contains(&key) {
            return KeyHint::OutsideOfRules;
        }
        let key = snake_case(key);
        let key = key.as_str();
        if is_outermost && WRAPPERS.contains(&key) {
            return KeyHint::Unwrapped;
        }
        let other_name = OTHER_NAMES.iter().find(|(name, _)| *name == key);
        if let Some((_, meant)) = other_name
            && meant.iter().all(|name| keys.contains(name))
        {
            return match meant {
                [one] => KeyHint::Nearest(one),
                several => KeyHint::OneOf(several),
            };
        }
        // `scrypt` is `scrypt_log_n`, however few edits `bcrypt` takes.
        let longer = keys.iter().find(|known| {
            let rest = known.strip_prefix(key);
            !key.is_empty() && rest.is_some_and(|rest| rest.starts_with('_'))
        });
        longer
            .copied()
            .or_else(|| nearest(key, keys))
            .map_or(KeyHint::OneOf(keys), KeyHint::Nearest)
    }
}

impl fmt::Display for KeyHint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyHint::Nearest(key) => write!(f, "did you mean `{key}`?"),
            KeyHint::OneOf(keys) => {
                f.write_str("write one of ")?;
                for (index, key) in keys.iter().enumerate() {
                    let separator = if index == 0 { "" } else { ", " };
                    write!(f, "{separator}`{key}`")?;
                }
                Ok(())
            }
            KeyHint::InRule => f.write_str("it belongs into a rule of `basic_auth_rules`"),
            KeyHint::OutsideOfRules => {
                f.write_str("it belongs beside `basic_auth_rules`, not into a rule")
            }
            KeyHint::Unwrapped => f.write_str("write what is in it in its place"),
        }
    }
}

/// `pathPrefix` and `PathPrefix` as `path_prefix`.
fn snake_case(key: &str) -> String {
    let mut snake = String::with_capacity(key.len());
    for letter in key.chars() {
        if letter.is_ascii_uppercase() && !snake.is_empty() && !snake.ends_with('_') {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

/// The known key that takes the fewest edits, if these are few.
fn nearest(key: &str, keys: &[&'static str]) -> Option<&'static str> {
    if key.len() > 40 {
        return None;
    }
    let (distance, nearest) = keys
        .iter()
        .map(|known| (edit_distance(key.as_bytes(), known.as_bytes()), *known))
        .min()?;
    (distance <= (nearest.len() / 3).max(2)).then_some(nearest)
}

/// Levenshtein's distance.
fn edit_distance(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        let mut next = Vec::from([left]);
        for (above, y) in row.iter().skip(1).zip(b) {
            left = (left + 1)
                .min(above + 1)
                .min(diagonal + usize::from(x != y));
            diagonal = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}
