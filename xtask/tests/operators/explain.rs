//! `cargo xtask explain`.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{failure, success, xtask};

const CONFIGURATION: &str = r#"
users: ["alice:*", "bob:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g="]
basic_auth_rules:
- {path_separated_prefix: /admin, allow: [bob]}
- {exact: /admin/healthz, exempt: true}
- {prefix: /, hosts: [internal.example], remote_ips: [10.0.0.0/8]}
"#;

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("plugin.yaml"), CONFIGURATION).unwrap();
    folder
}

fn explain(arguments: &[&str]) -> super::Said {
    let arguments = [&["explain", "plugin.yaml"], arguments].concat();
    xtask(folder().path(), &arguments, b"")
}

#[test]
fn each_reading_each_rule_and_the_answer_are_told() {
    assert_eq!(
        explain(&["GET", "https://www.example/x/..%2fadmin/"]),
        success(
            "is answered 401 with `www-authenticate: Basic realm=\"istio\", charset=\"UTF-8\"` by rule 0: it has no credentials\n\
             \n\
             path reading 0: /x/..%2Fadmin/\n\
             path reading 1: /x/../admin/\n\
             path reading 2: /admin/\n\
             host: www.example\n\
             rule 0: applies (by some readings of its path) and refuses: no_credentials; its path has only reading 2\n\
             rule 1: does not apply: not its path\n\
             rule 2: does not apply: not its host\n"
        )
    );
}

/// What docs/troubleshooting.md quotes of an exemption that has no effect.
#[test]
fn an_exemption_that_some_readings_leave_says_which_it_has() {
    let rule = |arguments: &[&str]| {
        let said = explain(arguments);
        let line = said
            .output
            .lines()
            .find(|line| line.starts_with("rule 1: "));
        line.unwrap_or(&said.error).to_owned()
    };
    for (arguments, expected) in [
        (
            &["GET", "/admin/healthz/..%2fx"][..],
            "rule 1: does not apply: not its path",
        ),
        (
            &["GET", "/x/../admin/healthz"],
            "rule 1: does not apply: not its path; its path has only reading 1",
        ),
        (
            &["GET", "/admin/healthz;a/b"],
            "rule 1: does not apply: not its path; its path has only reading 2",
        ),
        (
            &["GET", "/admin/healthz", "--header", "x-original-url: /x"],
            "rule 1: would exempt, but does not apply by every reading of its path",
        ),
    ] {
        assert_eq!(rule(arguments), expected, "{arguments:?}");
    }
}

#[test]
fn a_user_is_taken_for_one_with_the_right_password() {
    let verdict = |arguments: &[&str]| {
        let said = explain(arguments);
        said.output.lines().next().unwrap_or(&said.error).to_owned()
    };
    assert_eq!(
        verdict(&["GET", "/admin", "--user", "bob"]),
        "passes as bob"
    );
    let forbidden = "by rule 0: no such user, or another password";
    // A locked one has no right password.
    for user in ["alice", "mallory"] {
        let said = verdict(&["GET", "/admin", "--user", user]);
        assert!(
            said.starts_with("is answered 401 ") && said.ends_with(forbidden),
            "{said}"
        );
    }
    // A password is verified as it is in Envoy.
    let header = |password: &str| format!("Authorization: Basic {password}");
    assert_eq!(
        verdict(&["GET", "/admin", "--header", &header("Ym9iOnRlc3Q=")])
            .split(' ')
            .next(),
        Some("is")
    );
    assert_eq!(
        verdict(&["GET", "/admin/healthz"]),
        "passes: a rule exempts it"
    );
    assert_eq!(
        verdict(&["GET", "/admin/x/../healthz"]).split(' ').nth(2),
        Some("401")
    );
    assert_eq!(
        verdict(&["GET", "/x", "--host", "www.example"]),
        "passes: no rule applies"
    );
    assert_eq!(
        verdict(&[
            "GET",
            "/x",
            "--host",
            "www.example",
            "--header",
            "x-forwarded-host: internal.example",
            "--remote-ip",
            "10.1.2.3"
        ])
        .split(' ')
        .nth(2),
        Some("401")
    );
}

#[test]
fn other_programs_can_read_it() {
    let said = explain(&["POST", "/admin", "--user", "bob", "--format", "json"]);
    let explanation: Value = serde_json::from_str(&said.output).unwrap();
    assert_eq!(
        explanation["answer"],
        json!({"passes": true, "reason": "authenticated", "user": "bob"})
    );
    assert_eq!(
        explanation["rules"][0],
        json!({"role": "decides", "host": "yes", "method": "yes", "path": "yes", "remote_ip": "yes",
            "readings": [0], "denial": null, "user": "bob"})
    );
}

#[test]
fn bad_input_is_one_line() {
    for (arguments, error) in [
        (
            &["GET", "example.com/admin"][..],
            "the URL needs a scheme, such as `https://example.com/admin`; or give a path that begins with `/`",
        ),
        (
            &["G ET", "/"],
            "the method must be one word, such as `GET` (RFC 9110, 9.1)",
        ),
        (
            &["GET", "/a\tb"],
            "the URL has a control character; write it percent-encoded",
        ),
        (
            &["GET", "ftp://example.com/"],
            "the scheme must be `http` or `https`",
        ),
        (
            &["GET", "/", "--header", "nothing"],
            "a header is written `name: value`",
        ),
        (
            &[
                "GET",
                "/",
                "--user",
                "bob",
                "--header",
                "authorization: Basic x",
            ],
            "a user and `authorization` are given; give one",
        ),
        (
            &["GET", "/", "--configuration", "2"],
            "plugin.yaml: there are 1 configurations",
        ),
    ] {
        assert_eq!(explain(arguments), failure(error));
    }
    let folder = folder();
    let twice = format!("{CONFIGURATION}---\n{CONFIGURATION}");
    fs::write(folder.path().join("plugin.yaml"), twice).unwrap();
    let arguments = ["explain", "plugin.yaml", "GET", "/"];
    assert_eq!(
        xtask(folder.path(), &arguments, b""),
        failure(
            "plugin.yaml: there are several configurations (document 1, document 2); choose one with --configuration N"
        )
    );
    assert_eq!(
        xtask(
            folder.path(),
            &[&arguments[..], &["--configuration", "2"]].concat(),
            b""
        )
        .status,
        Some(0)
    );
}
