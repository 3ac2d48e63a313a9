//! The filter under one configuration, and what the model says must not pass it.

use std::fmt;
use std::time::Duration;

use basic_auth::{Decision, Policy, Request, Worker};

use crate::area::Area;
use crate::step::{Escapes, Step};
use crate::upstream::Resolved;

/// What the configuration promises about an area.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// Nothing of it is served without credentials.
    Protected,
    /// Nothing but it is, by an `exempt` rule before one that protects everything.
    OnlyExempt,
    /// Nothing but it is, by a rule with `allow_missing` before one that protects everything, with
    /// `rule_selection` `first`.
    OnlyLax,
}

/// The filter with a configuration that makes one promise.
#[derive(Debug)]
pub struct Guard {
    area: Area,
    promise: Promise,
    policy: Policy,
    worker: Worker,
}

/// A request that passed the filter against its promise.
#[derive(Debug)]
pub struct Hole {
    area: Area,
    promise: Promise,
    path: Vec<u8>,
    resolved: Vec<u8>,
    upstream: String,
}

impl Guard {
    /// A guard for every promise.
    ///
    /// # Panics
    /// If the filter refuses a configuration.
    pub fn all() -> Vec<Self> {
        let protected = Area::PROTECTED
            .iter()
            .map(|area| Self::new(*area, Promise::Protected));
        let open = Area::OPEN.iter().flat_map(|area| {
            [Promise::OnlyExempt, Promise::OnlyLax].map(|promise| Self::new(*area, promise))
        });
        protected.chain(open).collect()
    }

    fn new(area: Area, promise: Promise) -> Self {
        let configuration = configuration(area, promise);
        let policy = Policy::parse(configuration.as_bytes(), &|_| None);
        let policy = policy.unwrap_or_else(|error| panic!("{configuration}: {error}"));
        let worker = Worker::new(policy.worker_limits(), [7; 32], || Duration::ZERO);
        Self {
            area,
            promise,
            policy,
            worker,
        }
    }

    /// The area that the promise is about.
    pub fn area(&self) -> Area {
        self.area
    }

    /// Whether a request for `path` passes without credentials.
    pub fn passes(&mut self, path: &[u8]) -> bool {
        let request = Request {
            method: Some(b"GET"),
            authority: Some(b"example.com"),
            path: Some(path),
            ..Request::default()
        };
        let decision = self.policy.decide(&request, &mut self.worker);
        matches!(decision, Decision::Allow(_))
    }

    /// The hole, if `path` passes and an upstream resolves it to what must not.
    pub fn hole(&mut self, path: &[u8], resolved: &Resolved) -> Option<Hole> {
        let (broken_by, upstream) = resolved
            .iter()
            .find(|(resolved, _)| self.is_broken_by(resolved))?;
        self.passes(path).then(|| Hole {
            area: self.area,
            promise: self.promise,
            path: path.to_vec(),
            resolved: broken_by.clone(),
            upstream: upstream.clone(),
        })
    }

    /// Whether the promise is broken if a request for this passes.
    fn is_broken_by(&self, resolved: &[u8]) -> bool {
        let is_meant = |path: &[u8]| match self.promise {
            Promise::OnlyExempt => self.area.opens(path),
            Promise::Protected | Promise::OnlyLax => self.area.protects(path),
        };
        match self.promise {
            Promise::Protected => is_meant(resolved),
            Promise::OnlyExempt | Promise::OnlyLax => {
                !same_resources(resolved).iter().any(|path| is_meant(path))
            }
        }
    }
}

/// Paths that are no other resource than this one where something is open: without escapes that
/// the upstream left, with a slash at the end and without.
fn same_resources(resolved: &[u8]) -> [Vec<u8>; 4] {
    let decode = Step::Decode(Escapes::All);
    let steps = [decode, decode, Step::MergeSlashes, Step::RemoveDots];
    let decoded = steps
        .iter()
        .try_fold(resolved.to_vec(), |path, step| step.take(path));
    let decoded = decoded.unwrap_or_else(|| resolved.to_vec());
    let without_slash = |path: &[u8]| path.strip_suffix(b"/").unwrap_or(path).to_vec();
    let with_slash = |path: &[u8]| [&without_slash(path)[..], b"/"].concat();
    [
        without_slash(resolved),
        with_slash(resolved),
        without_slash(&decoded),
        with_slash(&decoded),
    ]
}

fn configuration(area: Area, promise: Promise) -> String {
    let path = format!(r#""{}": "{}""#, area.key, area.text.replace('\\', r"\\"));
    let users = r#""credentials": ["Aladdin:open sesame"]"#;
    match promise {
        Promise::Protected => format!(r#"{{"basic_auth_rules": [{{{path}, {users}}}]}}"#),
        Promise::OnlyExempt => format!(
            r#"{{"basic_auth_rules": [{{{path}, "exempt": true}}, {{"prefix": "/", {users}}}]}}"#
        ),
        Promise::OnlyLax => format!(
            r#"{{"rule_selection": "first", "basic_auth_rules":
                [{{{path}, "allow_missing": true, {users}}}, {{"prefix": "/", {users}}}]}}"#
        ),
    }
}

impl fmt::Display for Hole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Area { key, text, .. } = self.area;
        write!(
            f,
            "{:?} {key} {text}: a request for {} passes without credentials, and {} resolves it to {}",
            self.promise,
            self.path.escape_ascii(),
            self.upstream,
            self.resolved.escape_ascii()
        )
    }
}
