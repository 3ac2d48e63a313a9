//! The trial of one server: what it serves without the filter, it must not serve through it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, bail};

use crate::connection::{Answer, Connection};
use crate::content::Content;
use crate::definition::Definition;
use crate::proxy::{Proxy, SERVER_FIELD};
use crate::request::Request;
use crate::rule_set::{RULE_SETS, RuleSet};

/// `Authorization` for the user of every rule.
const AUTHORIZATION: &str = "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==";

/// A request that is answered with protected content, without credentials.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Hole {
    pub(crate) rule_set: &'static str,
    pub(crate) request: Request,
    pub(crate) content: Content,
}

/// What a trial has shown.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// How many requests the server was asked.
    pub(crate) asked: usize,
    /// How many of them it answered with content that a rule protects.
    pub(crate) revealing: usize,
    pub(crate) holes: Vec<Hole>,
}

/// One server behind the proxy, and the connections to it.
pub(crate) struct Trial<'a> {
    server: &'a Definition,
    without_filter: Connection,
    with_filter: BTreeMap<&'static str, Connection>,
}

impl<'a> Trial<'a> {
    pub(crate) fn of(server: &'a Definition, proxy: &Proxy) -> anyhow::Result<Self> {
        let mut with_filter = BTreeMap::new();
        for RuleSet { name, .. } in RULE_SETS {
            with_filter.insert(*name, Connection::to(proxy.with_filter(name)?));
        }
        Ok(Self {
            server,
            without_filter: Connection::to(proxy.without_filter()?),
            with_filter,
        })
    }

    /// Asks everything.
    ///
    /// # Errors
    /// If an ordinary request is not answered as it should be: then the rest would show nothing.
    pub(crate) fn run(&mut self, requests: Vec<Request>) -> anyhow::Result<Outcome> {
        self.check_ordinary()?;
        let mut outcome = Outcome::default();
        // A made-up request may be one that was asked before.
        for request in requests.into_iter().collect::<BTreeSet<_>>() {
            outcome.asked += 1;
            let Some(content) = self.reveals(&request) else {
                continue;
            };
            outcome.revealing += 1;
            let holes = self.holes(&request, content)?;
            outcome.holes.extend(holes);
        }
        if outcome.revealing == 0 {
            bail!("without the filter it serves nothing that a rule protects");
        }
        Ok(outcome)
    }

    /// What the server reveals without the filter. No answer is one that reveals nothing.
    fn reveals(&mut self, request: &Request) -> Option<Content> {
        let request = self.addressed(request.clone());
        let answer = self.without_filter.exchange(&request.octets()).ok()?;
        Content::find(&answer.body)
    }

    fn holes(&mut self, request: &Request, content: Content) -> anyhow::Result<Vec<Hole>> {
        let protecting = RULE_SETS
            .iter()
            .filter(|rule_set| rule_set.protects(content, self.server));
        let mut holes = Vec::new();
        for rule_set in protecting {
            let answer = self.ask(rule_set, request.clone())?;
            if !(answer.status == 401 && answer.has_challenge) {
                holes.push(Hole {
                    rule_set: rule_set.name,
                    request: request.clone(),
                    content,
                });
            }
        }
        Ok(holes)
    }

    fn ask(&mut self, rule_set: &RuleSet, request: Request) -> anyhow::Result<Answer> {
        let octets = self.addressed(request.clone()).octets();
        let connection = self.with_filter.get_mut(rule_set.name);
        let connection = connection.context("there is no such connection")?;
        let answer = connection.exchange(&octets);
        answer.with_context(|| format!("{}: {request}", rule_set.name))
    }

    fn addressed(&self, request: Request) -> Request {
        request.with(SERVER_FIELD, &self.server.name)
    }

    /// With credentials, protected content is served, without them a public page is.
    fn check_ordinary(&mut self) -> anyhow::Result<()> {
        for rule_set in RULE_SETS {
            for content in self.server.contents() {
                if rule_set.protects(content, self.server) {
                    self.check_protected(rule_set, content)?;
                }
            }
            let host = if rule_set.name.starts_with("hosts") {
                "other.example"
            } else {
                "open.example"
            };
            let answer = self.ask(rule_set, Request::new("/public/page", host))?;
            if answer.status != 200 && is_public(rule_set) {
                bail!(
                    "{}: the public page is answered with {}",
                    rule_set.name,
                    answer.status
                );
            }
        }
        Ok(())
    }

    fn check_protected(&mut self, rule_set: &RuleSet, content: Content) -> anyhow::Result<()> {
        let request = Request::new(content.path(), content.host());
        let denied = self.ask(rule_set, request.clone())?;
        let served = self.ask(rule_set, request.with("Authorization", AUTHORIZATION))?;
        let path = content.path();
        if denied.status != 401 {
            bail!(
                "{}: {path} without credentials: {}",
                rule_set.name,
                denied.status
            );
        }
        if Content::find(&served.body) != Some(content) {
            bail!(
                "{}: {path} with credentials: {}",
                rule_set.name,
                served.status
            );
        }
        Ok(())
    }
}

/// Whether `/public/page` is open with these rules.
fn is_public(rule_set: &RuleSet) -> bool {
    let closes_all_but_others = ["exempt exact", "exempt suffix", "exempt regex"];
    !closes_all_but_others.contains(&rule_set.name)
}
