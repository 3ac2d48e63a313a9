//! Requests with very many or very large fields of those that the filter looks at, alone and together, through
//! a real Envoy that lets them in: each is answered as a small one of its kind.

#![cfg(not(target_arch = "wasm32"))]

use basic_auth_tests::{envoy::Tuned, fixture};
use serde_json::{Value, json};
use xtask::{envoy::bootstrap, http};

const CONFIGURATION: &str = r#"{"basic_auth_rules": [
    {"path_separated_prefix": "/admin", "credentials": ["ok:test"]},
    {"prefix": "/", "hosts": ["secret.example"], "credentials": ["ok:test"]},
    {"path_separated_prefix": "/admin/open", "exempt": true}
]}"#;

const LARGE: usize = 60 * 1024;
const MANY: usize = 50;

fn admit_large_headers(configuration: &mut Value) {
    for listener in bootstrap::listeners(configuration) {
        let manager = bootstrap::manager(listener);
        manager["max_request_headers_kb"] = json!(512);
        manager["common_http_protocol_options"] = json!({"max_headers_count": 500});
    }
}

/// A field of this name and value, so many times.
fn many(name: &str, value: &str, times: usize) -> String {
    format!("{name}: {value}\r\n").repeat(times)
}

/// The path, the fields, and the status.
fn rows() -> Vec<(String, String, u16)> {
    let x = |length: usize| "x".repeat(length);
    let fields = [
        "script_name",
        "Daphne-Root-Path",
        "X-Original-URL",
        "X-Rewrite-Url",
    ];
    let moved: String = fields.map(|name| many(name, "/public", MANY)).concat();
    let hosts = many("X-Forwarded-Host", "a.example, b.example", MANY);
    let forwarded = many("Forwarded", "for=192.0.2.1;host=a.example", MANY);
    let secret = format!("{hosts}X-Forwarded-Host: secret.example\r\n");
    let long_list = format!("X-Forwarded-Host: {},secret.example\r\n", x(LARGE));
    let right = "Authorization: Basic b2s6dGVzdA==\r\n";
    let spelled = "/public/%ff%2e%u0061/x;y%".to_owned();
    vec![
        ("/public".into(), many("Cookie", &x(LARGE), 1), 200),
        ("/public".into(), many("X-Any", &x(100), 4 * MANY), 200),
        ("/public".into(), moved.clone(), 401),
        ("/admin/open".into(), moved.clone(), 401),
        ("/public".into(), format!("{moved}{right}"), 200),
        ("/public".into(), many("Script-Name", &x(LARGE), 1), 401),
        ("/public".into(), hosts.clone(), 200),
        ("/public".into(), forwarded.clone(), 200),
        ("/public".into(), secret.clone(), 401),
        ("/public".into(), long_list.clone(), 401),
        (
            "/public".into(),
            many("Forwarded", &format!("{};host=secret.example", x(LARGE)), 1),
            401,
        ),
        (
            "/admin".into(),
            format!("Authorization: Basic {}\r\n", x(LARGE)),
            401,
        ),
        (
            "/admin".into(),
            many("Authorization", "Basic b2s6dGVzdA==", MANY),
            401,
        ),
        (
            "/admin".into(),
            format!("{right}{}", many("Cookie", &x(LARGE), 1)),
            200,
        ),
        (format!("/public/{}", x(LARGE)), String::new(), 200),
        (format!("/admin/{}", x(LARGE)), String::new(), 401),
        (
            format!("/{}admin", "../".repeat(LARGE / 3)),
            String::new(),
            401,
        ),
        (
            spelled.clone(),
            format!("{moved}{hosts}{forwarded}{long_list}"),
            401,
        ),
        (
            spelled,
            format!("{moved}{hosts}{forwarded}{long_list}{right}"),
            200,
        ),
    ]
}

#[test]
fn many_and_large_fields_are_answered_as_few_and_small_ones() {
    let plugin = fixture::plugin("large", CONFIGURATION);
    let Tuned { proxy, .. } = &Tuned::live(vec![plugin], admit_large_headers, &[]);
    let address = proxy.listener("large");
    let mut wrong = Vec::new();
    for (number, (path, fields, expected)) in rows().into_iter().enumerate() {
        let request = format!("GET {path} HTTP/1.1\r\nHost: www.example\r\n{fields}\r\n");
        let status = http::send_octets(address, request.as_bytes()).map(|answer| answer.status);
        if !matches!(status, Ok(status) if status == expected) {
            wrong.push(format!(
                "row {number}, {path:.60}: {status:?}, not {expected}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
