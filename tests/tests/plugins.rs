//! Several plugins in one virtual machine, as Envoy has them when listeners share a module: each
//! keeps its own policy, cache, budget and end.

#![cfg(not(target_arch = "wasm32"))]

use basic_auth_tests::{
    fixture::{BCRYPT, get, vm},
    host::{Outcome, Plugin, Vm},
};

fn add(vm: &mut Vm, configuration: &str) -> Plugin {
    vm.add_plugin(configuration.as_bytes())
        .unwrap_or_else(|refused| panic!("{refused:?}"))
}

fn protecting(path: &str, user: &str) -> String {
    format!(r#"{{"basic_auth_rules": [{{"prefix": "{path}", "credentials": ["{user}:x"]}}]}}"#)
}

fn status(outcome: Outcome) -> u32 {
    match outcome {
        Outcome::Continue { .. } => 200,
        Outcome::Reply(response) => response.status,
        other => panic!("{other:?}"),
    }
}

fn ask(vm: &mut Vm, plugin: Plugin, path: &str, credentials: Option<&str>) -> u32 {
    let stream = vm.begin_stream(plugin).expect("no trap");
    let outcome = vm.request_headers(&stream, &get(path, credentials));
    vm.end_stream(stream).expect("no trap");
    status(outcome.expect("no trap"))
}

#[test]
fn each_request_is_decided_by_its_own_plugin() {
    let mut vm = vm();
    let plugins = [("/a", "alice"), ("/b", "bob"), ("/", "carol")]
        .map(|(path, user)| (add(&mut vm, &protecting(path, user)), path, user));
    for _ in 0..2 {
        for (plugin, path, user) in plugins {
            assert_eq!(ask(&mut vm, plugin, path, None), 401);
            assert_eq!(ask(&mut vm, plugin, path, Some(&format!("{user}:x"))), 200);
            for (_, other_path, other_user) in plugins.iter().filter(|(_, _, u)| *u != user) {
                let other = format!("{other_user}:x");
                assert_eq!(
                    ask(&mut vm, plugin, path, Some(&other)),
                    401,
                    "{user} {other}"
                );
                let is_protected = other_path.starts_with(path);
                let expected = if is_protected { 401 } else { 200 };
                assert_eq!(ask(&mut vm, plugin, other_path, None), expected);
            }
        }
    }
}

#[test]
fn streams_that_overlap_do_not_mix() {
    let mut vm = vm();
    let alice = add(&mut vm, &protecting("/", "alice"));
    let bob = add(&mut vm, &protecting("/", "bob"));
    let mut open = Vec::new();
    for round in 0..50 {
        let (plugin, own, other) = if round % 3 == 0 {
            (alice, "alice:x", "bob:x")
        } else {
            (bob, "bob:x", "alice:x")
        };
        let (credentials, expected) = if round % 2 == 0 {
            (own, 200)
        } else {
            (other, 401)
        };
        let stream = vm.begin_stream(plugin).expect("no trap");
        let outcome = vm.request_headers(&stream, &get("/", Some(credentials)));
        assert_eq!(status(outcome.expect("no trap")), expected, "round {round}");
        open.push(stream);
        // The older ones end between the others, not in the order in which they began.
        if round % 5 == 4 {
            let middle = open.swap_remove(open.len() / 2);
            vm.end_stream(middle).expect("no trap");
        }
    }
    for stream in open {
        vm.end_stream(stream).expect("no trap");
    }
    assert_eq!(ask(&mut vm, alice, "/", Some("alice:x")), 200);
}

#[test]
fn whatever_the_order_of_callbacks_no_request_passes_that_must_not() {
    let mut vm = vm();
    let strict = add(&mut vm, &protecting("/", "alice"));
    let open = add(&mut vm, "{}");
    let first = vm.begin_stream(strict).expect("no trap");
    let second = vm.begin_stream(open).expect("no trap");
    // Envoy creates a context right before its headers come; another host may not.
    let outcome = vm.request_headers(&first, &get("/", None));
    assert_ne!(status(outcome.expect("no trap")), 200);
    let outcome = vm.request_headers(&second, &get("/", None));
    assert_eq!(status(outcome.expect("no trap")), 200);
}

#[test]
fn a_plugin_that_ends_leaves_the_others_alone() {
    let mut vm = vm();
    let alice = add(&mut vm, &protecting("/", "alice"));
    let bob = add(&mut vm, &protecting("/", "bob"));
    assert_eq!(ask(&mut vm, alice, "/", Some("alice:x")), 200);
    vm.end_plugin(alice);
    for _ in 0..3 {
        vm.tick_plugin(bob).expect("no trap");
        assert_eq!(ask(&mut vm, bob, "/", Some("bob:x")), 200);
        assert_eq!(ask(&mut vm, bob, "/", Some("alice:x")), 401);
    }
    // The last requests of the one that ended were counted too.
    assert_eq!(vm.metrics()["basic_auth.allowed.authenticated"], 1 + 2);
}

#[test]
fn a_stream_outlives_its_plugin_without_a_trap() {
    let mut vm = vm();
    let alice = add(&mut vm, &protecting("/", "alice"));
    let bob = add(&mut vm, &protecting("/", "bob"));
    let stream = vm.begin_stream(alice).expect("no trap");
    vm.end_plugin(alice);
    vm.tick_plugin(bob).expect("no trap");
    let outcome = vm
        .request_headers(&stream, &get("/", None))
        .expect("no trap");
    assert!(matches!(status(outcome), 401 | 503));
    vm.end_stream(stream).expect("no trap");
    assert_eq!(ask(&mut vm, bob, "/", Some("bob:x")), 200);
}

#[test]
fn a_refused_plugin_leaves_the_others_alone() {
    let mut vm = vm();
    let alice = add(&mut vm, &protecting("/", "alice"));
    for bad in [r#"{"realm": 1}"#, "x", r#"{"basic_auth_rules": [{}]}"#] {
        assert!(vm.add_plugin(bad.as_bytes()).is_err());
    }
    vm.tick_plugin(alice).expect("no trap");
    assert_eq!(ask(&mut vm, alice, "/", None), 401);
    assert_eq!(ask(&mut vm, alice, "/", Some("alice:x")), 200);
}

#[test]
fn what_one_plugin_has_spent_is_not_the_others_but_what_it_has_verified_is() {
    let mut vm = vm();
    let configuration = format!(
        r#"{{"verification_budget": {{"share_percent": 1, "burst_ms": 1, "max_wait_ms": 0, "client_share_percent": 100}}, "users": "alice:{BCRYPT}",
            "basic_auth_rules": [{{"prefix": "/"}}]}}"#
    );
    let first = add(&mut vm, &configuration);
    let second = add(&mut vm, &configuration);
    assert_eq!(ask(&mut vm, first, "/", Some("alice:open sesame")), 200);
    let wrong = |count: usize| format!("alice:{count}");
    let spent = (0..1000).find(|count| ask(&mut vm, first, "/", Some(&wrong(*count))) == 503);
    assert!(spent.is_some(), "never spent");
    assert_eq!(
        ask(&mut vm, second, "/", Some("alice:open sesame")),
        200,
        "what is shared"
    );
    assert_eq!(
        ask(&mut vm, second, "/", Some("alice:wrong")),
        401,
        "its own budget"
    );
    vm.tick_plugin(first).expect("no trap");
    vm.tick_plugin(second).expect("no trap");
    let metrics = vm.metrics();
    assert_eq!(metrics["basic_auth.credentials_cache.shared_hits"], 1);
    assert_eq!(metrics["basic_auth.denied.overloaded"], 1);
}
