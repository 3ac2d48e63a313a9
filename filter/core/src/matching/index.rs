//! Finds the rules that may apply to a request, without looking at the others.

use super::host_map::HostMap;
use super::host_pattern::HostPattern;
use super::path::Readings;
use super::pattern::{PathPattern, Position, has_many_segments, leading_parts};
use super::prefix_map::PrefixMap;
use super::scope::{Scope, Subject};
use crate::names::Names;
use alloc::vec::Vec;

/// Rules, by the order of their scopes: by host, and under each host pattern by path.
///
/// Invariant: finds every rule that [`Scope::matches`], and perhaps more.
#[derive(Debug)]
pub(crate) struct Index {
    hosts: HostMap,
    /// The rules under each pattern of `hosts`.
    paths: Vec<PathIndex>,
    rules: usize,
}

/// Rules by path.
#[derive(Debug)]
struct PathIndex {
    /// Exact paths and prefixes.
    beginnings: PrefixMap,
    /// Suffixes, written backwards.
    endings: PrefixMap,
    /// Rules with a regular expression, which have to be tried.
    expressions: Vec<usize>,
}

impl Index {
    pub(crate) fn new(scopes: &[&Scope]) -> Self {
        let mut names = Names::default();
        let mut by_host: Vec<(&HostPattern, Vec<usize>)> = Vec::new();
        for (index, scope) in scopes.iter().enumerate() {
            let hosts = if scope.hosts.is_empty() {
                &[HostPattern::Any][..]
            } else {
                &scope.hosts
            };
            for host in hosts {
                match by_host.get_mut(names.insert(&host.spelling())) {
                    Some((_, rules)) => rules.push(index),
                    None => by_host.push((host, Vec::from([index]))),
                }
            }
        }
        Self {
            hosts: HostMap::new(by_host.iter().map(|(host, _)| *host)),
            paths: by_host
                .iter()
                .map(|(_, indices)| PathIndex::new(scopes, indices))
                .collect(),
            rules: scopes.len(),
        }
    }

    /// Whether no rule looks at the host.
    pub(crate) fn is_for_any_host(&self) -> bool {
        self.hosts.is_for_any_host()
    }

    /// The indices of the rules that may match, in order.
    #[inline]
    pub(crate) fn candidates(&self, subject: &Subject<'_>, found: &mut Vec<usize>) {
        found.clear();
        if let Readings::Any = subject.readings {
            found.extend(0..self.rules);
            return;
        }
        for reading in subject.readings.iter() {
            self.hosts.matching(&subject.host, |index| {
                self.paths.get(index).into_iter().for_each(|paths| {
                    paths.visit_candidates(reading, |index| insert(found, index))
                });
            });
        }
    }
}

impl PathIndex {
    fn new(scopes: &[&Scope], indices: &[usize]) -> Self {
        let (mut beginnings, mut endings) = (Vec::new(), Vec::new());
        let mut expressions = Vec::new();
        for &index in indices {
            match scopes.get(index).map(|scope| &scope.path) {
                Some(PathPattern::Text(pattern)) => {
                    let texts = pattern.narrow.iter().chain(&pattern.wide);
                    match pattern.position {
                        Position::Suffix => {
                            endings.extend(texts.map(|text| (backwards(text), index)));
                        }
                        _ => beginnings.extend(texts.map(|text| (text.clone(), index))),
                    }
                }
                Some(PathPattern::Regex(_)) => expressions.push(index),
                None => {}
            }
        }
        Self {
            beginnings: PrefixMap::new(beginnings),
            endings: PrefixMap::new(endings),
            expressions,
        }
    }

    /// Calls `visit` with every rule that may match, of some more than once.
    #[inline]
    fn visit_candidates(&self, path: &[u8], mut visit: impl FnMut(usize)) {
        self.beginnings.visit_prefixes_of(path.iter(), &mut visit);
        if has_many_segments(path) {
            self.endings.values().for_each(&mut visit);
        } else if !self.endings.is_empty() {
            for part in leading_parts(path) {
                self.endings
                    .visit_prefixes_of(part.iter().rev(), &mut visit);
            }
        }
        self.expressions.iter().copied().for_each(visit);
    }
}

/// Inserts in order, once.
fn insert(found: &mut Vec<usize>, index: usize) {
    if let Err(place) = found.binary_search(&index) {
        found.insert(place, index);
    }
}

fn backwards(text: &[u8]) -> Vec<u8> {
    text.iter().rev().copied().collect()
}
