//! A request that a rule decides, or why there is none.

use crate::matching::{Certainty, Host, Readings, Scope, SourceAddress, Subject};
use crate::policy::{Policy, Selected, Selection};
use crate::rule::Rule;
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

impl Policy {
    /// An ordinary request that this rule of `basic_auth_rules` decides, if one is found.
    #[must_use]
    pub fn witness(&self, rule: usize) -> Option<Witness> {
        let scope = &self.rules.get(rule)?.scope;
        let source = scope.sources.first().map(ipnet::IpNet::addr);
        for path in scope.path.examples() {
            for authority in scope.example_authorities() {
                for method in scope.methods.examples() {
                    let witness = Witness {
                        method,
                        authority: authority.clone(),
                        path: path.clone(),
                        source,
                    };
                    if self.is_decided_by(rule, scope, &witness) {
                        return Some(witness);
                    }
                }
            }
        }
        None
    }

    fn is_decided_by(&self, rule: usize, scope: &Scope, witness: &Witness) -> bool {
        let (ask, mut buffer) = (|| witness.source, Vec::new());
        let subject = Subject {
            readings: Readings::of(Some(&witness.path)),
            host: Host::of(Some(&witness.authority), &mut buffer),
            method: Some(&witness.method),
            source: &SourceAddress::new(&ask),
        };
        if scope.matches(&subject) != Some(Certainty::Certain) {
            return false;
        }
        let (mut candidates, mut deciding) = (Vec::new(), Vec::new());
        self.index.candidates(&subject, &mut candidates);
        match self.select(&subject, &candidates, &mut deciding) {
            Selected::Exemption(exemption) => exemption == rule,
            Selected::Protections => deciding.contains(&rule),
        }
    }

    /// Why a rule without a witness decides nothing. An exemption needs none where all rules decide:
    /// what two of them exempt, each does.
    pub(crate) fn idle(&self, index: usize) -> Option<Idle> {
        let rule = self.rules.get(index)?;
        let is_exempt = rule.protection().is_none();
        if is_exempt && self.options.selection == Selection::All || self.witness(index).is_some() {
            return None;
        }
        let goes_first = |other: usize, rule: &Rule| match self.options.selection {
            Selection::All => rule.protection().is_none(),
            Selection::First => other < index,
        };
        let mut others = self.rules.iter().enumerate();
        let covering = others
            .find(|(other, by)| goes_first(*other, by) && by.scope.covers(&rule.scope));
        Some(match covering {
            Some((other, _)) => Idle::Covered(other),
            None if rule.scope.is_finite() => Idle::Nothing,
            None => Idle::Unknown,
        })
    }
}
