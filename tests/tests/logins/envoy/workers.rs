//! Verified on one worker, found on the others, also after updates.

use super::{BCRYPT_10, Live, ask};
use basic_auth_tests::envoy::PATIENCE;
use std::time::Instant;

/// So many connections reach all four workers.
const CONNECTIONS: usize = 64;

fn configuration(users: &str) -> String {
    format!(r#"{{"users": "{users}", "basic_auth_rules": [{{"path_separated_prefix": "/a"}}]}}"#)
}

/// Waits until all of many connections in a row get this answer.
fn wait_for_all(live: &Live, credentials: &str, status: u16) {
    let deadline = Instant::now() + PATIENCE;
    let is_answer = |_| ask(live.address("main"), credentials) == status;
    while !(0..CONNECTIONS).all(is_answer) {
        assert!(Instant::now() < deadline, "{credentials}: never {status}");
    }
}

#[test]
fn what_one_worker_has_verified_all_know_also_after_updates() {
    let alice = format!("alice:{BCRYPT_10}");
    let right = "alice:open sesame";
    let mut live = Live::start(&configuration(&alice), Vec::new());
    for _ in 0..CONNECTIONS {
        assert_eq!(ask(live.address("main"), right), 200);
    }
    live.wait_for_counter("allowed.authenticated", 64);
    live.wait_for_counter("verifications.begun", 1);
    live.wait_for_counter("credentials_cache.shared_hits", 3);

    // Another user, and then another module. Both are at work when bob is known.
    for (bob, module, version) in [("bob", "one", 2), ("ben", "other", 3)] {
        let users = format!("{alice}\\n{bob}:{{PLAIN}}word");
        live.ecds.publish(&configuration(&users), module, version);
        wait_for_all(&live, &format!("{bob}:word"), 200);
        for _ in 0..CONNECTIONS {
            assert_eq!(ask(live.address("main"), right), 200);
        }
    }
    live.wait_for_counter("credentials_cache.shared_hits", 3 + 4 + 4);

    // Another hash, and then no alice.
    let (digest, other) = (&BCRYPT_10[40..44], &BCRYPT_10[44..48]);
    let changed = alice.replace(digest, other);
    for (users, version) in [(changed, 4), ("bob:{PLAIN}word".to_owned(), 5)] {
        live.ecds.publish(&configuration(&users), "other", version);
        wait_for_all(&live, right, 401);
    }
    live.ecds.publish(&configuration(&alice), "other", 6);
    wait_for_all(&live, right, 200);
    live.assert_no_trap();
}
