//! Names that Kubernetes allows.

use std::fmt;
use std::str::FromStr;

use anyhow::bail;

/// The name of a resource that other names are made of: a DNS label (RFC 1123), so that it fits everywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name(String);

/// The name of a namespace: a DNS label (RFC 1123).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Namespace(String);

/// Room for what is put behind a name.
const LONGEST_NAME: usize = 50;
const LONGEST_LABEL: usize = 63;

impl FromStr for Name {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        if !is_dns_label(text, LONGEST_NAME) {
            bail!(
                "Kubernetes does not allow the name `{}`: lower-case letters, digits and `-` between them, at most \
                 {LONGEST_NAME}",
                text.escape_debug()
            );
        }
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for Namespace {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        if !is_dns_label(text, LONGEST_LABEL) {
            bail!(
                "Kubernetes does not allow the namespace `{}`: lower-case letters, digits and `-` between them, at \
                 most {LONGEST_LABEL}",
                text.escape_debug()
            );
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether this is a label of RFC 1123 of at most so many octets.
pub(super) fn is_dns_label(text: &str, longest: usize) -> bool {
    let is_inside =
        |octet: u8| octet.is_ascii_lowercase() || octet.is_ascii_digit() || octet == b'-';
    !text.is_empty()
        && text.len() <= longest
        && text.bytes().all(is_inside)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// Whether this is a name of RFC 1123: labels with dots between them.
pub(super) fn is_dns_name(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(|label| is_dns_label(label, 253))
}

/// Whether this is the key of a label: an optional DNS name, and a name.
pub(super) fn is_label_key(text: &str) -> bool {
    match text.split_once('/') {
        Some((prefix, name)) => is_dns_name(prefix) && !name.is_empty() && is_label_value(name),
        None => !text.is_empty() && is_label_value(text),
    }
}

/// Whether this is the value of a label.
pub(super) fn is_label_value(text: &str) -> bool {
    let is_edge = |octet: Option<u8>| octet.is_none_or(|octet| octet.is_ascii_alphanumeric());
    let is_inside = |octet: u8| octet.is_ascii_alphanumeric() || b"-_.".contains(&octet);
    text.len() <= LONGEST_LABEL
        && text.bytes().all(is_inside)
        && is_edge(text.bytes().next())
        && is_edge(text.bytes().last())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_kubernetes() {
        for name in ["a", "basic-auth", "1a"] {
            assert!(
                name.parse::<Name>().is_ok() && name.parse::<Namespace>().is_ok(),
                "{name}"
            );
        }
        for name in [
            "",
            "-a",
            "a-",
            "A",
            "a.b",
            "a_b",
            "ü",
            &"a".repeat(64),
            "a\n",
        ] {
            assert!(
                name.parse::<Name>().is_err() && name.parse::<Namespace>().is_err(),
                "{name}"
            );
        }
        assert!("a".repeat(51).parse::<Name>().is_err());
        for key in ["app", "app.kubernetes.io/name", "A_b.c"] {
            assert!(is_label_key(key), "{key}");
        }
        for key in ["", "/a", "a/", "a/b/c", "a b", ".a"] {
            assert!(!is_label_key(key), "{key}");
        }
    }
}
