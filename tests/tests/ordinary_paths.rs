//! Ordinary paths of an open site stay open beside rules of every kind: what is read in many ways must not
//! shut out who means no harm.

#![cfg(not(target_arch = "wasm32"))]

use basic_auth::{Allowance, Decision, Policy, Request, Worker};
use std::time::Duration;

const PATHS: &str = include_str!("../ordinary_paths.txt");

const CONFIGURATION: &str = r#"{"basic_auth_rules": [
    {"exact": "/admin", "credentials": ["ok:test"]},
    {"path_separated_prefix": "/admin/secret", "credentials": ["ok:test"]},
    {"prefix": "/private/", "credentials": ["ok:test"]},
    {"suffix": ".php", "credentials": ["ok:test"]},
    {"regex": "/(internal|ops)(/.*)?", "credentials": ["ok:test"]},
    {"prefix": "/", "hosts": ["secret.example"], "credentials": ["ok:test"]}
]}"#;

#[test]
fn ordinary_paths_stay_open() {
    let policy = Policy::parse(CONFIGURATION.as_bytes(), &|_| None).expect("a policy");
    let mut worker = Worker::new(policy.worker_limits(), [7; 32], || Duration::ZERO);
    assert_eq!(PATHS.lines().count(), 400);
    let mut denied = Vec::new();
    for path in PATHS.lines() {
        let request = Request {
            method: Some(b"GET"),
            authority: Some(b"www.example.com"),
            path: Some(path.as_bytes()),
            ..Request::default()
        };
        let decision = policy.decide(&request, &mut worker);
        if !matches!(decision, Decision::Allow(Allowance::Unmatched)) {
            denied.push(path);
        }
    }
    assert!(denied.is_empty(), "{denied:#?}");
}
