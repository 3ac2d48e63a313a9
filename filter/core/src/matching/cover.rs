//! Whether one rule's scope has all of another's, as far as that can be proved, and examples of what is in
//! a scope.

use super::certainty::Certainty;
use super::host_pattern::HostPattern;
use super::path::Readings;
use super::pattern::{PathPattern, Position, TextPattern};
use super::scope::Scope;
use alloc::vec;
use alloc::vec::Vec;

/// A segment that no other rule has.
const OWN: &[u8] = b"basic-auth-witness";

impl Scope {
    /// Whether every request that `other` says, as it is written, is in this scope, too. `false` where
    /// that cannot be proved.
    pub(crate) fn covers(&self, other: &Scope) -> bool {
        self.covers_beside_path(other) && self.path.covers(&other.path)
    }

    /// The same, whatever the paths.
    pub(crate) fn covers_beside_path(&self, other: &Scope) -> bool {
        self.covers_hosts(other)
            && self.covers_sources(other)
            && self.methods.covers(&other.methods)
    }

    fn covers_hosts(&self, other: &Scope) -> bool {
        let is_any = |hosts: &[HostPattern]| hosts.is_empty() || hosts.contains(&HostPattern::Any);
        let is_covered = |host: &HostPattern| self.hosts.iter().any(|own| own.covers(host));
        is_any(&self.hosts) || !is_any(&other.hosts) && other.hosts.iter().all(is_covered)
    }

    fn covers_sources(&self, other: &Scope) -> bool {
        let mut others = other.sources.iter();
        self.sources.is_empty()
            || !other.sources.is_empty()
                && others.all(|block| self.sources.iter().any(|own| own.contains(block)))
    }

    /// Whether so few requests are in it that the examples are all of them.
    pub(crate) fn is_finite(&self) -> bool {
        let is_exact = |host: &HostPattern| matches!(host, HostPattern::Exact(_));
        let is_exact_path = matches!(
            &self.path,
            PathPattern::Text(TextPattern {
                position: Position::Exact,
                ..
            })
        );
        is_exact_path
            && !self.hosts.is_empty()
            && self.hosts.iter().all(is_exact)
            && self.methods.is_listed()
            && self.sources.is_empty()
    }

    /// Hosts that may be in it, as authorities.
    pub(crate) fn example_authorities(&self) -> Vec<Vec<u8>> {
        if self.hosts.is_empty() {
            return vec![[OWN, b".example"].concat()];
        }
        self.hosts.iter().flat_map(HostPattern::examples).collect()
    }
}

impl HostPattern {
    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (HostPattern::Any, _) => true,
            (HostPattern::Prefix(own), HostPattern::Prefix(other) | HostPattern::Exact(other)) => {
                other.starts_with(own)
            }
            (HostPattern::Suffix(own), HostPattern::Suffix(other) | HostPattern::Exact(other)) => {
                other.ends_with(own)
            }
            _ => self == other,
        }
    }

    fn examples(&self) -> Vec<Vec<u8>> {
        match self {
            HostPattern::Any => vec![[OWN, b".example"].concat()],
            HostPattern::Exact(host) if host.contains(&b':') => {
                vec![[b"[", host.as_slice(), b"]"].concat()]
            }
            HostPattern::Exact(host) => vec![host.clone()],
            HostPattern::Prefix(prefix) => vec![[prefix, OWN].concat(), prefix.clone()],
            HostPattern::Suffix(suffix) => vec![[OWN, suffix.as_slice()].concat(), suffix.clone()],
            HostPattern::Ipv6Prefix(groups) => vec![groups.example(true)],
            HostPattern::Ipv6Suffix(groups) => vec![groups.example(false)],
        }
    }
}

impl PathPattern {
    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (PathPattern::Text(own), PathPattern::Text(other)) => own.covers(other),
            // Every path begins with a slash.
            (PathPattern::Text(own), PathPattern::Regex(_)) => own.is_everything(),
            (PathPattern::Regex(_), _) => false,
        }
    }

    /// The folder itself of a prefix such as `/admin/`, which begins what is in it alone.
    #[cfg(feature = "analysis")]
    pub(crate) fn folder(&self) -> Option<&[u8]> {
        let PathPattern::Text(TextPattern {
            position: Position::Prefix,
            narrow,
            ..
        }) = self
        else {
            return None;
        };
        let folder = narrow.first()?.strip_suffix(b"/")?;
        (!folder.is_empty()).then_some(folder)
    }

    /// The expression, as it is compiled.
    #[cfg(feature = "analysis")]
    pub(crate) fn expression(&self) -> Option<&str> {
        match self {
            PathPattern::Regex(pattern) => Some(pattern.source()),
            PathPattern::Text(_) => None,
        }
    }

    /// Whether a path that the text says is meant in all its readings.
    pub(crate) fn has_certain_example(&self) -> bool {
        let mut examples = self.examples().into_iter();
        examples.any(|path| self.matches(&Readings::of(Some(&path))) == Some(Certainty::Certain))
    }

    /// Paths that may be meant.
    pub(crate) fn examples(&self) -> Vec<Vec<u8>> {
        match self {
            PathPattern::Text(pattern) => pattern.examples(),
            PathPattern::Regex(pattern) => {
                let example = pattern.example().as_bytes();
                vec![example.to_vec(), [b"/", example].concat()]
            }
        }
    }
}

impl TextPattern {
    fn is_everything(&self) -> bool {
        matches!(
            self.position,
            Position::Prefix | Position::PathSeparatedPrefix
        ) && self
            .narrow
            .iter()
            .any(|text| matches!(text.as_slice(), b"/"))
    }

    fn covers(&self, other: &Self) -> bool {
        let mut others = other.narrow.iter();
        others.all(|theirs| {
            let mut own = self.narrow.iter();
            own.any(|text| covers(self.position, text, other.position, theirs))
        })
    }

    fn examples(&self) -> Vec<Vec<u8>> {
        let Some(text) = self.narrow.last() else {
            return Vec::new();
        };
        let text = text.as_slice();
        match self.position {
            Position::Exact => vec![text.to_vec()],
            Position::Prefix => vec![
                [text, OWN].concat(),
                [text.strip_suffix(b"/").unwrap_or(text), b"/", OWN].concat(),
                text.to_vec(),
            ],
            Position::PathSeparatedPrefix => vec![
                [text.strip_suffix(b"/").unwrap_or(text), b"/", OWN].concat(),
                [text, OWN].concat(),
                text.to_vec(),
            ],
            Position::Suffix => vec![
                [b"/", OWN, text].concat(),
                [b"/", OWN, b"/", OWN, text].concat(),
                text.to_vec(),
            ],
        }
    }
}

/// Whether what has `theirs` at its position has `own` at its own, too.
fn covers(own_position: Position, own: &[u8], their_position: Position, theirs: &[u8]) -> bool {
    match (own_position, their_position) {
        (Position::Prefix, Position::Suffix) => own == b"/",
        (Position::PathSeparatedPrefix, Position::Suffix) => own == b"/",
        (Position::Prefix, _) => theirs.starts_with(own),
        (Position::PathSeparatedPrefix, Position::Prefix) => {
            theirs.starts_with(own) && (own.ends_with(b"/") || theirs.get(own.len()) == Some(&b'/'))
        }
        (Position::PathSeparatedPrefix, _) => theirs
            .strip_prefix(own)
            .is_some_and(|rest| own.ends_with(b"/") || rest.is_empty() || rest.starts_with(b"/")),
        (Position::Suffix, Position::Suffix | Position::Exact) => theirs.ends_with(own),
        (Position::Suffix, _) => false,
        (Position::Exact, Position::Exact) => own == theirs,
        (Position::Exact, _) => false,
    }
}
