//! What the alert rules and the dashboard of `envoy/monitoring` ask for.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::golden::{documents, envoy_folder};

/// The expressions of the dashboard's panels.
///
/// # Panics
/// If it is no dashboard.
#[must_use]
pub fn dashboard_expressions() -> Vec<String> {
    let text =
        fs::read_to_string(envoy_folder().join("monitoring/dashboard.json")).expect("a file");
    let dashboard: Value = serde_json::from_str(&text).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let targets = panels
        .iter()
        .filter_map(|panel| panel["targets"].as_array())
        .flatten();
    targets
        .filter_map(|target| target["expr"].as_str().map(str::to_owned))
        .collect()
}

/// The expressions of the alert rules.
///
/// # Panics
/// If there are none.
#[must_use]
pub fn alert_expressions() -> Vec<String> {
    let text = fs::read_to_string(envoy_folder().join("monitoring/alerts.yaml")).expect("a file");
    let rules = documents(&text).remove(0)["groups"][0]["rules"].take();
    let rules = rules.as_array().expect("rules").iter();
    rules
        .filter_map(|rule| rule["expr"].as_str().map(str::to_owned))
        .collect()
}

/// The names of all statistics in both.
#[must_use]
pub fn names() -> BTreeSet<String> {
    let expressions = [alert_expressions(), dashboard_expressions()].concat();
    let is_part = |character: char| character.is_ascii_alphanumeric() || "_.+".contains(character);
    let words = expressions
        .iter()
        .flat_map(|expression| expression.split(move |character| !is_part(character)));
    let is_name = |word: &&str| {
        ["basic_auth_", "envoy_", "istio_agent_"]
            .iter()
            .any(|start| word.starts_with(start))
    };
    words.filter(is_name).map(str::to_owned).collect()
}
