//! Alert rules and dashboard, by Prometheus' own tool. `in_envoy.rs` tries them on real statistics.

use std::fs;

use publish_tests::monitoring::{alert_expressions, dashboard_expressions, promtool, test_rules};
use serde_json::json;

#[test]
fn each_alert_is_raised_by_what_it_is_for_and_by_nothing_else() {
    assert_eq!(alert_expressions().len(), 7);
    test_rules(include_str!("../promtool/alerts_test.yaml"));
}

#[test]
fn prometheus_reads_what_the_dashboard_asks() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rules.yaml");
    let rules: Vec<_> = dashboard_expressions()
        .iter()
        .map(|expression| json!({"record": "panel", "expr": expression.replace("$__rate_interval", "5m")}))
        .collect();
    assert!(rules.len() > 5);
    // JSON is YAML. Rules of one name are told apart by their labels.
    let rules: Vec<_> = rules
        .into_iter()
        .enumerate()
        .map(|(index, mut rule)| {
            rule["labels"] = json!({"panel": index.to_string()});
            rule
        })
        .collect();
    fs::write(
        &path,
        json!({"groups": [{"name": "dashboard", "rules": rules}]}).to_string(),
    )
    .unwrap();
    promtool(&["check", "rules", path.to_str().unwrap()]);
}
