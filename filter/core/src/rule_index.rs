//! Finds the rules that may be about a request, without looking at the others.

use crate::host::{HostMap, HostPattern};
use crate::names::Names;
use crate::path::Readings;
use crate::pattern::{PathPattern, Position, has_many_segments, leading_parts};
use crate::prefix_map::PrefixMap;
use crate::rule::{Rule, Subject};
use alloc::vec::Vec;

/// Rules by host, and under each host pattern by path.
///
/// Invariant: finds every rule that [`Rule::matches`], and perhaps more.
#[derive(Debug)]
pub(crate) struct RuleIndex {
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

impl RuleIndex {
    pub(crate) fn new(rules: &[Rule]) -> Self {
        let mut names = Names::default();
        let mut by_host: Vec<(&HostPattern, Vec<usize>)> = Vec::new();
        for (index, rule) in rules.iter().enumerate() {
            let hosts = if rule.hosts.is_empty() {
                &[HostPattern::Any][..]
            } else {
                &rule.hosts
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
                .map(|(_, indices)| PathIndex::new(rules, indices))
                .collect(),
            rules: rules.len(),
        }
    }

    /// Whether no rule looks at the host.
    pub(crate) fn is_for_any_host(&self) -> bool {
        self.hosts.is_for_any_host()
    }

    /// Whether there could be a candidate for this path, which has one reading, on any host.
    pub(crate) fn may_find(&self, path: &[u8]) -> bool {
        match self.paths.as_slice() {
            [paths] if self.is_for_any_host() => {
                let mut is_found = false;
                paths.visit_candidates(path, |_| is_found = true);
                is_found
            }
            paths => !paths.is_empty(),
        }
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
    fn new(rules: &[Rule], indices: &[usize]) -> Self {
        let (mut beginnings, mut endings) = (Vec::new(), Vec::new());
        let mut expressions = Vec::new();
        for &index in indices {
            match rules.get(index).map(|rule| &rule.path) {
                Some(PathPattern::Text {
                    position,
                    narrow,
                    wide,
                }) => {
                    let texts = narrow.iter().chain(wide);
                    match position {
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
