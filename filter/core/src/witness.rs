//! A request that a rule decides, or why there is none.

use crate::matching::SourceAddress;
use crate::policy::{Policy, Selected, Selection};
use crate::request::Request;
use alloc::vec::Vec;
use core::net::IpAddr;

/// An ordinary request that a rule, as it is written, decides.
#[derive(Clone, Debug)]
pub struct Witness {
    /// `:method`
    pub method: Vec<u8>,
    /// `:authority`
    pub authority: Vec<u8>,
    /// `:path`
    pub path: Vec<u8>,
    /// Where it comes from, if the rule depends on it.
    pub source: Option<IpAddr>,
}

/// Why no request was found that a rule decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Idle {
    /// Another rule decides all that it could: the index of that rule.
    Covered(usize),
    /// Other rules together do.
    Nothing,
    /// There may be one all the same.
    Unknown,
}

impl Witness {
    /// The request itself, without credentials. `source` tells where it comes from.
    #[must_use]
    pub fn request<'w>(&'w self, source: &'w dyn Fn() -> Option<IpAddr>) -> Request<'w> {
        Request {
            method: Some(&self.method),
            authority: Some(&self.authority),
            path: Some(&self.path),
            source: SourceAddress::new(source),
            ..Request::default()
        }
    }
}

impl Policy {
    /// An ordinary request that this rule of `basic_auth_rules` decides, if one is found.
    #[must_use]
    pub fn witness(&self, rule: usize) -> Option<Witness> {
        let examples = self.rules.get(rule)?.scope.path.examples();
        examples
            .iter()
            .find_map(|path| self.witness_for(rule, path))
    }

    /// The same with this path.
    pub(crate) fn witness_for(&self, rule: usize, path: &[u8]) -> Option<Witness> {
        let scope = &self.rules.get(rule)?.scope;
        let source = scope.sources.first().map(ipnet::IpNet::addr);
        for authority in scope.example_authorities() {
            for method in scope.methods.examples() {
                let witness = Witness {
                    method,
                    authority: authority.clone(),
                    path: path.to_vec(),
                    source,
                };
                if self.is_decided_by(rule, &witness) {
                    return Some(witness);
                }
            }
        }
        None
    }

    fn is_decided_by(&self, index: usize, witness: &Witness) -> bool {
        match self.selected_for(witness) {
            // Where all decide, what two rules exempt, each does.
            (Selected::Exemption(exemption), _) => {
                exemption == index
                    || self.options.selection == Selection::All && self.is_exempt(index)
            }
            (Selected::Protections, deciding) => deciding.contains(&index),
        }
    }

    /// Whether no rule applies to a request, so that it passes.
    #[cfg(feature = "analysis")]
    pub(crate) fn is_open(&self, witness: &Witness) -> bool {
        let (selected, deciding) = self.selected_for(witness);
        matches!(selected, Selected::Protections) && deciding.is_empty()
    }

    fn selected_for(&self, witness: &Witness) -> (Selected, Vec<usize>) {
        let (source, mut buffer) = (|| witness.source, Vec::new());
        let request = witness.request(&source);
        let subject = self.subject(&request, &mut buffer);
        let (mut candidates, mut deciding) = (Vec::new(), Vec::new());
        self.index.candidates(&subject, &mut candidates);
        let selected = self.select(&subject, &candidates, &mut deciding);
        (selected, deciding)
    }

    pub(crate) fn is_exempt(&self, index: usize) -> bool {
        let rule = self.rules.get(index);
        rule.is_some_and(|rule| rule.protection().is_none())
    }

    /// Why a rule decides nothing; `None` if it has a witness.
    pub(crate) fn idle(&self, index: usize) -> Option<Idle> {
        let rule = self.rules.get(index)?;
        if self.witness(index).is_some() {
            return None;
        }
        let goes_first = |other: usize| match self.options.selection {
            Selection::All => self.is_exempt(other),
            Selection::First => other < index,
        };
        let mut others = self.rules.iter().enumerate();
        let covering = others.find(|(other, by)| {
            *other != index && goes_first(*other) && by.scope.covers(&rule.scope)
        });
        Some(match covering {
            Some((other, _)) => Idle::Covered(other),
            None if rule.scope.is_finite() => Idle::Nothing,
            None => Idle::Unknown,
        })
    }
}
