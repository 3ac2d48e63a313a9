//! The rules together, and the decision on a request.

use crate::configuration::{self, ConfigurationError};
use crate::credentials::Credentials;
use crate::credentials_cache::CacheLimits;
use crate::decision::{Allowance, Decision, Denial, Denied};
use crate::host::Host;
use crate::password::Format;
use crate::path::Readings;
use crate::pattern::Effect;
use crate::request::{FieldValues, Request};
use crate::rule::{Certainty, Rule, Subject};
use crate::rule_index::RuleIndex;
use crate::verification_budget::BudgetLimits;
use crate::worker::Worker;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

/// A configuration that holds: what is protected, for whom, and how.
#[derive(Debug)]
pub struct Policy {
    pub(crate) rules: Vec<Rule>,
    pub(crate) index: RuleIndex,
    pub(crate) options: Options,
    /// How many users have a hash of each format.
    pub(crate) formats: BTreeMap<Format, usize>,
    pub(crate) warnings: Vec<String>,
}

/// What holds for all rules.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) selection: Selection,
    /// In lower case.
    pub(crate) authentication_header: String,
    pub(crate) forward_username_header: Option<String>,
    pub(crate) hides_credentials: bool,
    pub(crate) emits_filter_state: bool,
    pub(crate) allows_cors_preflight: bool,
    pub(crate) is_dry_run: bool,
    pub(crate) cache: CacheLimits,
    pub(crate) budget: BudgetLimits,
}

/// Which of the rules that match decide: the configuration's `rule_selection`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Selection {
    /// All of them must accept.
    #[default]
    All,
    /// The first.
    First,
}

impl Policy {
    /// Reads a plugin configuration (JSON). `environment` looks up a VM environment variable.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place and without any of the configuration's text.
    pub fn parse(
        configuration: &[u8],
        environment: &dyn Fn(&str) -> Option<Vec<u8>>,
    ) -> Result<Self, ConfigurationError> {
        configuration::parse(configuration, environment)
    }

    /// What the operator should know about a configuration that holds, a sentence each.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// What is configured, in a sentence without secrets.
    #[must_use]
    pub fn summary(&self) -> String {
        let exempt = self
            .rules
            .iter()
            .filter(|rule| rule.effect == Effect::Exempt)
            .count();
        let mut summary = format!(
            "{} rules, {exempt} of them exempt; users:",
            self.rules.len()
        );
        for (format, count) in &self.formats {
            summary += &format!(" {count} {format}");
        }
        if self.formats.is_empty() {
            summary += " none";
        }
        if self.options.is_dry_run {
            summary += "; dry run: nothing is denied";
        }
        summary
    }

    /// The name of the field that credentials are read from, in lower case.
    #[must_use]
    pub fn authentication_header(&self) -> &str {
        &self.options.authentication_header
    }

    /// The name of the field that tells the upstream the user's name, in lower case.
    #[must_use]
    pub fn forward_username_header(&self) -> Option<&str> {
        self.options.forward_username_header.as_deref()
    }

    /// Whether the credentials are removed before the request goes upstream.
    #[must_use]
    pub fn hides_credentials(&self) -> bool {
        self.options.hides_credentials
    }

    /// Whether the user's name is to be put into filter state.
    #[must_use]
    pub fn emits_filter_state(&self) -> bool {
        self.options.emits_filter_state
    }

    /// Decides a request. The order of the steps is part of the contract: see the documentation.
    pub fn decide<'p>(&'p self, request: &Request<'_>, worker: &mut Worker) -> Decision<'p> {
        match self.judge(request, worker) {
            Ok((why, user)) => Decision::Allow { why, user },
            Err(denied) if self.options.is_dry_run => Decision::Allow {
                why: Allowance::DryRun(denied.denial),
                user: None,
            },
            Err(denied) => Decision::Deny(denied),
        }
    }

    fn judge<'p>(&'p self, request: &Request<'_>, worker: &mut Worker) -> Judgement<'p> {
        let subject = self.subject(request);
        self.index.candidates(&subject, &mut worker.candidates);
        let matching = |index: &usize| {
            let rule = self.rules.get(*index)?;
            rule.matches(&subject).map(|certainty| Match {
                index: *index,
                rule,
                certainty,
            })
        };
        let matches: Vec<Match<'p>> = worker.candidates.iter().filter_map(matching).collect();
        if matches.iter().any(Match::is_exempt) {
            return Ok((Allowance::Exempt, None));
        }
        let protecting = self.selected(&matches);
        if protecting.is_empty() {
            return Ok((Allowance::Unmatched, None));
        }
        if self.options.allows_cors_preflight && is_preflight(request) {
            return Ok((Allowance::Preflight, None));
        }
        authenticate(&protecting, request.credentials, worker)
    }

    fn subject<'r>(&self, request: &Request<'r>) -> Subject<'r> {
        let host = if self.index.is_for_any_host() {
            Host::Any
        } else {
            Host::of(request.authority)
        };
        Subject {
            readings: Readings::of(request.path),
            host,
            method: request.method,
        }
    }

    /// The rules that decide. The first rule decides alone only if it is about the request in
    /// every reading: otherwise a lax rule could be reached by a spelling that the upstream
    /// takes for what a stricter one protects.
    fn selected<'m, 'p>(&self, matches: &'m [Match<'p>]) -> Vec<&'m Match<'p>> {
        let protecting = matches
            .iter()
            .filter(|found| found.rule.effect == Effect::Protect);
        match self.options.selection {
            Selection::All => protecting.collect(),
            Selection::First => {
                let mut is_decided = false;
                protecting
                    .take_while(|found| {
                        let is_taken = !is_decided;
                        is_decided |= found.certainty == Certainty::Certain;
                        is_taken
                    })
                    .collect()
            }
        }
    }
}

/// Why a request may pass and whose it is, or why not.
type Judgement<'p> = Result<(Allowance, Option<&'p [u8]>), Denied<'p>>;

/// A rule that is about the request.
struct Match<'p> {
    index: usize,
    rule: &'p Rule,
    certainty: Certainty,
}

impl<'p> Match<'p> {
    fn is_exempt(&self) -> bool {
        self.rule.effect == Effect::Exempt && self.certainty == Certainty::Certain
    }

    fn denied(&self, denial: Denial, retry_after: Duration) -> Denied<'p> {
        Denied {
            denial,
            rule: self.index,
            realm: &self.rule.realm,
            retry_after,
        }
    }
}

/// A CORS preflight has no credentials and asks for leave (Fetch standard, 3.2.2).
fn is_preflight(request: &Request<'_>) -> bool {
    request.is_cors_preflight && request.method == Some(b"OPTIONS")
}

/// Asks every rule; the first that refuses answers.
fn authenticate<'p>(
    rules: &[&Match<'p>],
    values: FieldValues<'_>,
    worker: &mut Worker,
) -> Judgement<'p> {
    let credentials = Credentials::parse(values, &mut worker.buffer);
    let mut passed = (Allowance::Missing, None);
    for found in rules {
        match credentials {
            Err(Denial::NoCredentials) if found.rule.allows_missing => {}
            Err(denial) => return Err(found.denied(denial, Duration::ZERO)),
            Ok(credentials) => {
                let admitted = found.rule.admit(credentials, &mut worker.verifications);
                let retry_after = worker.verifications.retry_after;
                let user = admitted.map_err(|denial| found.denied(denial, retry_after))?;
                passed = (Allowance::Authenticated, Some(user));
            }
        }
    }
    Ok(passed)
}
