//! The rules together, and the decision on a request.

use crate::decision::{Allowance, Decision, Denial, Denied};
use crate::matching::{self, Certainty, Host, Index, Readings, Subject};
use crate::password::Format;
use crate::redirect::Redirect;
use crate::request::{Credentials, CredentialsError, FieldNames, FieldValues, Request};
use crate::rule::{Effect, Rule};
use crate::trace::{Trace, Untraced};
use crate::verify::{Held, Worker, WorkerLimits};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

mod admission;
mod memory;

/// A configuration that holds: what is protected, for whom, and how.
#[derive(Debug)]
pub struct Policy {
    pub(crate) rules: Vec<Rule>,
    pub(crate) index: Index,
    pub(crate) options: Options,
    /// How many users have a hash of each format.
    pub(crate) formats: Vec<(Format, usize)>,
    pub(crate) warnings: Vec<String>,
}

/// What holds for all rules.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) selection: Selection,
    pub(crate) field_names: FieldNames,
    /// In lower case.
    pub(crate) forward_username_header: Option<String>,
    pub(crate) hides_credentials: bool,
    pub(crate) emits_filter_state: bool,
    pub(crate) allows_cors_preflight: bool,
    pub(crate) is_dry_run: bool,
    pub(crate) redirects_to_https: bool,
    pub(crate) stat_prefix: Option<String>,
    pub(crate) limits: WorkerLimits,
}

/// Which of the rules that apply decide: the configuration's `rule_selection`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Selection {
    /// All of them must accept.
    #[default]
    All,
    /// The first.
    First,
}

impl Policy {
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
            .filter(|rule| rule.protection().is_none())
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

    /// The names of the fields that a decision looks at.
    #[must_use]
    pub fn field_names(&self) -> &FieldNames {
        &self.options.field_names
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

    /// What tells this plugin's counters from those of others.
    #[must_use]
    pub fn stat_prefix(&self) -> Option<&str> {
        self.options.stat_prefix.as_deref()
    }

    /// Whether nothing is denied.
    #[must_use]
    pub fn is_dry_run(&self) -> bool {
        self.options.is_dry_run
    }

    /// Whether the user's name is to be put into filter state.
    #[must_use]
    pub fn emits_filter_state(&self) -> bool {
        self.options.emits_filter_state
    }

    /// How much a worker may remember and compute under this policy.
    #[must_use]
    pub fn worker_limits(&self) -> WorkerLimits {
        self.options.limits
    }

    /// Decides a request. The order of the steps is part of the contract: see the documentation.
    #[inline]
    pub fn decide<'p>(&'p self, request: &Request<'_>, worker: &mut Worker) -> Decision<'p> {
        worker.verifications.request_came();
        self.decide_traced(request, worker, &mut Untraced)
    }

    /// Decides a request, and tells the steps to `trace`.
    #[inline]
    pub(crate) fn decide_traced<'p>(
        &'p self,
        request: &Request<'_>,
        worker: &mut Worker,
        trace: &mut impl Trace,
    ) -> Decision<'p> {
        match self.judge(request, worker, trace) {
            Ok(allowance) => Decision::Allow(allowance),
            Err(Stop::Held(held)) => Decision::Hold(held),
            Err(Stop::Denied(denied)) if self.options.is_dry_run => {
                Decision::Allow(Allowance::DryRun(denied))
            }
            Err(Stop::Denied(denied)) => Decision::Deny(denied),
        }
    }

    /// Decides a request again that was held, by the same steps, with what was found for it meanwhile.
    pub fn resume<'p>(
        &'p self,
        request: &Request<'_>,
        worker: &mut Worker,
        held: Held,
    ) -> Decision<'p> {
        worker.verifications.set_current(Some(held));
        let decision = self.decide_traced(request, worker, &mut Untraced);
        worker.verifications.set_current(None);
        decision
    }

    #[inline]
    fn judge<'p>(
        &'p self,
        request: &Request<'_>,
        worker: &mut Worker,
        trace: &mut impl Trace,
    ) -> Result<Allowance<'p>, Stop<'p>> {
        let subject = self.subject(request, &mut worker.host);
        trace.subject(&subject);
        self.index.candidates(&subject, &mut worker.candidates);
        let selected = self.select(&subject, &worker.candidates, &mut worker.deciding);
        if let Selected::Exemption(index) = selected {
            trace.selected(Some(index), &worker.deciding);
            return Ok(Allowance::Exempt);
        }
        trace.selected(None, &worker.deciding);
        if worker.deciding.is_empty() {
            return Ok(Allowance::Unmatched);
        }
        if self.options.allows_cors_preflight && is_preflight(request) {
            return Ok(Allowance::Preflight);
        }
        if self.options.redirects_to_https
            && let Some(redirect) = self.redirect(request, &worker.deciding)
        {
            return Err(Stop::Denied(redirect));
        }
        self.authenticate(request, worker, trace)
    }

    /// Over plain HTTP, no password is asked for in clear text. A request that cannot be told where to
    /// go is asked for it all the same: nothing passes by this.
    fn redirect<'p>(&'p self, request: &Request<'_>, deciding: &[usize]) -> Option<Denied<'p>> {
        let index = *deciding.first()?;
        let protection = self.rules.get(index).and_then(Rule::protection)?;
        if !request.scheme?.eq_ignore_ascii_case(b"http") {
            return None;
        }
        Some(Denied {
            denial: Denial::InsecureTransport,
            rule: index,
            challenger: self.options.field_names.challenger(),
            realm: &protection.realm,
            retry_after: Duration::ZERO,
            redirect: Some(Redirect::of(request)?),
            user: None,
        })
    }

    #[inline]
    pub(crate) fn subject<'r>(
        &self,
        request: &'r Request<'_>,
        host: &'r mut Vec<u8>,
    ) -> Subject<'r> {
        Subject {
            readings: readings(request),
            host: self.host(request, host),
            method: method(request),
            source: &request.source,
        }
    }

    #[inline]
    fn host<'r>(&self, request: &Request<'_>, buffer: &'r mut Vec<u8>) -> Host<'r> {
        if self.index.is_for_any_host() || request.path.is_some_and(matching::names_authority) {
            return Host::Any;
        }
        let host = Host::of(request.authority, buffer);
        if request.other_authorities.is_empty() {
            host
        } else {
            host.or(&request.other_authorities)
        }
    }

    /// Selects the rules that decide. Under `first`, a rule that applies in some readings only does
    /// not end the search: otherwise a lax rule could be reached by a spelling that the upstream
    /// takes for what a stricter one protects.
    #[inline]
    pub(crate) fn select(
        &self,
        subject: &Subject<'_>,
        candidates: &[usize],
        deciding: &mut Vec<usize>,
    ) -> Selected {
        deciding.clear();
        let decides_alone = self.options.selection == Selection::First;
        for &index in candidates {
            let Some(rule) = self.rules.get(index) else {
                continue;
            };
            match (rule.scope.matches(subject), &rule.effect) {
                (Some(Certainty::Certain), Effect::Exempt) => {
                    if deciding.is_empty() || !decides_alone {
                        return Selected::Exemption(index);
                    }
                    return Selected::Protections;
                }
                (Some(certainty), Effect::Protect(_)) => {
                    deciding.push(index);
                    if decides_alone && certainty == Certainty::Certain {
                        return Selected::Protections;
                    }
                }
                (None | Some(Certainty::Possible), _) => {}
            }
        }
        Selected::Protections
    }

    /// Asks every rule that decides; the first that refuses answers.
    #[inline]
    fn authenticate<'p>(
        &'p self,
        request: &Request<'_>,
        worker: &mut Worker,
        trace: &mut impl Trace,
    ) -> Result<Allowance<'p>, Stop<'p>> {
        let credentials = Credentials::parse(request.credentials, &mut worker.buffer);
        let record = match credentials {
            Err(CredentialsError::Absent) => request.memory.record(),
            _ => None,
        };
        let mut passed = Allowance::Missing;
        for &index in &worker.deciding {
            let Some(protection) = self.rules.get(index).and_then(Rule::protection) else {
                continue;
            };
            let admitted = match protection.recognise(record.as_ref()) {
                Some(user) => protection.let_in(user).map(Some),
                None => {
                    let verifications = &mut worker.verifications;
                    protection.admit(credentials, &request.source, verifications, trace)
                }
            };
            trace.admitted(
                index,
                admitted.as_ref().map_err(|objection| objection.denial),
            );
            match admitted {
                Ok(user) => passed = user.map_or(passed, Allowance::Authenticated),
                Err(objection) => {
                    // With nothing to wait for, it is denied as overloaded.
                    let held = worker.verifications.take_pending();
                    let denied = Denied {
                        denial: objection.denial,
                        rule: index,
                        challenger: self.options.field_names.challenger(),
                        realm: &protection.realm,
                        retry_after: objection.retry_after,
                        redirect: None,
                        user: objection.user,
                    };
                    return Err(held.map_or(Stop::Denied(denied), Stop::Held));
                }
            }
        }
        if record.is_some() {
            // Nothing was proved now, also not to a rule that lets missing credentials pass: the record stays as it is.
            worker.deciding.clear();
        }
        Ok(passed)
    }
}

/// The method, if it is known: which of the two the upstream acts on where one is overridden is not.
#[inline]
fn method<'r>(request: &Request<'r>) -> Option<&'r [u8]> {
    request.method.filter(|_| !request.overrides_method)
}

/// What the request may be for: its path and, where it copies, the one that is written to.
#[inline]
fn readings<'r>(request: &Request<'r>) -> Readings<'r> {
    let path = Readings::of(request.path.filter(|_| !request.overrides_path));
    let copies = |method: &[u8]| {
        [b"COPY", b"MOVE"]
            .iter()
            .any(|name| method.eq_ignore_ascii_case(*name))
    };
    match request.destination {
        FieldValues::Absent => path,
        _ if method(request).is_some_and(|method| !copies(method)) => path,
        FieldValues::One(destination) => path.and(&Readings::of_url(destination)),
        FieldValues::Several => Readings::Any,
    }
}

/// What was selected to decide a request.
pub(crate) enum Selected {
    /// This rule exempts the request.
    Exemption(usize),
    /// The rules that were put down as deciding; none if none applies.
    Protections,
}

/// Why a request does not pass now.
enum Stop<'p> {
    Denied(Denied<'p>),
    Held(Held),
}

/// A CORS preflight has no credentials and asks for leave (Fetch standard, 3.2.2).
fn is_preflight(request: &Request<'_>) -> bool {
    request.is_cors_preflight && !request.overrides_method && request.method == Some(b"OPTIONS")
}

#[cfg(test)]
mod tests;
