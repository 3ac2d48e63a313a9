//! A file: its configurations, and what is to be said of them.

use std::ops::Range;

use basic_auth::{Policy, Problem};
use serde_json::{Value, json};

use crate::document::{self, Node, NotADocument};
use crate::findings::{Finding, Severity, line_and_is_key};
use crate::found::{Form, Found, Origin, root};
use crate::summary::Summary;
use crate::unknown_users::UnknownUsers;
use crate::{ReadFile, excerpt, htpasswd, place, resources};

/// What a file has.
#[derive(Debug)]
pub struct Inspection {
    /// Its text without secrets, octet for octet.
    pub excerpt: String,
    /// What concerns the file.
    pub findings: Vec<Finding>,
    /// The configurations of this filter in it.
    pub configurations: Vec<Configuration>,
    /// Where other Wasm filters are configured.
    pub others: Vec<String>,
    /// Of an htpasswd file.
    pub users: Option<Summary>,
}

/// A configuration of the filter.
#[derive(Debug)]
pub struct Configuration {
    /// Where it stands in the file.
    pub place: String,
    /// How it is handed over.
    pub form: Form,
    /// What the filter is handed.
    pub text: String,
    /// Where it begins, in octets of the file.
    pub start: usize,
    /// What is to be said of it.
    pub findings: Vec<Finding>,
    /// What was read, if it holds.
    pub policy: Option<Policy>,
    /// What it does, if it holds.
    pub summary: Option<Summary>,
}

/// Inspects the text of a file.
#[must_use]
pub fn inspect(text: &[u8], read_file: ReadFile<'_>) -> Inspection {
    if htpasswd::is_htpasswd(text) {
        let (findings, users) = htpasswd::inspect(text);
        return Inspection {
            excerpt: excerpt::user_names_alone(text),
            findings,
            configurations: Vec::new(),
            others: Vec::new(),
            users: Some(users),
        };
    }
    let Ok(source) = core::str::from_utf8(text) else {
        return unreadable(
            String::new(),
            Finding::new(Severity::Error, "is not UTF-8", 0..0),
        );
    };
    match document::documents(source) {
        Ok(documents) => of_documents(&documents, source, read_file),
        Err(_) if is_json(source) => of_broken_json(source, read_file),
        Err(NotADocument { at, reason }) => {
            let finding = Finding::new(
                Severity::Error,
                format!("is not YAML: {reason}"),
                at..at + 1,
            );
            unreadable(excerpt::structure_alone(source), finding)
        }
    }
}

/// Inspects the configuration alone, whatever it looks like.
#[must_use]
pub fn inspect_configuration(source: &str) -> Inspection {
    let documents = document::documents(source).unwrap_or_default();
    match documents.first() {
        Some(node) if !is_json(source) => of_found(
            &documents,
            source,
            vec![Found::of_object("configuration".into(), Form::Alone, node)],
            &|_| None,
        ),
        _ => of_found(&documents, source, vec![alone(source)], &|_| None),
    }
}

fn unreadable(excerpt: String, finding: Finding) -> Inspection {
    Inspection {
        excerpt,
        findings: vec![finding],
        configurations: Vec::new(),
        others: Vec::new(),
        users: None,
    }
}

fn is_json(source: &str) -> bool {
    source
        .trim_start_matches('\u{feff}')
        .trim_start()
        .starts_with('{')
}

/// JSON that the core reads as it is, so that its errors have the core's words.
fn alone(source: &str) -> Found {
    Found {
        place: "configuration".to_owned(),
        form: Form::Alone,
        span: 0..source.len(),
        text: source.to_owned(),
        root: root(source),
        origin: Some(Origin::Verbatim(0)),
        environment: Default::default(),
    }
}

fn of_broken_json(source: &str, read_file: ReadFile<'_>) -> Inspection {
    let inspection = of_found(&[], source, vec![alone(source)], read_file);
    Inspection {
        excerpt: excerpt::structure_alone(source),
        ..inspection
    }
}

fn of_documents(documents: &[Node], source: &str, read_file: ReadFile<'_>) -> Inspection {
    let mut search = resources::search(documents, source);
    if let [found] = search.found.as_mut_slice()
        && found.form == Form::Alone
        && search.embedded.is_empty()
        && is_json(source)
    {
        *found = alone(source);
    }
    let is_anything = !search.found.is_empty() || !search.findings.is_empty();
    let all = [documents, &search.embedded].concat();
    let mut inspection = of_found(&all, source, search.found, read_file);
    inspection.excerpt = excerpt::without(&inspection.excerpt, search.opaque);
    inspection.findings = search.findings;
    if !is_anything {
        let others = if search.others.is_empty() {
            ""
        } else {
            ", only of other Wasm filters"
        };
        let message = format!("no configuration of this filter is in it{others}");
        inspection
            .findings
            .push(Finding::new(Severity::Error, message, 0..0));
    }
    inspection.others = search.others;
    inspection
}

fn of_found(
    documents: &[Node],
    source: &str,
    found: Vec<Found>,
    read_file: ReadFile<'_>,
) -> Inspection {
    Inspection {
        excerpt: excerpt::without_secrets(source, documents, &found),
        findings: Vec::new(),
        configurations: found
            .iter()
            .map(|found| configuration(found, source, read_file))
            .collect(),
        others: Vec::new(),
        users: None,
    }
}

fn configuration(found: &Found, source: &str, read_file: ReadFile<'_>) -> Configuration {
    let mut configuration = Configuration {
        place: found.place.clone(),
        form: found.form,
        text: found.text.clone(),
        start: found.span.start,
        findings: Vec::new(),
        policy: None,
        summary: None,
    };
    let unknown = std::cell::RefCell::new(Vec::new());
    let environment = |name: &str| variable(found, name, read_file, &unknown);
    match Policy::parse(found.text.as_bytes(), &environment) {
        Err(error) => configuration.findings.push(fault(found, &error, source)),
        Ok(policy) => {
            let root = found.root.clone().unwrap_or(Node {
                span: 0..0,
                value: document::Value::Null,
            });
            let mut summary = Summary::of(&policy, &root);
            summary.elsewhere = unknown.borrow().clone();
            if !summary.elsewhere.is_empty() {
                UnknownUsers::named_by(found.root.as_ref()).remove_from(&mut summary.formats);
            }
            configuration.findings = remarks(found, &policy, &summary, source);
            configuration.policy = Some(policy);
            configuration.summary = Some(summary);
        }
    }
    configuration.findings.extend(unknown.into_inner().into_iter().map(|name: String| {
        let message = format!("the users in the variable `{name}` are known only where Envoy runs, and are not checked here");
        let span = place::span(found, "users_env", None, false, source);
        Finding::new(Severity::Note, message, span).at("users_env")
    }));
    configuration
}

/// The value of a VM environment variable, as Envoy or the agent sets it.
fn variable(
    found: &Found,
    name: &str,
    read_file: ReadFile<'_>,
    unknown: &std::cell::RefCell<Vec<String>>,
) -> Option<Vec<u8>> {
    let stand_ins = || {
        unknown.borrow_mut().push(name.to_owned());
        UnknownUsers::named_by(found.root.as_ref()).text()
    };
    match found.environment.get(name) {
        Some(Some(value)) => match value.strip_prefix("file://") {
            // A mounted Secret, say, of the machine that the agent runs on.
            Some(path) if path.starts_with('/') => read_file(path).or_else(|| Some(stand_ins())),
            Some(path) => read_file(path),
            None => Some(value.clone().into_bytes()),
        },
        None if found.form != Form::Alone => None,
        Some(None) | None => Some(stand_ins()),
    }
}

fn fault(found: &Found, error: &basic_auth::ConfigurationError, source: &str) -> Finding {
    if let Problem::NotJson(why) = error.problem() {
        let line_start: usize = found
            .text
            .split_inclusive('\n')
            .take(why.line().saturating_sub(1))
            .map(str::len)
            .sum();
        let at = line_start + why.column().saturating_sub(1);
        let span = found.locate(at.min(found.text.len().saturating_sub(1)));
        return Finding::new(Severity::Error, error.problem().to_string(), span);
    }
    let (line, is_key) = line_and_is_key(error);
    let span = place::span(found, error.place(), line, is_key, source);
    Finding::new(
        Severity::Error,
        error.problem().to_string(),
        first_line(span, source),
    )
    .at(error.place())
}

/// What is to be said of a configuration that holds.
fn remarks(found: &Found, policy: &Policy, summary: &Summary, source: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for warning in policy.warnings() {
        let (place, message) = warning
            .split_once(": ")
            .filter(|(place, _)| is_place(place))
            .unwrap_or(("configuration", warning));
        // The analysis knows better.
        if message.starts_with("no request was found") && !is_unknown(summary, place) {
            continue;
        }
        let span = first_line(place::span(found, place, None, false, source), source);
        findings.push(Finding::new(Severity::Warning, message, span).at(place));
    }
    for (index, rule) in summary
        .rules
        .iter()
        .enumerate()
        .filter(|(_, rule)| !rule.covered_by.is_empty())
    {
        let place = format!("basic_auth_rules[{index}]");
        let others: Vec<_> = rule
            .covered_by
            .iter()
            .map(|by| format!("basic_auth_rules[{by}]"))
            .collect();
        let message = format!(
            "decides no request, since {} decides all that it could; remove it, or make the others narrower",
            others.join(" and ")
        );
        let span = first_line(place::span(found, &place, None, false, source), source);
        findings.push(Finding::new(Severity::Error, message, span).at(&place));
    }
    for rules in &summary.for_nobody {
        let places: Vec<_> = rules
            .iter()
            .map(|rule| format!("basic_auth_rules[{rule}]"))
            .collect();
        let Some((first, others)) = places.split_first() else {
            continue;
        };
        let message = format!(
            "decides the same requests as {}, and they accept no user in common, so that nobody passes",
            others.join(" and ")
        );
        let span = first_line(place::span(found, first, None, false, source), source);
        findings.push(Finding::new(Severity::Warning, message, span).at(first));
    }
    findings
}

fn is_place(text: &str) -> bool {
    !text.contains(' ') && text.starts_with(|first: char| first.is_ascii_lowercase())
}

fn is_unknown(summary: &Summary, place: &str) -> bool {
    let index = place
        .strip_prefix("basic_auth_rules[")
        .and_then(|rest| rest.strip_suffix(']'));
    let rule = index.and_then(|index| summary.rules.get(index.parse::<usize>().ok()?));
    rule.is_none_or(|rule| rule.witness.is_none() && rule.covered_by.is_empty())
}

/// A span within one line.
fn first_line(span: Range<usize>, source: &str) -> Range<usize> {
    let text = source.get(span.clone()).unwrap_or_default();
    let length = text.find(['\r', '\n']).unwrap_or(text.len());
    span.start..span.start + length
}

impl Inspection {
    /// Every finding, those of the file first.
    pub fn all_findings(&self) -> impl Iterator<Item = &Finding> {
        let inside = self
            .configurations
            .iter()
            .flat_map(|configuration| &configuration.findings);
        self.findings.iter().chain(inside)
    }

    /// The worst of all findings.
    #[must_use]
    pub fn worst(&self) -> Option<Severity> {
        self.all_findings().map(|finding| finding.severity).max()
    }

    /// For other programs.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let findings = |findings: &[Finding]| {
            findings
                .iter()
                .map(|finding| finding.to_json(&self.excerpt))
                .collect::<Vec<_>>()
        };
        let configurations = self.configurations.iter().map(|configuration| {
            json!({"place": configuration.place, "form": configuration.form.name(),
                "findings": findings(&configuration.findings),
                "summary": configuration.summary.as_ref().map(Summary::to_json)})
        });
        json!({"findings": findings(&self.findings), "configurations": configurations.collect::<Vec<_>>(),
            "other_wasm_filters": self.others, "users": self.users.as_ref().map(Summary::to_json)})
    }
}
