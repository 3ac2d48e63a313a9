//! Hosts that lack what logins without a stall need: what was there before is there still, and the log
//! says so once.

use super::{SLOW, add, ask, begin, configuration, counter, held, status, wait, worker};
use basic_auth_tests::{
    fixture::{BCRYPT, get},
    host::{Log, Plugin, SharedData, Vm},
};
use std::time::Duration;

const EFFECTIVE: &str = "proxy_set_effective_context";
const PROPERTY: &str = "proxy_get_property";
const READ: &str = "proxy_get_shared_data";
const TIMER: &str = "proxy_set_tick_period_milliseconds";
const WRITE: &str = "proxy_set_shared_data";

fn warnings(vm: &mut Vm) -> Vec<String> {
    let logs = vm.take_logs().into_iter();
    let warnings = logs.filter(|log| log.level == Log::WARNING);
    warnings.map(|log| log.text).collect()
}

const SHARED: &str = "no shared data on this host: each worker verifies passwords for itself";
const WHOLE: &str = "no timer or no effective context on this host: slow checks are made as a whole, and none waits";
const ADDRESS: &str = "no properties on this host: clients cannot be told apart by their address";

/// What a host lacks, and what the log says about that.
const HOSTS: [(&[&str], &[&str]); 8] = [
    (&[], &[]),
    (&[READ, WRITE], &[SHARED]),
    (&[WRITE], &[SHARED]),
    (&[READ], &[SHARED]),
    (&[TIMER], &[WHOLE]),
    (&[EFFECTIVE], &[WHOLE]),
    (&[PROPERTY], &[ADDRESS]),
    (
        &[READ, WRITE, TIMER, EFFECTIVE, PROPERTY],
        &[SHARED, WHOLE, ADDRESS],
    ),
];

#[test]
fn each_thing_that_a_host_lacks_is_logged_once_and_logins_go_on() {
    for (lacking, expected) in HOSTS {
        let mut vm = worker(&SharedData::default());
        vm.lack(lacking);
        let plugin = add(&mut vm, &configuration(&["alice"], BCRYPT, "{}"));
        assert_eq!(warnings(&mut vm), expected, "without {lacking:?}");
        for _ in 0..2 {
            assert_eq!(at_once(&mut vm, plugin, "alice:open sesame"), Some(200));
            assert_eq!(at_once(&mut vm, plugin, "alice:wrong"), Some(401));
        }
        assert_eq!(warnings(&mut vm), [""; 0], "without {lacking:?}");
    }
}

/// The status that a request gets without waiting.
fn at_once(vm: &mut Vm, plugin: Plugin, credentials: &str) -> Option<u32> {
    let (stream, outcome) = begin(vm, plugin, &get("/a", Some(credentials)));
    vm.end_stream(stream).expect("no trap");
    status(&outcome)
}

#[test]
fn without_a_timer_a_check_is_made_as_a_whole() {
    let mut vm = worker(&SharedData::default());
    vm.lack(&[TIMER]);
    let plugin = add(&mut vm, &configuration(&["alice"], SLOW, "{}"));
    assert_eq!(at_once(&mut vm, plugin, "alice:open sesame"), Some(200));
    assert_eq!(counter(&mut vm, plugin, "verifications.waited"), 0);
}

/// A restriction of capabilities may take it away.
#[test]
fn where_no_request_can_go_on_it_is_answered_and_none_is_held_again() {
    let mut vm = worker(&SharedData::default());
    vm.lack(&["proxy_continue_stream"]);
    let plugin = add(&mut vm, &configuration(&["alice"], SLOW, "{}"));
    vm.advance_at_each_reading(Duration::from_micros(100));
    let stream = held(&mut vm, plugin, &get("/a", Some("alice:open sesame")));
    assert_eq!(wait(&mut vm, plugin, &stream), 503);
    assert_eq!(at_once(&mut vm, plugin, "alice:wrong"), Some(401));
    assert_eq!(ask(&mut vm, plugin, "alice:open sesame"), 200);
}

#[test]
fn with_waiting_turned_off_a_check_is_made_as_a_whole() {
    let mut vm = worker(&SharedData::default());
    let plugin = add(
        &mut vm,
        &configuration(&["alice"], SLOW, r#"{"max_wait_ms": 0}"#),
    );
    vm.advance_at_each_reading(Duration::from_millis(1));
    assert_eq!(at_once(&mut vm, plugin, "alice:open sesame"), Some(200));
    assert_eq!(counter(&mut vm, plugin, "verifications.waited"), 0);
}
