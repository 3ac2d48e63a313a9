//! Why a request is answered as it is.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use basic_auth::{
    Allowance, Decision, Denial, Denied, Explanation, Match, Policy, Request, Role,
    RuleExplanation, SourceAddress,
};
use serde_json::{Value, json};

use crate::summary::worker;

/// A request that is asked about.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Inquiry {
    method: String,
    scheme: Option<String>,
    authority: Option<String>,
    /// Where it comes from.
    pub remote_ip: Option<IpAddr>,
    path: String,
    /// The user who sends it, with the right password.
    pub user: Option<String>,
    headers: Vec<(String, String)>,
}

/// What would be answered, and why.
#[derive(Debug)]
pub struct Answer<'p> {
    decision: Decision<'p>,
    explanation: Explanation,
}

impl Inquiry {
    /// A request with this method and URL, or path.
    ///
    /// # Errors
    /// What is wrong with them, in a line.
    pub fn new(method: &str, url: &str) -> Result<Self, String> {
        if !is_token(method) {
            return Err("the method must be one word, such as `GET` (RFC 9110, 9.1)".to_owned());
        }
        if url.chars().any(|character| character.is_ascii_control()) {
            return Err("the URL has a control character; write it percent-encoded".to_owned());
        }
        let inquiry = Self {
            method: method.to_owned(),
            ..Self::default()
        };
        if url.starts_with('/') {
            return Ok(Self {
                path: url.to_owned(),
                ..inquiry
            });
        }
        let Some((scheme, rest)) = url.split_once("://") else {
            return Err("the URL needs a scheme, such as `https://example.com/admin`; or give a path that begins with `/`".to_owned());
        };
        // As it stands: what a browser would tidy up is what a bypass is made of.
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let path = if path.starts_with('/') {
            path.to_owned()
        } else {
            format!("/{path}")
        };
        Self {
            path,
            authority: Some(authority.to_owned()),
            ..inquiry
        }
        .with_scheme(scheme)
    }

    /// The same to this host.
    #[must_use]
    pub fn with_host(self, host: &str) -> Self {
        Self {
            authority: Some(host.to_owned()),
            ..self
        }
    }

    /// The same over this scheme.
    ///
    /// # Errors
    /// Another scheme than `http` and `https`.
    pub fn with_scheme(self, scheme: &str) -> Result<Self, String> {
        let scheme = scheme.to_ascii_lowercase();
        if scheme != "http" && scheme != "https" {
            return Err("the scheme must be `http` or `https`".to_owned());
        }
        Ok(Self {
            scheme: Some(scheme),
            ..self
        })
    }

    /// The same with another header field, written `name: value`.
    ///
    /// # Errors
    /// What is no header field.
    pub fn with_header(mut self, field: &str) -> Result<Self, String> {
        let (name, value) = field
            .split_once(':')
            .ok_or("a header is written `name: value`")?;
        if !is_token(name) {
            return Err("a header's name must be one word, such as `x-forwarded-host`".to_owned());
        }
        self.headers
            .push((name.to_ascii_lowercase(), value.trim().to_owned()));
        Ok(self)
    }

    /// Has the policy decide.
    ///
    /// # Errors
    /// A user beside credentials.
    pub fn ask<'p>(&self, policy: &'p Policy) -> Result<Answer<'p>, String> {
        let field = policy.field_names().authentication_header();
        if self.user.is_some() && self.headers.iter().any(|(name, _)| name == field) {
            return Err(format!("a user and `{field}` are given; give one"));
        }
        let credentials = self
            .user
            .as_ref()
            .map(|user| format!("Basic {}", STANDARD.encode(format!("{user}:the right one"))));
        let pseudo = [
            (":method", Some(&self.method)),
            (":scheme", self.scheme.as_ref()),
            (":authority", self.authority.as_ref()),
            (":path", Some(&self.path)),
            (field, credentials.as_ref()),
        ];
        let pseudo = pseudo
            .into_iter()
            .filter_map(|(name, value)| Some((name.as_bytes(), value?.as_bytes())));
        let headers = self
            .headers
            .iter()
            .map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        let mut request = Request::of(pseudo.chain(headers), policy.field_names());
        let source = || self.remote_ip;
        request.source = SourceAddress::new(&source);
        let user = self.user.as_ref().map(String::as_bytes);
        let (decision, explanation) = policy.explain(&request, &mut worker(policy), user);
        Ok(Answer {
            decision,
            explanation,
        })
    }
}

/// RFC 9110, 5.6.2.
fn is_token(text: &str) -> bool {
    let is_token = |octet: u8| octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&octet);
    !text.is_empty() && text.bytes().all(is_token)
}

impl Answer<'_> {
    /// For other programs.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let texts = |all: &[Vec<u8>]| {
            all.iter()
                .map(|one| String::from_utf8_lossy(one).into_owned())
                .collect::<Vec<_>>()
        };
        let rules = self.explanation.rules.iter().map(|rule| {
            json!({"role": role(rule.role), "host": word(rule.host), "method": word(rule.method),
                "path": word(rule.path), "remote_ip": word(rule.source), "readings": rule.matched_readings,
                "denial": rule.denial.map(Denial::name),
                "user": rule.user.as_ref().map(|user| String::from_utf8_lossy(user))})
        });
        json!({"readings": texts(&self.explanation.readings), "hosts": texts(&self.explanation.hosts),
            "rules": rules.collect::<Vec<_>>(), "answer": self.answer()})
    }

    fn answer(&self) -> Value {
        match &self.decision {
            Decision::Allow(Allowance::DryRun(denied)) => {
                json!({"passes": true, "reason": "dry_run", "would_be": denial(denied)})
            }
            Decision::Allow(Allowance::Authenticated(user)) => {
                json!({"passes": true, "reason": "authenticated", "user": String::from_utf8_lossy(user.as_octets())})
            }
            Decision::Allow(allowance) => json!({"passes": true, "reason": allowance.name()}),
            Decision::Deny(denied) => denial(denied),
            // Its worker holds none.
            Decision::Hold(_) => json!({"passes": false, "reason": "held"}),
        }
    }

    /// For people, a line each.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![self.verdict(), String::new()];
        let readings = &self.explanation.readings;
        if readings.is_empty() {
            lines.push("path: could be any, for some upstream".to_owned());
        }
        for (index, reading) in readings.iter().enumerate() {
            lines.push(format!(
                "path reading {index}: {}",
                String::from_utf8_lossy(reading)
            ));
        }
        let hosts = self
            .explanation
            .hosts
            .iter()
            .map(|host| String::from_utf8_lossy(host));
        let hosts: Vec<_> = hosts.collect();
        if !hosts.is_empty() {
            lines.push(format!("host: {}", hosts.join(", or ")));
        }
        let rules = self.explanation.rules.iter().enumerate();
        lines.extend(rules.map(|(index, rule)| {
            let only = matched_in_words(&rule.matched_readings, readings.len());
            format!("rule {index}: {}{only}", rule_in_words(rule))
        }));
        lines
    }

    fn verdict(&self) -> String {
        match &self.decision {
            Decision::Allow(Allowance::Unmatched) => "passes: no rule applies".to_owned(),
            Decision::Allow(Allowance::Exempt) => "passes: a rule exempts it".to_owned(),
            Decision::Allow(Allowance::Preflight) => "passes: it is a CORS preflight".to_owned(),
            Decision::Allow(Allowance::Missing) => {
                "passes: the rules that apply ask for no credentials of it".to_owned()
            }
            Decision::Allow(Allowance::Authenticated(user)) => {
                format!("passes as {}", String::from_utf8_lossy(user.as_octets()))
            }
            Decision::Allow(Allowance::DryRun(denied)) => {
                format!(
                    "passes, since this is a dry run; else {}",
                    denial_in_words(denied)
                )
            }
            Decision::Allow(_) => "passes".to_owned(),
            Decision::Deny(denied) => denial_in_words(denied),
            Decision::Hold(_) => "waits until the password is verified".to_owned(),
        }
    }
}

fn denial(denied: &Denied<'_>) -> Value {
    json!({"passes": false, "reason": denied.denial.name(), "status": denied.status(), "rule": denied.rule,
        "challenge": denied.challenge().map(|(name, value)| format!("{name}: {value}")), "location": denied.location(),
        "response_code_details": denied.denial.details()})
}

fn denial_in_words(denied: &Denied<'_>) -> String {
    let why = match denied.denial {
        Denial::NoCredentials => "it has no credentials",
        Denial::SeveralCredentials => "it has several credentials",
        Denial::OtherScheme => "its credentials are of another scheme than Basic",
        Denial::Malformed => "its credentials are malformed",
        Denial::Mismatch => "no such user, or another password",
        Denial::Forbidden => "this user may not pass here",
        Denial::InsecureTransport => "it came over plain HTTP",
        _ => denied.denial.name(),
    };
    let with = denied
        .challenge()
        .map(|(name, value)| format!(" with `{name}: {value}`"));
    let with = with.or_else(|| denied.location().map(|location| format!(" to {location}")));
    format!(
        "is answered {}{} by rule {}: {why}",
        denied.status(),
        with.unwrap_or_default(),
        denied.rule
    )
}

fn rule_in_words(rule: &RuleExplanation) -> String {
    let conditions = [
        ("host", rule.host),
        ("method", rule.method),
        ("path", rule.path),
        ("remote_ips", rule.source),
    ];
    let named = |wanted: Match| {
        let names = conditions
            .iter()
            .filter(|(_, found)| *found == wanted)
            .map(|(name, _)| *name);
        names.collect::<Vec<_>>().join(" and ")
    };
    let unsure = named(Match::Possible);
    let unsure = if unsure.is_empty() {
        String::new()
    } else {
        format!(" (by some readings of its {unsure})")
    };
    match rule.role {
        Role::Apart => format!("does not apply: not its {}", named(Match::No)),
        Role::Exempts => "applies and exempts".to_owned(),
        Role::Unsure => format!(
            "would exempt, but does not apply by every reading of its {}",
            named(Match::Possible)
        ),
        Role::Behind => format!("applies{unsure}, but others have decided"),
        _ => format!("applies{unsure} and {}", saying(rule)),
    }
}

/// Which of the path's readings a rule has, if it has some and not all.
fn matched_in_words(matched: &[usize], readings: usize) -> String {
    let numbers: Vec<_> = matched.iter().map(usize::to_string).collect();
    match numbers.as_slice() {
        all if all.is_empty() || all.len() == readings => String::new(),
        [one] => format!("; its path has only reading {one}"),
        some => format!("; its path has only readings {}", some.join(", ")),
    }
}

fn saying(rule: &RuleExplanation) -> String {
    match (&rule.denial, &rule.user) {
        (Some(denial), _) => format!("refuses: {}", denial.name()),
        (None, Some(user)) => format!("accepts {}", String::from_utf8_lossy(user)),
        (None, None) => "protects".to_owned(),
    }
}

fn word(found: Match) -> &'static str {
    match found {
        Match::No => "no",
        Match::Possible => "by some readings",
        Match::Certain => "yes",
    }
}

fn role(role: Role) -> &'static str {
    match role {
        Role::Exempts => "exempts",
        Role::Unsure => "exempts not",
        Role::Decides => "decides",
        Role::Behind => "comes too late",
        _ => "does not apply",
    }
}
