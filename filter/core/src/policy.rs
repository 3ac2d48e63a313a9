//! The rules together, and the decision on a request.

use crate::configuration::{self, ConfigurationError};
use crate::credentials::Credentials;
use crate::credentials_cache::CacheLimits;
use crate::decision::{Allowance, Decision, Denial, Denied};
use crate::host::Host;
use crate::password::Format;
use crate::path::{self, Readings};
use crate::pattern::Effect;
use crate::request::{FieldValues, Request};
use crate::rule::{Certainty, Rule, Subject};
use crate::rule_index::RuleIndex;
use crate::verification_budget::BudgetLimits;
use crate::worker::Worker;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// A configuration that holds: what is protected, for whom, and how.
#[derive(Debug)]
pub struct Policy {
    pub(crate) rules: Vec<Rule>,
    pub(crate) index: RuleIndex,
    pub(crate) options: Options,
    /// How many users have a hash of each format.
    pub(crate) formats: Vec<(Format, usize)>,
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
        configuration::parse(configuration, environment).map_err(|refusal| *refusal)
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

    /// Whether a rule could be about a request with this `:path`, as far as one scan of the path
    /// tells. Where it could not, the decision is [`Allowance::Unmatched`].
    #[must_use]
    pub fn may_be_about(&self, path: &[u8]) -> bool {
        path::plain(path).is_none_or(|path| self.index.may_find(path))
    }

    /// Decides a request. The order of the steps is part of the contract: see the documentation.
    #[inline]
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

    #[inline]
    fn judge<'p>(&'p self, request: &Request<'_>, worker: &mut Worker) -> Judgement<'p> {
        let subject = self.subject(request, &mut worker.host);
        self.index.candidates(&subject, &mut worker.candidates);
        worker.matches.clear();
        for &index in &worker.candidates {
            let Some(rule) = self.rules.get(index) else {
                continue;
            };
            match (rule.matches(&subject), rule.effect) {
                (Some(Certainty::Certain), Effect::Exempt) => {
                    return Ok((Allowance::Exempt, None));
                }
                (Some(certainty), Effect::Protect) => worker.matches.push((index, certainty)),
                _ => {}
            }
        }
        if worker.matches.is_empty() {
            return Ok((Allowance::Unmatched, None));
        }
        if self.options.allows_cors_preflight && is_preflight(request) {
            return Ok((Allowance::Preflight, None));
        }
        self.leave_what_decides(&mut worker.matches);
        self.authenticate(request.credentials, worker)
    }

    #[inline]
    fn subject<'r>(&self, request: &Request<'r>, host: &'r mut Vec<u8>) -> Subject<'r> {
        let host = if self.index.is_for_any_host() {
            Host::Any
        } else {
            Host::of(request.authority, host)
        };
        Subject {
            readings: Readings::of(request.path),
            host,
            // Which of the two the upstream acts on is not known.
            method: request.method.filter(|_| !request.overrides_method),
        }
    }

    /// Leaves the rules that decide. The first rule decides alone only if it is about the request
    /// in every reading: otherwise a lax rule could be reached by a spelling that the upstream
    /// takes for what a stricter one protects.
    fn leave_what_decides(&self, matches: &mut Vec<(usize, Certainty)>) {
        let is_certain = |(_, certainty): &(usize, Certainty)| *certainty == Certainty::Certain;
        if let (Selection::First, Some(first)) =
            (self.options.selection, matches.iter().position(is_certain))
        {
            matches.truncate(first + 1);
        }
    }

    /// Asks every rule that decides; the first that refuses answers.
    #[inline]
    fn authenticate<'p>(&'p self, values: FieldValues<'_>, worker: &mut Worker) -> Judgement<'p> {
        let Worker {
            buffer,
            matches,
            verifications,
            ..
        } = worker;
        let credentials = Credentials::parse(values, buffer);
        let mut passed = (Allowance::Missing, None);
        for &(index, _) in matches.iter() {
            let Some(rule) = self.rules.get(index) else {
                continue;
            };
            let admitted = match credentials {
                Err(Denial::NoCredentials) if rule.allows_missing => continue,
                Err(denial) => Err(denial),
                Ok(credentials) => rule.admit(credentials, verifications),
            };
            let user = admitted.map_err(|denial| Denied {
                denial,
                rule: index,
                realm: &rule.realm,
                retry_after: verifications.retry_after,
            })?;
            passed = (Allowance::Authenticated, Some(user));
        }
        Ok(passed)
    }
}

/// Why a request may pass and whose it is, or why not.
type Judgement<'p> = Result<(Allowance, Option<&'p [u8]>), Denied<'p>>;

/// A CORS preflight has no credentials and asks for leave (Fetch standard, 3.2.2).
fn is_preflight(request: &Request<'_>) -> bool {
    request.is_cors_preflight && !request.overrides_method && request.method == Some(b"OPTIONS")
}
