//! A request that passes allocates nothing in the core, once its buffers have grown.

#![cfg(not(target_arch = "wasm32"))]

use basic_auth::{Decision, Policy, Request, Worker};
use basic_auth_tests::{fixture::get, observed::Fields};
use std::time::Duration;

const CONFIGURATION: &str = r#"{
    "users": [
        "plain:{PLAIN}open sesame",
        "sha:{SHA}W8r/fyL/UzygmbNAjq2HbA67qac=",
        "bcrypt:$2b$04$14xLvVe/.g1D0FjQQvzHHOIrXStiJRrSTWA7arwdJVrrXiJpIVxGi"
    ],
    "basic_auth_rules": [
        {"prefix": "/admin"},
        {"prefix": "/admin/open", "exempt": true},
        {"suffix": ".php"},
        {"exact": "/metrics", "request_methods": ["GET"]},
        {"regex": "/api/v[0-9]+/.*"},
        {"prefix": "/", "hosts": ["staging.example", "*.staging.example", "qa-*"]}
    ]
}"#;

/// How many allocations the second of two equal requests makes, and why it passes.
fn allocations(sent: &Fields) -> (u64, &'static str) {
    let policy = Policy::parse(CONFIGURATION.as_bytes(), &|_| None).expect("it is valid");
    let mut worker = Worker::new(policy.worker_limits(), [7; 32], || Duration::ZERO);
    let mut decide = || {
        let fields = sent
            .iter()
            .map(|(name, value)| (name.as_slice(), value.as_slice()));
        match policy.decide(&Request::of(fields, policy.field_names()), &mut worker) {
            Decision::Allow(allowance) => allowance.name(),
            Decision::Hold(held) => panic!("{held:?}"),
            Decision::Deny(denied) => panic!("{:?}", denied.denial),
        }
    };
    let why = decide();
    let made = allocation_counter::measure(|| {
        decide();
    });
    (made.count_total, why)
}

fn on_host(host: &str, mut sent: Fields) -> Fields {
    let is_authority = |(name, _): &&mut (Vec<u8>, Vec<u8>)| name == b":authority";
    let authority = sent.iter_mut().find(is_authority);
    authority.expect("there is one").1 = host.into();
    sent
}

#[test]
fn a_request_that_passes_allocates_nothing() {
    let requests = [
        (get("/static/app.js?v=1", None), "unmatched"),
        (get("/admin/open/x", None), "exempt"),
        (get("/admin/x", Some("plain:open sesame")), "authenticated"),
        (
            get("/admin/x.php", Some("sha:open sesame")),
            "authenticated",
        ),
        (
            get("/metrics", Some("bcrypt:known answer")),
            "authenticated",
        ),
        (get("/api/v2/x", Some("sha:open sesame")), "authenticated"),
        (
            on_host(
                "www.Staging.example:8443",
                get("/", Some("sha:open sesame")),
            ),
            "authenticated",
        ),
    ];
    let made: Vec<u64> = requests
        .iter()
        .map(|(sent, expected)| {
            let (made, why) = allocations(sent);
            assert_eq!(why, *expected, "{sent:?}");
            made
        })
        .collect();
    assert_eq!(made, [0; 7], "allocations of each request");
}
