//! The user's name and the reason of a denial in Envoy's access log, by the format strings that
//! docs/configuration.md gives, and what no client can make of them. The forwarded header is in the corpus.

#![cfg(not(target_arch = "wasm32"))]

use basic_auth_tests::{
    envoy::{PATIENCE, Tuned},
    fixture::{self, basic, get, plugin},
    host::{Outcome, Vm},
    observed::Fields,
};
use serde_json::{Value, json};
use xtask::{envoy::bootstrap, http::Protocol};

const CONFIGURATION: &str = r#"{"emit_filter_state": true, "forward_username_header": "x-user",
    "users": ["alice:{PLAIN}one", "bob:{PLAIN}two"], "basic_auth_rules": [
        {"path_separated_prefix": "/admin", "allow": ["alice"]},
        {"exact": "/admin/open", "exempt": true}
    ]}"#;

/// The format strings of the documentation: that of the user, and that of the denial.
fn format_strings() -> [String; 2] {
    ["wasm.basic_auth_user", "wasm.basic_auth_denied"].map(format_string)
}

fn format_string(filter_state: &str) -> String {
    let path = fixture::root().join("docs/configuration.md");
    let docs = std::fs::read_to_string(path).expect("the documentation");
    let start = docs.find(&format!("%FILTER_STATE({filter_state}"));
    let start = start.expect("a format string");
    let end = docs[start + 1..].find('%').expect("its end");
    docs[start..start + end + 2].to_owned()
}

/// Envoy writes one line for each request into its log.
fn with_access_log(configuration: &mut Value) {
    let [user, denied] = format_strings();
    let line = format!("user %REQ(:PATH)% [{user}] [{denied}]\n");
    let log = bootstrap::typed(
        "extensions.access_loggers.stream.v3.StderrAccessLog",
        json!({"log_format": {"text_format_source": {"inline_string": line}}}),
    );
    for listener in bootstrap::listeners(configuration) {
        bootstrap::manager(listener)["access_log"] =
            json!([{"name": "stderr", "typed_config": log}]);
    }
}

#[test]
fn the_access_log_has_the_user_and_the_reason_of_a_denial() {
    let dry_run = CONFIGURATION.replacen('{', r#"{"dry_run": true, "#, 1);
    let plugins = vec![plugin("main", CONFIGURATION), plugin("dry", &dry_run)];
    let Tuned { proxy, .. } = &mut Tuned::live(plugins, with_access_log, &[]);
    let denied = |reason: &str| format!("{reason} basic_auth_rules[0]");
    let requests = [
        (
            "main",
            "/admin/1",
            Some("alice:one"),
            200,
            "alice",
            "-".into(),
        ),
        (
            "main",
            "/admin/2",
            Some("alice:two"),
            401,
            "-",
            denied("mismatch"),
        ),
        (
            "main",
            "/admin/3",
            Some("bob:two"),
            403,
            "bob",
            denied("forbidden"),
        ),
        ("main", "/admin/4", None, 401, "-", denied("no_credentials")),
        (
            "main",
            "/admin/open?5",
            Some("alice:one"),
            200,
            "-",
            "-".into(),
        ),
        ("main", "/6", Some("alice:one"), 200, "-", "-".into()),
        (
            "main",
            "/admin/7",
            Some("alice:one"),
            200,
            "alice",
            "-".into(),
        ),
        (
            "dry",
            "/admin/8",
            Some("alice:two"),
            200,
            "-",
            denied("mismatch"),
        ),
        (
            "dry",
            "/admin/9",
            Some("bob:two"),
            200,
            "bob",
            denied("forbidden"),
        ),
        (
            "dry",
            "/admin/10",
            Some("alice:one"),
            200,
            "alice",
            "-".into(),
        ),
    ];
    for (listener, path, credentials, status, ..) in &requests {
        let address = proxy.listener(listener);
        let mut request = http::Request::get(format!("http://example.com{path}"));
        request = request.header("x-user", "root");
        if let Some(credentials) = credentials {
            request = request.header("authorization", basic(credentials));
        }
        let request = request.body(()).expect("a request");
        for protocol in [Protocol::Http1, Protocol::Http2] {
            let answer = xtask::http::send(address, protocol, request.clone());
            let answer = answer.expect("an answer");
            assert_eq!(answer.status, *status, "{path} over {protocol:?}");
        }
    }
    for (_, path, _, _, user, denied) in requests {
        let line = format!("user {path} [{user}] [{denied}]");
        let is_there_twice =
            |envoy: &xtask::envoy::Envoy| (envoy.log().matches(&line).count() == 2).then_some(());
        let found = proxy.envoy.wait_for(&line, PATIENCE, is_there_twice);
        found.unwrap_or_else(|error| panic!("{error:#}\n{}", proxy.envoy.log()));
    }
}

/// The properties after a request, without what the filter keeps for itself.
fn properties(vm: &mut Vm, path: &str, credentials: Option<&str>) -> Fields {
    match vm.request(&get(path, credentials)) {
        Outcome::Continue { mut properties, .. } => {
            properties.retain(|(name, _)| name != b"basic_auth_verified");
            properties
        }
        other => panic!("{path} {credentials:?}: {other:?}"),
    }
}

#[test]
fn filter_state_is_set_for_the_authenticated_alone_and_only_if_asked() {
    let host = fixture::host();
    let silent = CONFIGURATION.replace("true, \"forward", "false, \"forward");
    let dry = CONFIGURATION.replacen('{', r#"{"dry_run": true, "#, 1);
    let silent_dry = silent.replacen('{', r#"{"dry_run": true, "#, 1);
    let user = |name: &str| (b"basic_auth_user".to_vec(), name.into());
    let denied = |reason: &str| {
        let value = format!("{reason} basic_auth_rules[0]");
        (b"basic_auth_denied".to_vec(), value.into_bytes())
    };
    let cases = [
        (
            CONFIGURATION,
            "/admin",
            Some("alice:one"),
            vec![user("alice")],
        ),
        (CONFIGURATION, "/admin/open", Some("alice:one"), vec![]),
        (CONFIGURATION, "/", Some("alice:one"), vec![]),
        (&silent, "/admin", Some("alice:one"), vec![]),
        (
            &dry,
            "/admin",
            Some("alice:wrong"),
            vec![denied("mismatch")],
        ),
        (
            &dry,
            "/admin",
            Some("bob:two"),
            vec![denied("forbidden"), user("bob")],
        ),
        (
            &silent_dry,
            "/admin",
            Some("bob:two"),
            vec![denied("forbidden")],
        ),
        (&dry, "/admin", None, vec![denied("no_credentials")]),
        (&dry, "/admin", Some("alice:one"), vec![user("alice")]),
    ];
    for (configuration, path, credentials, expected) in cases {
        let mut vm = host.start(&[].into()).expect("the module starts");
        vm.configure(configuration.as_bytes()).expect("accepted");
        let properties = properties(&mut vm, path, credentials);
        assert_eq!(
            properties, expected,
            "{path} {credentials:?} {configuration}"
        );
    }
}

#[test]
fn what_is_remembered_of_a_stream_cannot_be_made_up() {
    let configuration = CONFIGURATION.replacen('{', r#"{"hide_credentials": true, "#, 1);
    let mut vm = fixture::vm_with(&configuration);
    let mut remembered = |credentials| match vm.request(&get("/admin", Some(credentials))) {
        Outcome::Continue { properties, .. } => properties,
        other => panic!("{other:?}"),
    };
    let known = remembered("alice:one");
    let record = |properties: &Fields| {
        let is_record = |(name, _): &&(Vec<u8>, Vec<u8>)| name == b"basic_auth_verified";
        properties
            .iter()
            .find(is_record)
            .expect("a record")
            .1
            .clone()
    };
    let status = |vm: &mut Vm, record: &[u8], credentials| {
        let properties = vec![(b"basic_auth_verified".to_vec(), record.to_vec())];
        match vm.request_with(&get("/admin", credentials), &properties) {
            Outcome::Continue { .. } => 200,
            Outcome::Reply(response) => response.status,
            other => panic!("{other:?}"),
        }
    };
    let record = record(&known);
    assert_eq!(status(&mut vm, &record, None), 200);
    // What the client says counts if it says something.
    assert_eq!(status(&mut vm, &record, Some("alice:wrong")), 401);
    for at in 0..record.len() {
        let mut other = record.clone();
        other[at] ^= 1;
        assert_eq!(status(&mut vm, &other, None), 401, "octet {at}");
        assert_eq!(status(&mut vm, &record[..at], None), 401, "cut at {at}");
    }
    let bob = [&record[..33], b"bob"].concat();
    for made_up in [
        &b"alice"[..],
        b"\x01alice",
        b"\x00alice",
        &bob,
        &[0xff; 100],
        &[1; 60_000],
    ] {
        assert_eq!(status(&mut vm, made_up, None), 401);
    }
    // Gone when the user changes.
    for users in [
        r#"["alice:{PLAIN}three"]"#,
        r#"["alice:!", "bob:{PLAIN}two"]"#,
        r#"["bob:{PLAIN}one"]"#,
    ] {
        let configuration =
            format!(r#"{{"users": {users}, "basic_auth_rules": [{{"prefix": "/admin"}}]}}"#);
        let mut vm = fixture::vm_with(&configuration);
        assert_eq!(status(&mut vm, &record, None), 401, "{users}");
    }
}
