//! The user's name in Envoy's access log, by the format string that docs/configuration.md gives,
//! and what no client can make of it. The forwarded header is in the corpus.

#![cfg(not(target_arch = "wasm32"))]

use basic_auth_tests::{
    envoy::{PATIENCE, Tuned},
    fixture::{self, basic, get, plugin},
    host::Outcome,
};
use serde_json::{Value, json};
use xtask::{envoy::bootstrap, http::Protocol};

const CONFIGURATION: &str = r#"{"emit_filter_state": true, "forward_username_header": "x-user",
    "users": ["alice:{PLAIN}one", "bob:{PLAIN}two"], "basic_auth_rules": [
        {"path_separated_prefix": "/admin", "allow": ["alice"]},
        {"exact": "/admin/open", "exempt": true}
    ]}"#;

/// The format string of the documentation.
fn format_string() -> String {
    let path = fixture::root().join("docs/configuration.md");
    let docs = std::fs::read_to_string(path).expect("the documentation");
    let start = docs.find("%FILTER_STATE(").expect("a format string");
    let end = docs[start + 1..].find('%').expect("its end");
    docs[start..start + end + 2].to_owned()
}

/// Envoy writes one line for each request into its log.
fn with_access_log(configuration: &mut Value) {
    let line = format!("user %REQ(:PATH)% [{}]\n", format_string());
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
fn the_access_log_has_the_user() {
    let plugins = vec![plugin("main", CONFIGURATION)];
    let Tuned { proxy, .. } = &mut Tuned::live(plugins, with_access_log, &[]);
    let address = proxy.listener("main");
    let requests = [
        ("/admin/1", Some("alice:one"), 200, "alice"),
        ("/admin/2", Some("alice:two"), 401, "-"),
        ("/admin/3", Some("bob:two"), 403, "-"),
        ("/admin/4", None, 401, "-"),
        ("/admin/open?5", Some("alice:one"), 200, "-"),
        ("/6", Some("alice:one"), 200, "-"),
        ("/admin/7", Some("alice:one"), 200, "alice"),
    ];
    for (path, credentials, status, _) in requests {
        let mut request = http::Request::get(format!("http://example.com{path}"));
        request = request.header("x-user", "root");
        if let Some(credentials) = credentials {
            request = request.header("authorization", basic(credentials));
        }
        let request = request.body(()).expect("a request");
        for protocol in [Protocol::Http1, Protocol::Http2] {
            let answer = xtask::http::send(address, protocol, request.clone());
            let answer = answer.expect("an answer");
            assert_eq!(answer.status, status, "{path} over {protocol:?}");
        }
    }
    for (path, _, _, user) in requests {
        let line = format!("user {path} [{user}]");
        let is_there_twice =
            |envoy: &xtask::envoy::Envoy| (envoy.log().matches(&line).count() == 2).then_some(());
        let found = proxy.envoy.wait_for(&line, PATIENCE, is_there_twice);
        found.unwrap_or_else(|error| panic!("{error:#}\n{}", proxy.envoy.log()));
    }
}

#[test]
fn filter_state_is_set_for_the_authenticated_alone_and_only_if_asked() {
    let host = fixture::host();
    let silent = CONFIGURATION.replace("true, \"forward", "false, \"forward");
    let dry = CONFIGURATION.replacen('{', r#"{"dry_run": true, "#, 1);
    let alice = vec![(b"basic_auth_user".to_vec(), b"alice".to_vec())];
    let cases = [
        (CONFIGURATION, "/admin", Some("alice:one"), alice.clone()),
        (CONFIGURATION, "/admin/open", Some("alice:one"), vec![]),
        (CONFIGURATION, "/", Some("alice:one"), vec![]),
        (&silent, "/admin", Some("alice:one"), vec![]),
        (&dry, "/admin", Some("alice:wrong"), vec![]),
        (&dry, "/admin", Some("bob:two"), vec![]),
        (&dry, "/admin", None, vec![]),
        (&dry, "/admin", Some("alice:one"), alice),
    ];
    for (configuration, path, credentials, expected) in cases {
        let mut vm = host.start(&[].into()).expect("the module starts");
        vm.configure(configuration.as_bytes()).expect("accepted");
        match vm.request(&get(path, credentials)) {
            Outcome::Continue { properties, .. } => {
                assert_eq!(
                    properties, expected,
                    "{path} {credentials:?} {configuration}"
                );
            }
            other => panic!("{path} {credentials:?} {configuration}: {other:?}"),
        }
    }
}
