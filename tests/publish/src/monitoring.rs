//! What the alert rules and the dashboard of `envoy/monitoring` ask for.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use xtask::command::{command, output};

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

/// The file with the alert rules.
fn rules_file() -> PathBuf {
    envoy_folder().join("monitoring/alerts.yaml")
}

fn rules() -> Vec<Value> {
    let text = fs::read_to_string(rules_file()).expect("a file");
    let rules = documents(&text).remove(0)["groups"][0]["rules"].take();
    rules.as_array().expect("rules").clone()
}

/// The expressions of the alert rules.
///
/// # Panics
/// If there are none.
#[must_use]
pub fn alert_expressions() -> Vec<String> {
    rules()
        .iter()
        .filter_map(|rule| rule["expr"].as_str().map(str::to_owned))
        .collect()
}

/// Has Prometheus' own tool run a file of unit tests with the alert rules, which the file calls `rules.yaml`.
///
/// # Panics
/// With what the tool says.
pub fn test_rules(tests: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name).display().to_string();
    fs::copy(rules_file(), at("rules.yaml")).expect("a copy");
    fs::write(at("test.yaml"), tests).expect("a file");
    promtool(&["check", "rules", &at("rules.yaml")]);
    promtool(&["test", "rules", &at("test.yaml")]);
}

/// Runs Prometheus' own tool.
///
/// # Panics
/// With what it says, if it fails.
pub fn promtool(arguments: &[&str]) {
    output(command("promtool", arguments)).unwrap_or_else(|error| panic!("{error:#}"));
}

/// Fails unless the alert rules raise exactly these alerts when `/stats/prometheus` says at first the one, and from the
/// twentieth minute on the other. They must be such as sum up over all filters or modules.
///
/// # Panics
/// With what Prometheus' own tool says.
pub fn assert_raised(before: &str, after: &str, raised: &[&str]) {
    let (before, after) = (samples(before), samples(after));
    let all: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let at = |samples: &BTreeMap<String, String>, series: &String| {
        samples.get(series).map_or("_", String::as_str).to_owned()
    };
    let series: Vec<_> = all
        .into_iter()
        .map(|series| {
            let values = format!("{}x40 {}x20", at(&before, series), at(&after, series));
            json!({"series": series, "values": values})
        })
        .collect();
    let rules = rules();
    let alerts: Vec<_> = rules
        .iter()
        .map(|rule| {
            let is_raised = raised.iter().any(|name| rule["alert"] == *name);
            let expected = is_raised.then(|| raised_alert(rule));
            json!({"eval_time": "25m", "alertname": rule["alert"], "exp_alerts": Vec::from_iter(expected)})
        })
        .collect();
    let tests = json!({
        "rule_files": ["rules.yaml"],
        "evaluation_interval": "30s",
        "tests": [{"interval": "30s", "input_series": series, "alert_rule_test": alerts}],
    });
    test_rules(&tests.to_string());
}

/// What Prometheus says of a rule whose expression leaves no labels.
fn raised_alert(rule: &Value) -> Value {
    let annotations = rule["annotations"].to_string();
    let annotations = annotations.replace("{{ $labels.instance }}", "");
    let annotations: Value = serde_json::from_str(&annotations).expect("JSON");
    json!({"exp_labels": rule["labels"], "exp_annotations": annotations})
}

/// Of what alerts and dashboard ask for: each series of a scrape, with its value.
fn samples(scraped: &str) -> BTreeMap<String, String> {
    let asked = names();
    let sample = |line: &str| {
        let (series, value) = line.rsplit_once(' ')?;
        let name = series.split('{').next()?;
        let is_asked = asked.iter().any(|asked| is_meant(asked, name));
        is_asked.then(|| (series.to_owned(), value.to_owned()))
    };
    scraped.lines().filter_map(sample).collect()
}

/// Whether a statistic is one that alerts and dashboard ask for by `asked`: in a regular expression `.+` is the name of a
/// filter.
#[must_use]
pub fn is_meant(asked: &str, name: &str) -> bool {
    match asked.split_once(".+") {
        Some((start, end)) => name.starts_with(start) && name.ends_with(end),
        None => name == asked,
    }
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
