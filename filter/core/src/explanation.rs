//! Why a request is decided as it is: the steps of the decision itself, for people to read.

use crate::decision::{Decision, Denial, UserName};
use crate::matching::{Certainty, Readings, Scope, SourceAddress, Subject};
use crate::policy::Policy;
use crate::request::Request;
use crate::trace::Trace;
use crate::verify::{Refusal, UserStore, Verifications, Worker};
use alloc::vec::Vec;

/// The steps of one decision.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Explanation {
    /// Every path that an upstream may take the request's for; the first is as it was sent. Empty if
    /// it could be any.
    pub readings: Vec<Vec<u8>>,
    /// Every host that the request could be for; empty if it could be any, or if no rule names one.
    pub hosts: Vec<Vec<u8>>,
    /// What each of the `basic_auth_rules` says, in their order.
    pub rules: Vec<RuleExplanation>,
}

/// What one rule says to a request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RuleExplanation {
    /// Whether its `hosts` have the request's.
    pub host: Match,
    /// Whether its `request_methods` have the request's.
    pub method: Match,
    /// Whether its path has the request's.
    pub path: Match,
    /// The readings, by their index, that the path of a rule has.
    pub matched_readings: Vec<usize>,
    /// Whether its `remote_ips` have the request's.
    pub source: Match,
    /// What it does in the decision.
    pub role: Role,
    /// What it said to the credentials, if it was asked.
    pub denial: Option<Denial>,
    /// Whom it let pass.
    pub user: Option<Vec<u8>>,
}

/// Whether a condition of a rule holds for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    /// By no reading.
    No,
    /// By one reading, and not by another.
    Possible,
    /// By every reading.
    Certain,
}

impl From<Option<Certainty>> for Match {
    fn from(certainty: Option<Certainty>) -> Self {
        match certainty {
            None => Match::No,
            Some(Certainty::Possible) => Match::Possible,
            Some(Certainty::Certain) => Match::Certain,
        }
    }
}

/// What a rule does in a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// It does not apply.
    Apart,
    /// It exempts the request.
    Exempts,
    /// It is an exemption that applies by some readings only, and so does not count.
    Unsure,
    /// It is among the rules that decide.
    Decides,
    /// It applies, but others have decided before it.
    Behind,
}

impl Policy {
    /// Decides a request as [`Policy::decide`] does, and says why. `assumed`: the password of this user
    /// counts as right, whatever it is.
    #[must_use]
    pub fn explain<'p>(
        &'p self,
        request: &Request<'_>,
        worker: &mut Worker,
        assumed: Option<&[u8]>,
    ) -> (Decision<'p>, Explanation) {
        let mut observer = Observer {
            policy: self,
            assumed,
            explanation: Explanation::default(),
        };
        let decision = self.decide_traced(request, worker, &mut observer);
        (decision, observer.explanation)
    }
}

/// Puts the steps down.
struct Observer<'o> {
    policy: &'o Policy,
    assumed: Option<&'o [u8]>,
    explanation: Explanation,
}

impl Trace for Observer<'_> {
    fn subject(&mut self, subject: &Subject<'_>) {
        let readings = subject.readings.iter().map(<[u8]>::to_vec);
        self.explanation.readings = readings.collect();
        let names = subject.host.names().into_iter().flatten();
        self.explanation.hosts = names.map(|name| name.text().to_vec()).collect();
        let rules = self.policy.rules.iter();
        self.explanation.rules = rules.map(|rule| conditions(&rule.scope, subject)).collect();
    }

    fn selected(&mut self, exemption: Option<usize>, deciding: &[usize]) {
        for (index, rule) in self.explanation.rules.iter_mut().enumerate() {
            let is_exemption = self.policy.is_exempt(index);
            rule.role = match rule.applies() {
                Match::No => Role::Apart,
                _ if exemption == Some(index) => Role::Exempts,
                Match::Possible if is_exemption => Role::Unsure,
                // An exemption ends the search, whatever was found before it.
                _ if exemption.is_none() && deciding.contains(&index) => Role::Decides,
                _ => Role::Behind,
            };
        }
    }

    fn admitted(&mut self, rule: usize, admitted: Result<&Option<UserName<'_>>, Denial>) {
        if let Some(explained) = self.explanation.rules.get_mut(rule) {
            explained.denial = admitted.err();
            let user = admitted.ok().copied().flatten();
            explained.user = user.map(|user| user.as_octets().to_vec());
        }
    }

    fn authenticate<'p>(
        &mut self,
        users: &'p UserStore,
        user_name: &[u8],
        password: &[u8],
        source: &SourceAddress<'_>,
        verifications: &mut Verifications,
    ) -> Result<&'p [u8], Refusal> {
        if self.assumed != Some(user_name) {
            return users.authenticate(user_name, password, &|| source.known(), verifications);
        }
        let mut names = users.names();
        names
            .find(|name| *name == user_name && users.accepts(name))
            .ok_or(Refusal::Mismatch)
    }
}

impl RuleExplanation {
    /// Whether the rule applies by all its conditions.
    #[must_use]
    pub fn applies(&self) -> Match {
        let conditions = [self.host, self.method, self.path, self.source];
        if conditions.contains(&Match::No) {
            Match::No
        } else if conditions.contains(&Match::Possible) {
            Match::Possible
        } else {
            Match::Certain
        }
    }
}

/// Whether each condition of a rule holds, by the code that decides it.
fn conditions(scope: &Scope, subject: &Subject<'_>) -> RuleExplanation {
    let readings = subject.readings.iter().enumerate();
    let is_meant = |reading: &[u8]| scope.path.matches(&Readings::One(reading)).is_some();
    RuleExplanation {
        host: scope.host_certainty(subject).into(),
        method: scope.methods.matches(subject.method).into(),
        path: scope.path.matches(&subject.readings).into(),
        matched_readings: readings
            .filter_map(|(index, reading)| is_meant(reading).then_some(index))
            .collect(),
        source: scope.source_certainty(subject).into(),
        role: Role::Apart,
        denial: None,
        user: None,
    }
}
