//! What is told, and where it is not.

use super::*;
use std::vec;

fn warnings(configuration: &str) -> Vec<String> {
    let policy = Policy::parse(configuration.as_bytes(), &|_| None).expect(configuration);
    let is_of_gap = |text: &&String| !text.contains("easily guessed");
    policy
        .warnings()
        .iter()
        .filter(is_of_gap)
        .cloned()
        .collect()
}

/// The warnings about rules with these members, all for users of their own.
fn of_rules(rules: &[&str]) -> Vec<String> {
    let rules: Vec<String> = rules
        .iter()
        .map(|rule| match rule.contains("exempt") {
            true => format!("{{{rule}}}"),
            false => format!(r#"{{{rule}, "users": "ok:{{PLAIN}}x"}}"#),
        })
        .collect();
    warnings(&format!(
        r#"{{"basic_auth_rules": [{}]}}"#,
        rules.join(", ")
    ))
}

/// A warning of the first rule.
fn of_first(key: &str, text: &str) -> String {
    format!("basic_auth_rules[0].{key}: {text}")
}

#[test]
fn addresses_that_no_rule_asks_for_a_password_are_named() {
    let elsewhere = [of_first("remote_ips", ELSEWHERE)];
    for addresses in [
        r#""10.0.0.0/8""#,
        r#""0.0.0.0/0""#,
        r#""::/0", "198.51.100.0/24", "10.0.0.0/8""#,
    ] {
        let rule = format!(r#""prefix": "/", "remote_ips": [{addresses}]"#);
        assert_eq!(of_rules(&[&rule]), elsewhere, "{addresses}");
    }
    let office = r#""prefix": "/admin", "remote_ips": ["10.0.0.0/8"]"#;
    assert_eq!(
        of_rules(&[office, r#""prefix": "/", "hosts": ["a.example"]"#]),
        elsewhere
    );
    for others in [
        vec![r#""prefix": "/""#],
        vec![r#""prefix": "/", "remote_ips": ["0.0.0.0/0", "::/0"]"#],
        vec![r#""prefix": "/admin", "remote_ips": ["198.51.100.0/24"], "exempt": true"#],
    ] {
        let rules = [vec![office], others].concat();
        let found = of_rules(&rules);
        assert!(!found.contains(&elsewhere[0]), "{rules:?}: {found:?}");
    }
}

#[test]
fn methods_that_no_rule_asks_for_a_password_are_named_where_reading_needs_one() {
    let reading = r#""prefix": "/", "request_methods": ["GET", "POST"]"#;
    assert_eq!(
        of_rules(&[reading]),
        [of_first("request_methods", OTHERWISE)]
    );
    let writing = r#""prefix": "/", "request_methods": ["POST", "DELETE"]"#;
    let none: [&str; 0] = [];
    assert_eq!(of_rules(&[writing]), none);
    assert_eq!(of_rules(&[reading, r#""prefix": "/""#]), none);
    assert_eq!(of_rules(&[r#""prefix": "/""#]), none);
}

#[test]
fn a_folder_that_needs_no_password_is_named_where_what_is_in_it_does() {
    let inside = r#""prefix": "/admin/""#;
    assert_eq!(of_rules(&[inside]), [of_first("prefix", ABOVE)]);
    let none: [&str; 0] = [];
    for others in [
        r#""exact": "/admin""#,
        r#""exact": "/admin", "exempt": true"#,
        r#""prefix": "/a""#,
    ] {
        assert_eq!(of_rules(&[inside, others]), none, "{others}");
    }
    assert_eq!(of_rules(&[r#""prefix": "/""#]), none);
    assert_eq!(of_rules(&[r#""path_separated_prefix": "/admin/""#]), none);
}

#[test]
fn what_else_protects_less_than_it_seems_to_is_named() {
    for (configuration, expected) in [
        (
            r#"{"basic_auth_rules": [{"regex": "/(admin|ops)", "users": "ok:{PLAIN}x"}]}"#,
            &[
                "basic_auth_rules[0].regex: is matched as a whole: what is below needs no password; write `(/.*)?` behind it",
            ][..],
        ),
        (
            r#"{"basic_auth_rules": [{"regex": "/(admin|ops)(/.*)?", "users": "ok:{PLAIN}x"}]}"#,
            &[],
        ),
        (
            r#"{"basic_auth_rules": [{"regex": "/wp-login\\.php", "users": "ok:{PLAIN}x"}]}"#,
            &[],
        ),
        (
            r#"{"basic_auth_rules": [{"prefix": "/", "credentials": ["admin:"]}]}"#,
            &[
                "basic_auth_rules[0].credentials: an empty password lets everybody pass who knows the user's name",
            ],
        ),
        (
            r#"{"basic_auth_rules": [{"prefix": "/", "credentials": [":token"]}]}"#,
            &[],
        ),
        (
            r#"{"path_override_headers": ["X-Mount-Point", "Script-Name"], "basic_auth_rules": [{"prefix": "/", "users": "ok:{PLAIN}x"}]}"#,
            &[
                "path_override_headers: replaces the default, without `x-script-name`, `x-traversal-path`, \
                 `daphne-root-path`, `x-original-url`, `x-rewrite-url`",
            ],
        ),
        (
            r#"{"users": ["a:{PLAIN}x", "b:{PLAIN}x"], "groups": {"ops": ["a"], "dev": ["b"]}, "basic_auth_rules": [{"prefix": "/", "allow": ["@dev"]}]}"#,
            &["groups.ops: no `allow` names this group"],
        ),
        (
            r#"{"path_override_headers": [], "basic_auth_rules": [{"prefix": "/", "users": "ok:{PLAIN}x"}]}"#,
            &[],
        ),
    ] {
        assert_eq!(warnings(configuration), expected, "{configuration}");
    }
}
