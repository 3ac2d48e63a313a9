//! What a configuration means, asked of the policy as a client would: who gets in where.

use crate::good::{ACCOUNTS, Account, PLAIN, PROBES, Probe, RULE_OF_PLAIN};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use basic_auth::{Decision, FieldValues, Policy, Request, Worker};
use serde_json::Value;
use std::cell::RefCell;
use std::time::Duration;

/// The probe that everyone of the top level may use.
const OF_EVERYBODY: usize = 1;

pub(crate) struct Meaning<'p> {
    policy: &'p Policy,
    worker: RefCell<Worker>,
    /// As it was configured.
    users: &'p str,
}

impl<'p> Meaning<'p> {
    pub(crate) fn new(policy: &'p Policy, users: &'p str) -> Self {
        let worker = Worker::new(policy.worker_limits(), [7; 32], || Duration::ZERO);
        Self {
            policy,
            worker: RefCell::new(worker),
            users,
        }
    }

    /// Whether a request passes, with or without credentials.
    fn passes(&self, probe: &Probe, credentials: Option<(&str, &str)>) -> bool {
        let field = credentials.map(|(user, password)| {
            format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
        });
        let request = Request {
            method: Some(b"GET"),
            authority: Some(probe.host.as_bytes()),
            path: Some(probe.path.as_bytes()),
            credentials: field
                .iter()
                .map(String::as_bytes)
                .collect::<FieldValues<'_>>(),
            ..Request::default()
        };
        let decision = self.policy.decide(&request, &mut self.worker.borrow_mut());
        matches!(decision, Decision::Allow(_))
    }

    fn lets_in(&self, rule: usize, account: &Account) -> bool {
        self.passes(&PROBES[rule], Some((account.user, account.password)))
    }

    /// Who stands in a line that is as it was gets in, and nobody without credentials.
    pub(crate) fn assert_unchanged_users(&self, original: &str) {
        let lines: Vec<&str> = self.users.lines().collect();
        for (account, line) in ACCOUNTS.iter().zip(original.lines()) {
            if lines.contains(&line) {
                let is_let_in = self.lets_in(OF_EVERYBODY, account);
                assert!(is_let_in, "{} is lost in:\n{}", account.user, self.users);
            }
        }
        for probe in &PROBES {
            let users = self.users;
            assert_eq!(
                self.passes(probe, None),
                probe.is_open,
                "{}: {users}",
                probe.path
            );
        }
    }

    /// No text that is no password lets anyone in: no hash, no part of a line, nothing.
    pub(crate) fn assert_nobody_else(&self) {
        if self.passes(&PROBES[OF_EVERYBODY], None) {
            return;
        }
        let fields = |line: &'p str| line.split([':', '\u{ff1a}', '=', '\t']);
        let names = self.users.lines().filter_map(|line| fields(line).next());
        for name in names
            .chain(ACCOUNTS.iter().map(|account| account.user))
            .take(5)
        {
            let rests = self.users.lines().filter_map(|line| line.split_once(':'));
            let hashes = ACCOUNTS.iter().map(|account| account.hash);
            let own = ACCOUNTS.iter().find(|account| account.user == name);
            let others = ACCOUNTS
                .iter()
                .filter(|account| account.user != name && own.is_some());
            let passwords = rests
                .map(|(_, rest)| rest)
                .chain(hashes)
                .chain(others.map(|account| account.password))
                .chain(["", "x", name]);
            for password in passwords {
                let is_let_in = self.passes(&PROBES[OF_EVERYBODY], Some((name, password)));
                assert!(!is_let_in, "{name:?} with {password:?}:\n{}", self.users);
            }
        }
    }

    /// A rule that is as it was decides as it did, unless one that changed applies as well.
    pub(crate) fn assert_unchanged_rules(&self, original: &Value, changed: &Value) {
        let before = original["basic_auth_rules"].as_array().expect("rules");
        let Some(after) = changed["basic_auth_rules"].as_array() else {
            panic!("what loads has rules: {changed}");
        };
        let other: Vec<&Value> = after.iter().filter(|rule| !before.contains(rule)).collect();
        for (index, rule) in before.iter().enumerate() {
            let probe = &PROBES[index];
            if !after.contains(rule) || other.iter().any(|rule| may_apply(rule, probe)) {
                continue;
            }
            let place = format!("{} under {changed:#}", probe.path);
            assert_eq!(self.passes(probe, None), probe.is_open, "{place}");
            let accounts = if index == RULE_OF_PLAIN {
                assert!(self.lets_in(index, &PLAIN), "{place}");
                &[]
            } else {
                &ACCOUNTS[..2]
            };
            for account in accounts.iter().filter(|account| {
                let line = format!("{}:{}", account.user, account.hash);
                self.users.lines().any(|other| other == line)
            }) {
                assert!(self.lets_in(index, account), "{}: {place}", account.user);
            }
        }
    }
}

/// Whether a rule could apply to a probe, by its text alone: an expression could always.
fn may_apply(rule: &Value, probe: &Probe) -> bool {
    let path = probe.path.to_lowercase();
    let text = |key: &str| rule[key].as_str().map(str::to_lowercase);
    if let Some(text) = text("prefix").or_else(|| text("path_separated_prefix")) {
        return path.starts_with(text.trim_end_matches('/').trim_start_matches("//"));
    }
    if let Some(text) = text("suffix") {
        return path.contains(&text);
    }
    match text("exact") {
        Some(text) => path.trim_matches('/') == text.trim_matches('/'),
        None => true,
    }
}
