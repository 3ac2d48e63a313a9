//! What a case expects, and how that differs from what was observed.

use crate::{
    challenge,
    observed::{Observed, Seen},
    octets,
};
use serde::Deserialize;
use std::{collections::BTreeMap, fmt};

/// Why a request is denied. The texts are a contract with the operator's log queries, and the
/// first and fifth with Istio's extension: they are written here a second time on purpose.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are those of the core's `Denial`")]
pub enum Denial {
    NoCredentials,
    SeveralCredentials,
    OtherScheme,
    Malformed,
    Mismatch,
    PasswordTooLong,
    Forbidden,
    Overloaded,
    InsecureTransport,
}

impl Denial {
    /// Every reason and its response code details.
    pub const ALL: [(Denial, &'static str); 9] = [
        (
            Denial::NoCredentials,
            "Request denied by Basic Auth check. No Basic Authentication information found.",
        ),
        (
            Denial::SeveralCredentials,
            "Request denied by Basic Auth check. Several credentials",
        ),
        (
            Denial::OtherScheme,
            "Request denied by Basic Auth check. Other authentication scheme",
        ),
        (
            Denial::Malformed,
            "Request denied by Basic Auth check. Malformed credentials",
        ),
        (
            Denial::Mismatch,
            "Request denied by Basic Auth check. Invalid username and/or password",
        ),
        (
            Denial::PasswordTooLong,
            "Request denied by Basic Auth check. Password too long",
        ),
        (
            Denial::Forbidden,
            "Request denied by Basic Auth check. User not allowed",
        ),
        (
            Denial::Overloaded,
            "Request denied by Basic Auth check. Verification budget exhausted",
        ),
        (
            Denial::InsecureTransport,
            "Request denied by Basic Auth check. Redirected to HTTPS",
        ),
    ];

    /// The reason that response code details state, as the module writes them.
    #[must_use]
    pub fn of_details(details: &[u8]) -> Option<Denial> {
        Denial::ALL
            .iter()
            .find(|(_, text)| text.as_bytes() == details)
            .map(|(denial, _)| *denial)
    }

    /// The reason that response code details state, as Envoy writes them: without blanks.
    #[must_use]
    pub fn of_envoy_details(details: &[u8]) -> Option<Denial> {
        let is_it = |text: &str| text.replace(' ', "_").as_bytes() == details;
        Denial::ALL
            .iter()
            .find(|(_, text)| is_it(text))
            .map(|(denial, _)| *denial)
    }

    fn can_have(self, status: u32) -> bool {
        match self {
            Denial::Forbidden => status == 403,
            Denial::Overloaded => status == 503,
            Denial::InsecureTransport => matches!(status, 301 | 308),
            _ => matches!(status, 401 | 407),
        }
    }
}

/// Why a request is let through.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are those of the core's `Allowance`")]
pub enum Allowance {
    Unmatched,
    Exempt,
    Preflight,
    Missing,
    Authenticated,
    DryRun,
}

/// What must come of a request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// 200: it reaches the upstream.
    pub status: u32,
    denial: Option<Denial>,
    allowance: Option<Allowance>,
    realm: Option<String>,
    challenge: Option<String>,
    location: Option<String>,
    user: Option<String>,
    #[serde(default)]
    upstream: BTreeMap<String, String>,
    #[serde(default)]
    not_upstream: Vec<String>,
}

impl Expect {
    /// What no request could fulfil.
    pub(super) fn mistake(&self) -> Option<&'static str> {
        let is_denied = self.status != 200;
        if ![200, 301, 308, 401, 403, 407, 503].contains(&self.status) {
            return Some("`status` is 200, 301, 308, 401, 403, 407 or 503");
        }
        if !self.is_challenged() && (self.realm.is_some() || self.challenge.is_some()) {
            return Some("only 401 and 407 have a challenge");
        }
        if self
            .denial
            .is_some_and(|denial| is_denied && !denial.can_have(self.status))
        {
            return Some("`denial` has another status");
        }
        if !is_denied && self.denial.is_some() && self.allowance != Some(Allowance::DryRun) {
            return Some("`denial` of a request that is let through, and not as a dry run");
        }
        if matches!(self.status, 301 | 308) != self.location.is_some() {
            return Some("a redirect has a `location`, and nothing else has");
        }
        if is_denied && self.allowance.is_some() {
            return Some("`allowance` of a request that is denied");
        }
        if is_denied && !(self.upstream.is_empty() && self.not_upstream.is_empty()) {
            return Some("a denied request has no upstream");
        }
        None
    }

    fn is_challenged(&self) -> bool {
        matches!(self.status, 401 | 407)
    }

    /// How what was observed differs, line by line.
    #[must_use]
    pub fn differences(&self, observed: &Observed) -> Vec<String> {
        let mut differences = Differences(Vec::new());
        if self.status != observed.status {
            differences.push(&format!("status {}", self.status), &observed.to_string());
            return differences.0;
        }
        differences.seen("denial", self.denial.map(Some).as_ref(), &observed.denial);
        differences.seen(
            "allowance",
            self.allowance.map(Some).as_ref(),
            &observed.allowance,
        );
        let user = self.user.as_deref().map(|user| Some(Octets(parsed(user))));
        let seen_user = observed.user.map(|user| user.clone().map(Octets));
        differences.seen("user", user.as_ref(), &seen_user);
        let location = self.location.as_deref().map(parsed);
        if location != observed.location {
            let seen = observed.location.clone().map(Octets);
            differences.push(
                &format!("location {:?}", self.location),
                &format!("{seen:?}"),
            );
        }
        self.compare_challenge(observed, &mut differences);
        self.compare_upstream(observed, &mut differences);
        differences.0
    }

    fn compare_challenge(&self, observed: &Observed, differences: &mut Differences) {
        let shown = observed
            .challenge
            .as_deref()
            .map_or("none".into(), octets::display);
        let Some(challenge) = &observed.challenge else {
            if self.is_challenged() {
                differences.push("a challenge", "none");
            }
            return;
        };
        if !self.is_challenged() {
            differences.push("no challenge", &shown);
        }
        if self
            .challenge
            .as_ref()
            .is_some_and(|c| parsed(c) != *challenge)
        {
            differences.push(&format!("challenge {:?}", self.challenge), &shown);
        }
        match challenge::realm(challenge) {
            Err(mistake) => {
                differences.push("a well-formed challenge", &format!("{shown}: {mistake}"))
            }
            Ok(realm) => {
                if self.realm.as_ref().is_some_and(|r| parsed(r) != realm) {
                    differences.push(&format!("realm {:?}", self.realm), &shown);
                }
            }
        }
    }

    fn compare_upstream(&self, observed: &Observed, differences: &mut Differences) {
        let Seen::Seen(fields) = &observed.upstream else {
            return;
        };
        let values = |name: &str| -> Vec<Octets> {
            let is_it = |field: &&(Vec<u8>, Vec<u8>)| field.0.eq_ignore_ascii_case(name.as_bytes());
            fields
                .iter()
                .filter(is_it)
                .map(|(_, value)| Octets(value.clone()))
                .collect()
        };
        for (name, value) in &self.upstream {
            let (expected, seen) = (vec![Octets(parsed(value))], values(name));
            if expected != seen {
                differences.push(
                    &format!("upstream `{name}` {expected:?}"),
                    &format!("{seen:?}"),
                );
            }
        }
        for name in &self.not_upstream {
            let seen = values(name);
            if !seen.is_empty() {
                differences.push(&format!("no `{name}` upstream"), &format!("{seen:?}"));
            }
        }
    }
}

struct Differences(Vec<String>);

impl Differences {
    fn push(&mut self, expected: &str, observed: &str) {
        self.0.push(format!("expected {expected}"));
        self.0.push(format!("got      {observed}"));
    }

    fn seen<T: PartialEq + fmt::Debug>(
        &mut self,
        what: &str,
        expected: Option<&T>,
        seen: &Seen<T>,
    ) {
        if let (Some(expected), Seen::Seen(seen)) = (expected, seen)
            && expected != seen
        {
            self.push(&format!("{what} {expected:?}"), &format!("{seen:?}"));
        }
    }
}

/// Octets that show themselves in the notation of cases.
#[derive(PartialEq)]
struct Octets(Vec<u8>);

impl fmt::Debug for Octets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", octets::display(&self.0))
    }
}

/// Expected octets. A malformed escape equals nothing that was observed.
fn parsed(text: &str) -> Vec<u8> {
    octets::parse(text).unwrap_or_else(|mistake| mistake.into_bytes())
}
