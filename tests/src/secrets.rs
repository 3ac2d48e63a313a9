//! What must not be in a log: every octet run of a secret.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;
use std::collections::BTreeSet;

use crate::corpus::{Case, Refused};
use crate::host::Log;

/// Longer secrets must not show a part of this length either.
const RUN: usize = 8;
/// Shorter ones, such as `x` and `word`, are in many words.
const SHORTEST: usize = 5;

/// What must not be in a log.
#[derive(Debug, Default)]
pub struct Secrets(BTreeSet<Vec<u8>>);

impl Secrets {
    /// Adds a secret.
    pub fn add(&mut self, secret: &[u8]) {
        if (SHORTEST..=RUN).contains(&secret.len()) {
            self.0.insert(secret.to_vec());
        }
        // Long runs of one letter are in the corpus to be long.
        let runs = secret.windows(RUN).take(500);
        self.0.extend(runs.map(<[u8]>::to_vec));
    }

    /// What a configuration says of users: passwords, hashes, and base64 of both.
    fn add_configuration(&mut self, text: &str) {
        // What is no JSON has its secrets listed in the corpus.
        if let Ok(value) = serde_json::from_str::<Value>(text) {
            self.add_rule(&value);
            let rules = value["basic_auth_rules"].as_array();
            rules
                .into_iter()
                .flatten()
                .for_each(|rule| self.add_rule(rule));
        }
    }

    fn add_rule(&mut self, value: &Value) {
        for credential in value["credentials"].as_array().into_iter().flatten() {
            let text = credential.as_str().unwrap_or_default();
            self.add_credentials(text.as_bytes());
            self.add_token(text.as_bytes());
        }
        self.add_htpasswd(value["users"].as_str().unwrap_or_default());
        for line in value["users"].as_array().into_iter().flatten() {
            self.add_htpasswd(line.as_str().unwrap_or_default());
        }
    }

    fn add_htpasswd(&mut self, text: &str) {
        for (_, hash) in text.lines().filter_map(|line| line.split_once(':')) {
            // Names of formats and costs are in errors on purpose; salt and digest are not.
            match hash.trim().split_once(['}', '$']) {
                Some(("", named)) => {
                    let parts = named.split('$').skip(1).filter(|part| !part.contains(','));
                    parts.for_each(|part| self.add(part.as_bytes()));
                }
                Some((_, digest)) => self.add(digest.as_bytes()),
                None => self.add(hash.as_bytes()),
            }
        }
    }

    /// The password of `user:password`.
    fn add_credentials(&mut self, text: &[u8]) {
        if let Some(colon) = text.iter().position(|octet| *octet == b':') {
            self.add(&text[colon + 1..]);
        }
    }

    /// Base64 as it is sent or configured, and what is in it.
    fn add_token(&mut self, token: &[u8]) {
        if token.len() > SHORTEST {
            self.add(token);
            self.add_credentials(&STANDARD.decode(token).unwrap_or_default());
        }
    }

    fn add_field_value(&mut self, value: &[u8]) {
        let token = value.split(|octet| *octet == b' ').next_back();
        self.add_token(token.unwrap_or_default());
    }

    /// Those of a case: of its configuration, and of what clients send.
    #[must_use]
    pub fn of_case(case: &Case) -> Secrets {
        let mut secrets = Secrets::default();
        secrets.add_configuration(&case.configuration);
        case.environment
            .values()
            .for_each(|text| secrets.add_htpasswd(text));
        for (name, value) in case.requests.iter().flat_map(|request| &request.fields) {
            if name.to_ascii_lowercase().contains("auth") {
                secrets.add_field_value(value);
            }
        }
        secrets
    }

    /// Those of a configuration that is refused.
    #[must_use]
    pub fn of_refused(refused: &Refused) -> Secrets {
        let mut secrets = Secrets::default();
        secrets.add_configuration(&refused.configuration);
        refused
            .environment
            .values()
            .for_each(|text| secrets.add_htpasswd(text));
        refused
            .secrets
            .iter()
            .for_each(|secret| secrets.add(secret.as_bytes()));
        secrets
    }

    /// The first secret in a text.
    fn find(&self, text: &str) -> Option<String> {
        let text = text.as_bytes();
        // No secret is longer.
        let first = |length| text.windows(length).find(|part| self.0.contains(*part));
        let secret = (SHORTEST..=RUN).find_map(first);
        secret.map(|secret| String::from_utf8_lossy(secret).into_owned())
    }
}

/// The lines of a log.
#[must_use]
pub fn text(logs: Vec<Log>) -> String {
    let lines: Vec<String> = logs.into_iter().map(|log| log.text).collect();
    lines.join("\n")
}

/// Panics if a secret is in a log.
#[track_caller]
pub fn assert_kept(secrets: &Secrets, log: &str, place: &str) {
    if let Some(secret) = secrets.find(log) {
        panic!("{place}: the secret {secret:?} is in the log:\n{log}");
    }
}
