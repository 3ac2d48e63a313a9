//! What a rule with `remote_ips` goes by, on real Envoy: docs/client-addresses.md, with clients that forge.

#![cfg(not(target_arch = "wasm32"))]

use basic_auth_tests::{envoy::Tuned, fixture};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use xtask::{envoy::bootstrap, http};

/// The office needs no password.
const CONFIGURATION: &str = r#"{"basic_auth_rules": [
    {"prefix": "/", "remote_ips": ["10.0.0.0/8", "2001:db8::/32"], "exempt": true},
    {"prefix": "/", "credentials": ["ok:test"]}
]}"#;

/// Listeners by name, each with its own trust.
const LISTENERS: [&str; 5] = [
    "default",
    "edge",
    "behind_one",
    "behind_two",
    "proxy_protocol",
];

fn configure(configuration: &mut Value) {
    for (name, listener) in LISTENERS.iter().zip(bootstrap::listeners(configuration)) {
        let manager = bootstrap::manager(listener);
        manager["use_remote_address"] = json!(*name != "default");
        match *name {
            "behind_one" => manager["xff_num_trusted_hops"] = json!(1),
            "behind_two" => manager["xff_num_trusted_hops"] = json!(2),
            "proxy_protocol" => {
                let filter = bootstrap::typed(
                    "extensions.filters.listener.proxy_protocol.v3.ProxyProtocol",
                    json!({}),
                );
                listener["listener_filters"] =
                    json!([{"name": "proxy_protocol", "typed_config": filter}]);
            }
            _ => {}
        }
    }
}

/// What stands in front of the request, the fields that it has, and the status it gets.
type Row = (&'static str, &'static str, &'static [&'static str], u16);

const ROWS: [Row; 20] = [
    // The default believes whoever writes the field.
    ("default", "", &[], 401),
    ("default", "", &["X-Forwarded-For: 10.1.2.3"], 200),
    // The last address counts, also here.
    (
        "default",
        "",
        &["X-Forwarded-For: 192.0.2.1, 10.1.2.3"],
        200,
    ),
    (
        "default",
        "",
        &["X-Forwarded-For: 10.1.2.3, 192.0.2.1"],
        401,
    ),
    // The address of the connection, whatever the client writes.
    ("edge", "", &[], 401),
    ("edge", "", &["X-Forwarded-For: 10.1.2.3"], 401),
    ("edge", "", &["X-Forwarded-For: 10.1.2.3, 10.1.2.3"], 401),
    (
        "edge",
        "",
        &["X-Forwarded-For: 192.0.2.1", "X-Forwarded-For: 10.1.2.3"],
        401,
    ),
    (
        "edge",
        "",
        &["X-Real-IP: 10.1.2.3", "Forwarded: for=10.1.2.3"],
        401,
    ),
    ("edge", "", &["X-Envoy-External-Address: 10.1.2.3"], 401),
    // One proxy in front writes the last address; what its client wrote stands before it.
    ("behind_one", "", &["X-Forwarded-For: 10.1.2.3"], 200),
    ("behind_one", "", &["X-Forwarded-For: 2001:db8::7"], 200),
    (
        "behind_one",
        "",
        &["X-Forwarded-For: 10.1.2.3, 192.0.2.1"],
        401,
    ),
    ("behind_one", "", &[], 401),
    // Two proxies write two.
    (
        "behind_two",
        "",
        &["X-Forwarded-For: 10.1.2.3, 192.0.2.1"],
        200,
    ),
    (
        "behind_two",
        "",
        &["X-Forwarded-For: 10.1.2.3, 192.0.2.7, 192.0.2.1"],
        401,
    ),
    // The load balancer says it before the request begins, where no client can.
    (
        "proxy_protocol",
        "PROXY TCP4 10.1.2.3 127.0.0.1 4000 80\r\n",
        &[],
        200,
    ),
    (
        "proxy_protocol",
        "PROXY TCP6 2001:db8::7 ::1 4000 80\r\n",
        &[],
        200,
    ),
    (
        "proxy_protocol",
        "PROXY TCP4 192.0.2.1 127.0.0.1 4000 80\r\n",
        &[],
        401,
    ),
    (
        "proxy_protocol",
        "PROXY TCP4 192.0.2.1 127.0.0.1 4000 80\r\n",
        &["X-Forwarded-For: 10.1.2.3"],
        401,
    ),
];

#[test]
fn an_address_is_what_the_listener_makes_of_it() {
    let plugins = LISTENERS.map(|name| fixture::plugin(name, CONFIGURATION));
    let Tuned { proxy, .. } = &Tuned::live(plugins.to_vec(), configure, &[]);
    let answered = ROWS.map(|(listener, front, fields, expected)| {
        let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
        let request = format!("{front}GET / HTTP/1.1\r\nHost: a.example\r\n{fields}\r\n");
        let answer = http::send_octets(proxy.listener(listener), request.as_bytes());
        let status = answer
            .unwrap_or_else(|error| panic!("{request}: {error:#}"))
            .status;
        (listener, request, status, expected)
    });
    let wrong = answered
        .iter()
        .filter(|(_, _, status, expected)| status != expected);
    let wrong: Vec<_> = wrong.collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What this repository ships or makes takes the address of the connection.
#[test]
fn every_listener_that_is_shipped_has_an_edge() {
    let mut listeners = 0;
    for path in files_below(&fixture::root().join("envoy")) {
        let text = std::fs::read_to_string(&path).expect("a text");
        for (start, _) in text.match_indices("stat_prefix: ingress_http\n") {
            let manager = text[start..]
                .split("http_filters:")
                .next()
                .unwrap_or_default();
            assert!(
                manager.contains("use_remote_address: true\n"),
                "{}",
                path.display()
            );
            listeners += 1;
        }
    }
    assert_eq!(listeners, 6);
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let below = |path: PathBuf| {
        if path.is_dir() {
            files_below(&path)
        } else {
            vec![path]
        }
    };
    paths.flat_map(below).collect()
}
