//! The verified-credentials cache: what is remembered, for whom, how long, and how much of it.
//!
//! What the cache does shows in its counts only: a request is decided alike with and without it.

#![cfg(not(target_arch = "wasm32"))]

use basic_auth::{Decision, Policy, Request, VerificationCounts, Worker};
use basic_auth_tests::{
    fixture::{BCRYPT, get, vm_with},
    host::{Outcome, Vm},
};
use std::{cell::Cell, rc::Rc, time::Duration};

const SECOND: Duration = Duration::from_secs(1);

/// The core under a configuration, with a clock that stands still until it is moved.
struct Core {
    policy: Policy,
    worker: Worker,
    now: Rc<Cell<Duration>>,
}

impl Core {
    fn new(configuration: &str) -> Core {
        let policy = Policy::parse(configuration.as_bytes(), &|_| None)
            .unwrap_or_else(|error| panic!("{configuration}: {error}"));
        let now = Rc::new(Cell::new(SECOND * 1_000_000));
        let clock = Rc::clone(&now);
        let worker = Worker::new(policy.worker_limits(), [7; 32], move || clock.get());
        Core {
            policy,
            worker,
            now,
        }
    }

    /// Whether these credentials pass, and the hits and misses that it took.
    fn get(&mut self, path: &str, credentials: &str) -> (bool, u64, u64) {
        let fields = get(path, Some(credentials));
        let fields = fields.iter().map(|(name, value)| (&name[..], &value[..]));
        let before = self.worker.verification_counts();
        let decision = self.policy.decide(
            &Request::of(fields, self.policy.field_names()),
            &mut self.worker,
        );
        let is_allowed = matches!(decision, Decision::Allow(_));
        let VerificationCounts {
            cache_hits,
            cache_misses,
            ..
        } = self.worker.verification_counts();
        let hits = cache_hits - before.cache_hits;
        (is_allowed, hits, cache_misses - before.cache_misses)
    }
}

const HIT: (bool, u64, u64) = (true, 1, 0);
const VERIFIED: (bool, u64, u64) = (true, 0, 1);
const REFUSED: (bool, u64, u64) = (false, 0, 1);
const REFUSED_AGAIN: (bool, u64, u64) = (false, 0, 0);

/// Everything is protected, for these users, with this `credentials_cache`.
fn configuration(users: &[&str], cache: &str) -> String {
    let users: Vec<String> = users
        .iter()
        .map(|user| format!("\"{user}:{BCRYPT}\""))
        .collect();
    format!(
        r#"{{"credentials_cache": {cache}, "users": [{}], "basic_auth_rules": [{{"prefix": "/"}}],
            "verification_budget": {{"share_percent": 100, "burst_ms": 10000}}}}"#,
        users.join(", ")
    )
}

#[test]
fn what_is_wrong_is_remembered_apart_from_what_is_right() {
    let mut core = Core::new(&configuration(&["alice"], "{}"));
    for wrong in ["alice:wrong", "nobody:open sesame"] {
        assert_eq!(core.get("/", wrong), REFUSED);
        assert_eq!(core.get("/", wrong), REFUSED_AGAIN);
    }
    assert_eq!(core.get("/", "alice:open sesame"), VERIFIED);
    for _ in 0..3 {
        assert_eq!(core.get("/", "alice:open sesame"), HIT);
    }
    core.now.set(core.now.get() + SECOND * 59);
    for wrong in ["alice:wrong", "nobody:open sesame"] {
        assert_eq!(core.get("/", wrong), REFUSED_AGAIN, "known or not");
    }
    core.now.set(core.now.get() + SECOND * 2);
    for wrong in ["alice:wrong", "nobody:open sesame"] {
        assert_eq!(core.get("/", wrong), REFUSED, "a minute later");
    }
    assert_eq!(core.worker.verification_counts().failure_hits, 4);
}

/// Otherwise the time of an answer would tell who is known in one list and not in another.
#[test]
fn what_is_wrong_is_remembered_for_its_list() {
    let mut core = Core::new(&format!(
        r#"{{"basic_auth_rules": [
            {{"path_separated_prefix": "/a", "users": ["alice:{BCRYPT}", "bob:{BCRYPT}"]}},
            {{"path_separated_prefix": "/b", "users": ["alice:{BCRYPT}"]}}
        ]}}"#
    ));
    for wrong in ["alice:wrong", "bob:wrong", "nobody:wrong"] {
        assert_eq!(core.get("/a", wrong), REFUSED, "{wrong}");
        assert_eq!(core.get("/b", wrong), REFUSED, "{wrong} in the other list");
        assert_eq!(core.get("/a", wrong), REFUSED_AGAIN, "{wrong}");
        assert_eq!(core.get("/b", wrong), REFUSED_AGAIN, "{wrong}");
    }
}

#[test]
fn a_flood_of_what_is_wrong_pushes_nothing_out_that_is_right() {
    let cache = r#"{"max_entries": 1}"#;
    let mut core = Core::new(&configuration(&["alice"], cache));
    assert_eq!(core.get("/", "alice:open sesame"), VERIFIED);
    for count in 0..3000 {
        core.now.set(core.now.get() + Duration::from_millis(20));
        assert_eq!(core.get("/", &format!("alice:{count}")), REFUSED);
    }
    assert_eq!(core.get("/", "alice:open sesame"), HIT);
}

#[test]
fn a_hit_needs_the_same_user_hash_and_password() {
    let mut core = Core::new(&format!(
        r#"{{"basic_auth_rules": [
            {{"path_separated_prefix": "/a", "users": ["alice:{BCRYPT}", "bob:{BCRYPT}"]}},
            {{"path_separated_prefix": "/b", "users": ["alice:{BCRYPT}"]}}
        ], "verification_budget": {{"share_percent": 100, "burst_ms": 10000}}}}"#
    ));
    assert_eq!(core.get("/a", "alice:open sesame"), VERIFIED);
    assert_eq!(core.get("/a", "alice:open sesame"), HIT);
    assert_eq!(
        core.get("/b", "alice:open sesame"),
        HIT,
        "the same hash in another list"
    );
    assert_eq!(core.get("/a", "bob:open sesame"), VERIFIED, "another user");
    assert_eq!(
        core.get("/b", "bob:open sesame"),
        REFUSED,
        "not of this list"
    );
    assert_eq!(
        core.get("/a", "alice:open sesam"),
        REFUSED,
        "a shorter password"
    );
    assert_eq!(
        core.get("/a", "alice:open sesame!"),
        REFUSED,
        "a longer one"
    );
    // Together the same octets: where one part ends is a part of what is remembered.
    assert_eq!(core.get("/a", "alic:eopen sesame"), REFUSED);
}

#[test]
fn rules_that_share_a_list_share_what_is_remembered() {
    let mut core = Core::new(&format!(
        r#"{{"users": "alice:{BCRYPT}", "basic_auth_rules": [{{"prefix": "/"}}, {{"prefix": "/a"}}]}}"#
    ));
    assert_eq!(
        core.get("/a", "alice:open sesame"),
        (true, 1, 1),
        "once for both rules"
    );
    assert_eq!(core.get("/", "alice:open sesame"), HIT);
}

#[test]
fn what_was_remembered_expires() {
    let mut core = Core::new(&configuration(&["alice"], r#"{"ttl_seconds": 60}"#));
    assert_eq!(core.get("/", "alice:open sesame"), VERIFIED);
    core.now
        .set(core.now.get() + SECOND * 60 - Duration::from_nanos(1));
    assert_eq!(
        core.get("/", "alice:open sesame"),
        HIT,
        "a hit does not prolong"
    );
    core.now.set(core.now.get() + Duration::from_nanos(1));
    assert_eq!(core.get("/", "alice:open sesame"), VERIFIED);
    assert_eq!(core.get("/", "alice:open sesame"), HIT);
}

#[test]
fn the_oldest_makes_room() {
    let mut core = Core::new(&configuration(&["a", "b", "c"], r#"{"max_entries": 2}"#));
    for user in ["a", "b", "c"] {
        assert_eq!(core.get("/", &format!("{user}:open sesame")), VERIFIED);
    }
    assert_eq!(core.get("/", "b:open sesame"), HIT);
    assert_eq!(core.get("/", "c:open sesame"), HIT);
    assert_eq!(core.get("/", "a:open sesame"), VERIFIED);
}

#[test]
fn no_entries_means_none() {
    let mut core = Core::new(&configuration(&["alice"], r#"{"max_entries": 0}"#));
    for _ in 0..3 {
        assert_eq!(core.get("/", "alice:open sesame"), VERIFIED);
        assert_eq!(core.get("/", "alice:wrong"), REFUSED);
    }
}

#[test]
fn cheap_formats_are_not_remembered() {
    let mut core = Core::new(
        r#"{"users": ["plain:{PLAIN}x", "sha:{SHA}W8r/fyL/UzygmbNAjq2HbA67qac="],
            "basic_auth_rules": [{"prefix": "/"}]}"#,
    );
    for _ in 0..2 {
        assert_eq!(core.get("/", "plain:x"), (true, 0, 0));
        assert_eq!(core.get("/", "sha:open sesame"), (true, 0, 0));
        assert_eq!(core.get("/", "sha:x"), (false, 0, 0));
    }
}

#[test]
fn a_clock_that_was_set_back_forgets_and_does_no_harm() {
    let mut core = Core::new(&configuration(&["alice"], r#"{"ttl_seconds": 60}"#));
    assert_eq!(core.get("/", "alice:open sesame"), VERIFIED);
    core.now.set(core.now.get() - SECOND * 3600);
    assert_eq!(
        core.get("/", "alice:open sesame"),
        VERIFIED,
        "from the future"
    );
    assert_eq!(core.get("/", "alice:open sesame"), HIT);
    core.now.set(Duration::ZERO);
    assert_eq!(core.get("/", "alice:open sesame"), VERIFIED);
    core.now.set(Duration::MAX);
    assert_eq!(core.get("/", "alice:open sesame"), VERIFIED);
    assert_eq!(core.get("/", "alice:wrong"), REFUSED);
}

fn status(vm: &mut Vm, credentials: &str) -> u32 {
    match vm.request(&get("/", Some(credentials))) {
        Outcome::Continue { .. } => 200,
        Outcome::Reply(response) => response.status,
        other => panic!("{other:?}"),
    }
}

/// Hits and misses since the start of the virtual machine.
fn counts(vm: &mut Vm) -> (u64, u64) {
    vm.tick().expect("no trap");
    let metrics = vm.metrics();
    let of = |name: &str| metrics[&format!("basic_auth.credentials_cache.{name}")];
    (of("hits"), of("misses"))
}

#[test]
fn many_right_credentials_do_not_push_memory_up() {
    const USERS: usize = 1500;
    // The cheapest hash that is slow enough to be remembered: the host interprets the module.
    let hash = "$pbkdf2-sha1$i=264,l=20$c2FsdHNhbHQ$0JaTXg50/DsgR8dwEjuYijdNEGE";
    let users: Vec<String> = (0..USERS)
        .map(|user| format!("\"u{user}:{hash}\""))
        .collect();
    let mut vm = vm_with(&format!(
        r#"{{"credentials_cache": {{"max_entries": 100}}, "users": [{}],
            "verification_budget": {{"share_percent": 100, "burst_ms": 10000}},
            "basic_auth_rules": [{{"prefix": "/"}}]}}"#,
        users.join(", ")
    ));
    let mut memory = 0;
    for user in 0..USERS {
        // Time for the budget to be filled up again.
        vm.advance(SECOND);
        assert_eq!(status(&mut vm, &format!("u{user}:open sesame")), 200);
        if user == 200 {
            memory = vm.memory_size();
        }
    }
    assert_eq!(vm.memory_size(), memory);
    assert_eq!(
        counts(&mut vm),
        (0, USERS as u64),
        "slow, and each of them new"
    );
}

#[test]
fn a_flood_of_wrong_credentials_does_not_push_memory_up() {
    // The host interprets the module: only a few dozen are verified, the others are turned away.
    let narrow = configuration(&["alice"], r#"{"max_entries": 100000}"#)
        .replace("10000}", "50, \"max_wait_ms\": 0}");
    let mut vm = vm_with(&narrow);
    assert_eq!(status(&mut vm, "alice:open sesame"), 200);
    let mut memory = 0;
    for count in 0..20_000 {
        let answer = status(&mut vm, &format!("alice:{count}"));
        assert!(matches!(answer, 401 | 503), "{answer}");
        if count == 1000 {
            memory = vm.memory_size();
        }
    }
    assert_eq!(vm.memory_size(), memory);
    assert_eq!(
        status(&mut vm, "alice:open sesame"),
        200,
        "still remembered"
    );
    assert_eq!(counts(&mut vm), (1, 20_001));
}
