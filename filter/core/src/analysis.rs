//! What the tools know of a policy and the module has no room for: a request for every rule, or which
//! rules leave it none.

use crate::matching::{Difference, Scope, difference};
use crate::password::Format;
use crate::policy::{Policy, Selection};
use crate::verify::UserStore;
use crate::witness::Witness;
use alloc::collections::BTreeSet;
use alloc::rc::Rc;
use alloc::vec::Vec;

/// What a rule is good for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Effectiveness {
    /// It decides this request, among others.
    Decides(Witness),
    /// These rules, by their index, decide all that it could.
    Covered(Vec<usize>),
    /// Neither was found out.
    Unknown,
}

impl Witness {
    /// A request from anywhere.
    #[must_use]
    pub fn of(method: &[u8], authority: &[u8], path: &[u8]) -> Self {
        Self {
            method: method.to_vec(),
            authority: authority.to_vec(),
            path: path.to_vec(),
            source: None,
        }
    }
}

impl Policy {
    /// How many users have a hash of each format.
    #[must_use]
    pub fn formats(&self) -> &[(Format, usize)] {
        &self.formats
    }

    /// What the rule with this index is good for, by the automata of all rules' paths.
    #[must_use]
    pub fn effectiveness(&self, rule: usize) -> Effectiveness {
        let Some(scope) = self.rules.get(rule).map(|rule| &rule.scope) else {
            return Effectiveness::Unknown;
        };
        let before = self.before(rule, scope);
        if before.is_empty()
            && let Some(witness) = self.witness(rule)
        {
            return Effectiveness::Decides(witness);
        }
        match self.beyond(scope, &before) {
            Some(Difference::Nothing) => Effectiveness::Covered(self.fewest(scope, before)),
            Some(Difference::Paths(paths)) => self
                .witness_among(rule, &paths)
                .or_else(|| self.witness(rule))
                .map_or(Effectiveness::Unknown, Effectiveness::Decides),
            None => self
                .witness(rule)
                .map_or(Effectiveness::Unknown, Effectiveness::Decides),
        }
    }

    /// The rules that go first wherever their paths have a request of this one.
    fn before(&self, rule: usize, scope: &Scope) -> Vec<usize> {
        let goes_first = |other: usize| match self.options.selection {
            Selection::All => self.is_exempt(other) && !self.is_exempt(rule),
            Selection::First => other < rule,
        };
        let others = self.rules.iter().enumerate();
        others
            .filter(|(other, by)| {
                *other != rule && goes_first(*other) && by.scope.covers_beside_path(scope)
            })
            .map(|(other, _)| other)
            .collect()
    }

    fn beyond(&self, scope: &Scope, others: &[usize]) -> Option<Difference> {
        let others = others.iter().filter_map(|other| self.rules.get(*other));
        let paths: Vec<_> = others.map(|other| &other.scope.path).collect();
        difference(&scope.path, &paths)
    }

    /// One rule that covers alone, if there is one.
    fn fewest(&self, scope: &Scope, all: Vec<usize>) -> Vec<usize> {
        let covers =
            |other: &&usize| matches!(self.beyond(scope, &[**other]), Some(Difference::Nothing));
        all.iter()
            .find(covers)
            .map_or_else(|| all.clone(), |one| Vec::from([*one]))
    }

    fn witness_among(&self, rule: usize, paths: &[Vec<u8>]) -> Option<Witness> {
        let mut paths = paths.iter();
        paths.find_map(|path| self.witness_for(rule, path))
    }

    /// The rules that decide a request together, and which nobody can satisfy: there is no user whom
    /// each of them accepts.
    #[must_use]
    pub fn is_for_nobody(&self, rules: &[usize]) -> bool {
        let protections = rules
            .iter()
            .filter_map(|rule| self.rules.get(*rule)?.protection());
        let accepted = protections.map(|protection| {
            let users: &Rc<UserStore> = &protection.users;
            let is_allowed = |name: &&[u8]| {
                let allowed = protection.allowed.as_ref();
                allowed.is_none_or(|allowed| allowed.contains(name)) && users.accepts(name)
            };
            users.names().filter(is_allowed).collect::<BTreeSet<_>>()
        });
        let common = accepted.reduce(|one, other| one.intersection(&other).copied().collect());
        common.is_some_and(|common| common.is_empty())
    }
}
