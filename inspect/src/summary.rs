//! What a configuration protects, for a reviewer.

use basic_auth::{Allowance, Decision, Effectiveness, Format, Policy, Role, Witness, Worker};
use serde_json::{Value, json};

use crate::document::{self, Node};

/// Methods that are tried on what a rule protects.
const METHODS: [&[u8]; 7] = [
    b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS",
];

/// A path that no rule names.
const UNNAMED: &[u8] = b"/basic-auth-unnamed";

/// What a configuration does.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Summary {
    /// Each rule, in order.
    pub rules: Vec<RuleSummary>,
    /// What passes without credentials, in words.
    pub open: Vec<String>,
    /// Rules that decide the same request and have no user in common.
    pub for_nobody: Vec<Vec<usize>>,
    /// How many users have a hash of each format.
    pub formats: Vec<(Format, usize)>,
    /// The variables of users who are known only where Envoy runs.
    pub elsewhere: Vec<String>,
}

/// What a rule does.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RuleSummary {
    /// Which requests it applies to, in words.
    pub applies_to: String,
    /// What it does with them, in words.
    pub effect: String,
    /// A request that it decides, such as `GET example.com/admin`.
    pub witness: Option<String>,
    /// The rules that decide all that it could.
    pub covered_by: Vec<usize>,
}

impl Summary {
    /// Of an htpasswd file.
    pub(crate) fn of_users(formats: Vec<(Format, usize)>) -> Self {
        Self {
            formats,
            ..Self::default()
        }
    }

    /// Of a policy, whose configuration this is.
    pub(crate) fn of(policy: &Policy, root: &Node) -> Self {
        let rules = root.get("basic_auth_rules").map_or(&[][..], Node::elements);
        let effects: Vec<_> = (0..rules.len())
            .map(|rule| policy.effectiveness(rule))
            .collect();
        let rules = rules.iter().zip(&effects);
        Self {
            rules: rules
                .map(|(rule, effect)| summary_of_rule(rule, root, effect))
                .collect(),
            open: open(policy, root, &effects),
            for_nobody: for_nobody(policy, &effects),
            formats: policy.formats().to_vec(),
            elsewhere: Vec::new(),
        }
    }

    /// For other programs.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let rules = self.rules.iter().map(|rule| {
            json!({"applies_to": rule.applies_to, "effect": rule.effect, "witness": rule.witness,
                "covered_by": rule.covered_by})
        });
        let formats = self.formats.iter().map(|(format, count)| {
            json!({"format": format.name(), "users": count, "weak": format.is_weak()})
        });
        json!({"rules": rules.collect::<Vec<_>>(), "open": self.open, "for_nobody": self.for_nobody,
            "users": formats.collect::<Vec<_>>(), "users_elsewhere": self.elsewhere})
    }

    /// For people, a line each.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (index, rule) in self.rules.iter().enumerate() {
            lines.push(format!(
                "rule {index}: {}: {}",
                rule.applies_to, rule.effect
            ));
            lines.extend(
                rule.witness
                    .iter()
                    .map(|witness| format!("        such as {witness}")),
            );
        }
        lines.extend(self.open.iter().map(|open| format!("open: {open}")));
        let formats = self.formats.iter().map(|(format, count)| {
            let weak = if format.is_weak() { " (weak)" } else { "" };
            format!("{count} {format}{weak}")
        });
        let elsewhere = self.elsewhere.iter();
        let elsewhere = elsewhere.map(|variable| format!("those of the variable `{variable}`"));
        let formats: Vec<_> = formats.chain(elsewhere).collect();
        let users = if formats.is_empty() {
            "none".to_owned()
        } else {
            formats.join(", ")
        };
        lines.push(format!("users: {users}"));
        lines
    }
}

fn summary_of_rule(rule: &Node, root: &Node, effect: &Effectiveness) -> RuleSummary {
    let (witness, covered_by) = match effect {
        Effectiveness::Decides(witness) => (Some(in_words(witness)), Vec::new()),
        Effectiveness::Covered(by) => (None, by.clone()),
        _ => (None, Vec::new()),
    };
    RuleSummary {
        applies_to: scope(rule),
        effect: effect_of(rule, root),
        witness,
        covered_by,
    }
}

fn in_words(witness: &Witness) -> String {
    let source = witness.source.map(|source| format!(" from {source}"));
    format!(
        "{} {}{}{}",
        String::from_utf8_lossy(&witness.method),
        String::from_utf8_lossy(&witness.authority),
        String::from_utf8_lossy(&witness.path),
        source.unwrap_or_default()
    )
}

/// Such as "GET, POST on *.example.com, prefix `/admin`, from 10.0.0.0/8".
fn scope(rule: &Node) -> String {
    const PATHS: [&str; 5] = [
        "exact",
        "prefix",
        "suffix",
        "path_separated_prefix",
        "regex",
    ];
    let path = PATHS
        .iter()
        .find_map(|key| Some(format!("{key} `{}`", rule.get(key)?.text()?)));
    let methods = list(rule, "request_methods").unwrap_or_else(|| "every method".to_owned());
    let hosts = list(rule, "hosts").unwrap_or_else(|| "every host".to_owned());
    let sources = list(rule, "remote_ips").map(|sources| format!(", from {sources}"));
    format!(
        "{methods} on {hosts}, {}{}",
        path.unwrap_or_default(),
        sources.unwrap_or_default()
    )
}

fn list(rule: &Node, key: &str) -> Option<String> {
    let elements = rule.get(key)?.elements();
    let texts: Vec<_> = elements.iter().filter_map(Node::text).collect();
    (!texts.is_empty()).then(|| texts.join(", "))
}

fn effect_of(rule: &Node, root: &Node) -> String {
    if is_set(rule, "exempt") {
        return "passes without credentials".to_owned();
    }
    let who = if let Some(allowed) = list(rule, "allow") {
        allowed
    } else if rule.get("users").is_some() || rule.get("credentials").is_some() {
        "users of its own".to_owned()
    } else {
        "every user".to_owned()
    };
    let realm = rule
        .get("realm")
        .or_else(|| root.get("realm"))
        .and_then(Node::text)
        .unwrap_or("istio");
    let mut effect = format!("for {who}, realm `{realm}`");
    for (key, words) in [
        ("allow_missing", ", and for requests without credentials"),
        (
            "allow_other_schemes",
            ", and for requests with another scheme than Basic",
        ),
    ] {
        if is_set(rule, key) {
            effect += words;
        }
    }
    effect
}

fn is_set(node: &Node, key: &str) -> bool {
    matches!(
        node.get(key).map(|value| &value.value),
        Some(document::Value::Bool(true))
    )
}

/// What passes without credentials, as far as the core says so.
fn open(policy: &Policy, root: &Node, effects: &[Effectiveness]) -> Vec<String> {
    let mut open = Vec::new();
    if is_set(root, "dry_run") {
        open.push("everything: `dry_run` only counts and logs".to_owned());
    }
    let unnamed = Witness::of(b"GET", b"basic-auth-unnamed.example", UNNAMED);
    if passes(policy, &unnamed) == Some("unmatched") {
        open.push("every path and host that no rule names".to_owned());
    }
    for (index, effect) in effects.iter().enumerate() {
        let Effectiveness::Decides(witness) = effect else {
            continue;
        };
        let methods = METHODS.into_iter().filter(|method| {
            let asked = Witness {
                method: method.to_vec(),
                ..witness.clone()
            };
            // An exemption says itself what it opens.
            passes(policy, &asked).is_some_and(|why| why != "exempt")
        });
        let methods: Vec<_> = methods.map(String::from_utf8_lossy).collect();
        let place = format!(
            "{}{}",
            String::from_utf8_lossy(&witness.authority),
            String::from_utf8_lossy(&witness.path)
        );
        if !methods.is_empty() {
            open.push(format!(
                "{} {place}, beside rule {index}",
                methods.join(", ")
            ));
        }
    }
    if is_set(root, "allow_cors_preflight") {
        open.push(
            "CORS preflights: `OPTIONS` with `Origin` and `Access-Control-Request-Method`"
                .to_owned(),
        );
    }
    open
}

/// By what such a request without credentials passes.
fn passes(policy: &Policy, witness: &Witness) -> Option<&'static str> {
    match decide(policy, witness).0 {
        Decision::Allow(Allowance::DryRun(_)) | Decision::Deny(_) | Decision::Hold(_) => None,
        Decision::Allow(allowance) => Some(allowance.name()),
    }
}

/// The rules that decide the example of each rule, where nobody satisfies them all.
fn for_nobody(policy: &Policy, effects: &[Effectiveness]) -> Vec<Vec<usize>> {
    let mut found: Vec<Vec<usize>> = Vec::new();
    for effect in effects {
        let Effectiveness::Decides(witness) = effect else {
            continue;
        };
        let deciding = decide(policy, witness).1;
        if deciding.len() > 1 && policy.is_for_nobody(&deciding) && !found.contains(&deciding) {
            found.push(deciding);
        }
    }
    found
}

fn decide<'p>(policy: &'p Policy, witness: &Witness) -> (Decision<'p>, Vec<usize>) {
    let source = || witness.source;
    let request = witness.request(&source);
    let (decision, explanation) = policy.explain(&request, &mut worker(policy), None);
    let rules = explanation.rules.iter().enumerate();
    let deciding = rules.filter(|(_, rule)| rule.role == Role::Decides);
    (decision, deciding.map(|(index, _)| index).collect())
}

/// A worker that remembers nothing and whose clock stands.
pub(crate) fn worker(policy: &Policy) -> Worker {
    Worker::new(policy.worker_limits(), [0; 32], || {
        std::time::Duration::ZERO
    })
}
