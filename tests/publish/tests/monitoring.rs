//! Alert rules and dashboard, by Prometheus' own tool. `in_envoy.rs` tries them on real statistics.

use std::fs;

use publish_tests::monitoring::{alert_expressions, dashboard_expressions, promtool, test_rules};
use serde_json::json;

#[test]
fn each_alert_is_raised_by_what_it_is_for_and_by_nothing_else() {
    assert_eq!(alert_expressions().len(), 8);
    test_rules(include_str!("../promtool/alerts_test.yaml"));
}

/// The counters in the documentation's table, as Prometheus has them, that begin so.
fn documented(start: &str) -> Vec<String> {
    let page = xtask::repository_root().join("docs/configuration.md");
    let page = fs::read_to_string(page).unwrap();
    let cells = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `basic_auth.")?.split_once(" |"));
    let names = cells.flat_map(|(names, _)| {
        let mut names = names
            .split(", ")
            .map(|name| name.trim_matches(['`', '.']).to_owned());
        let first = names.next().unwrap();
        let stem = first.rsplit_once('.').unwrap().0.to_owned();
        let others = names.map(move |name| format!("{stem}.{name}"));
        std::iter::once(first).chain(others)
    });
    let names = names.filter(|name| name.starts_with(start));
    names
        .map(|name| format!("basic_auth_{}", name.replace('.', "_")))
        .collect()
}

#[test]
fn the_dashboard_shows_every_counter_of_requests_and_of_the_cache() {
    let asked = dashboard_expressions().join("\n");
    for (start, count) in [("allowed.", 6), ("denied.", 10), ("credentials_cache.", 4)] {
        let documented = documented(start);
        assert_eq!(documented.len(), count, "{documented:?}");
        for counter in documented {
            assert!(asked.contains(&format!("({counter}[")), "{counter}");
        }
    }
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
