//! Verified once per proxy, and kept over changes.

use super::{add, ask, configuration, counter, worker};
use basic_auth_tests::{
    fixture::{BCRYPT, module},
    host::{Host, SharedData},
};
use std::time::Duration;

#[test]
fn what_one_worker_has_verified_all_know() {
    let data = SharedData::default();
    let configuration = configuration(&["alice"], BCRYPT, "{}");
    for number in 0..4 {
        let mut vm = worker(&data);
        let plugin = add(&mut vm, &configuration);
        for _ in 0..2 {
            assert_eq!(ask(&mut vm, plugin, "alice:open sesame"), 200);
        }
        assert_eq!(ask(&mut vm, plugin, "bob:open sesame"), 401);
        let mut counted = |name| counter(&mut vm, plugin, name);
        let is_first = number == 0;
        let checks = if is_first { 2 } else { 1 };
        assert_eq!(counted("verifications.begun"), checks);
        let shared = u64::from(!is_first);
        assert_eq!(counted("credentials_cache.shared_hits"), shared);
        assert_eq!(counted("credentials_cache.hits"), 1, "its own comes first");
        // What is wrong stays with the worker that found it out.
        assert_eq!(counted("credentials_cache.misses"), checks);
    }
}

#[test]
fn a_user_stays_verified_over_changes_until_removed_or_given_another_hash() {
    let data = SharedData::default();
    let mut vms = [worker(&data), worker(&data)];
    let users = ["alice", "bob"];
    let before = configuration(&users, BCRYPT, "{}");
    let plugin = add(&mut vms[0], &before);
    assert_eq!(ask(&mut vms[0], plugin, "alice:open sesame"), 200);
    for vm in &mut vms {
        let mut checks_under = |configuration: &str, status: u32| {
            let plugin = add(vm, configuration);
            let before = counter(vm, plugin, "verifications.begun");
            assert_eq!(ask(vm, plugin, "alice:open sesame"), status);
            let checks = counter(vm, plugin, "verifications.begun") - before;
            vm.end_plugin(plugin);
            checks
        };
        let with_carol = configuration(&["alice", "bob", "carol"], BCRYPT, "{}");
        assert_eq!(checks_under(&with_carol, 200), 0, "one more user");
        let without = configuration(&["bob"], BCRYPT, "{}");
        assert_eq!(checks_under(&without, 401), 1, "a removed user");
        // The hash of another password.
        let changed = before.replacen(BCRYPT, &BCRYPT.replace("fgH9a", "fgH9b"), 1);
        assert_eq!(checks_under(&changed, 401), 1, "another password");
        assert_eq!(checks_under(&before, 200), 0, "as it was");
    }
}

/// Another module under the same `vm_id` is another virtual machine with the same shared data.
#[test]
fn a_user_stays_verified_over_a_change_of_the_module() {
    let data = SharedData::default();
    let configuration = configuration(&["alice"], BCRYPT, "{}");
    let mut old = worker(&data);
    let plugin = add(&mut old, &configuration);
    assert_eq!(ask(&mut old, plugin, "alice:open sesame"), 200);
    // A custom section makes it another one.
    let other = [&module().bytes[..], &[0, 2, 1, b'x']].concat();
    let mut new = Host::load(&other).expect("a module").start(&[].into());
    let new = new.as_mut().expect("it starts");
    new.share(&data);
    let plugin = add(new, &configuration);
    assert_eq!(ask(new, plugin, "alice:open sesame"), 200);
    assert_eq!(counter(new, plugin, "verifications.begun"), 0);
}

#[test]
fn what_is_shared_expires_also_when_clocks_jump() {
    let data = SharedData::default();
    let configuration = configuration(&["alice"], BCRYPT, "{}");
    let mut first = worker(&data);
    let plugin = add(&mut first, &configuration);
    assert_eq!(ask(&mut first, plugin, "alice:open sesame"), 200);
    // By so much the clock of a worker that starts is ahead; the time to live is 300 s.
    for (seconds, checks) in [(0_i64, 0), (299, 0), (301, 1), (-1, 1)] {
        let mut vm = worker(&data.clone());
        let by = Duration::from_secs(seconds.unsigned_abs());
        if seconds < 0 {
            vm.set_back(by);
        } else {
            vm.advance(by);
        }
        let copy = SharedData::default();
        data.values()
            .iter()
            .for_each(|(key, value)| copy.write(key, value));
        vm.share(&copy);
        let plugin = add(&mut vm, &configuration);
        assert_eq!(ask(&mut vm, plugin, "alice:open sesame"), 200);
        let begun = counter(&mut vm, plugin, "verifications.begun");
        assert_eq!(begun, checks, "{seconds} s");
    }
}

#[test]
fn garbage_in_shared_data_changes_no_decision() {
    for garbage in [&b""[..], b"x", &[0xFF; 32], &[0xFF; 320], &[0; 100_000]] {
        let data = SharedData::default();
        data.write(b"basic_auth.1.key", garbage);
        for set in 0..1024 {
            data.write(format!("basic_auth.1.{set}").as_bytes(), garbage);
        }
        let mut vm = worker(&data);
        let plugin = add(&mut vm, &configuration(&["alice"], BCRYPT, "{}"));
        assert_eq!(ask(&mut vm, plugin, "alice:wrong"), 401);
        assert_eq!(ask(&mut vm, plugin, "alice:open sesame"), 200);
        assert_eq!(ask(&mut vm, plugin, "bob:open sesame"), 401);
        assert_eq!(counter(&mut vm, plugin, "verifications.begun"), 3);
    }
}

#[test]
fn nothing_in_shared_data_is_the_password_or_the_hash() {
    let data = SharedData::default();
    let mut vm = worker(&data);
    let plugin = add(&mut vm, &configuration(&["alice"], BCRYPT, "{}"));
    assert_eq!(ask(&mut vm, plugin, "alice:open sesame"), 200);
    let values = data.values();
    let sizes: Vec<usize> = values.values().map(Vec::len).collect();
    // A set of eight slots, and the key.
    assert_eq!(sizes.iter().sum::<usize>(), 320 + 32, "{values:?}");
    for (_, value) in values {
        for secret in ["alice", "open sesame", &BCRYPT[7..20]] {
            let mut windows = value.windows(secret.len());
            assert!(!windows.any(|window| window == secret.as_bytes()));
        }
    }
}
