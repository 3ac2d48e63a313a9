//! A fair budget: no client spends that of the others.

use super::{SLOW, add, begin, configuration, counter, from, held, status, tick, wait, worker};
use basic_auth_tests::{
    corpus::Denial,
    host::{Outcome, SharedData, Stream, Vm},
};
use std::time::Duration;

fn stepping() -> Vm {
    let mut vm = worker(&SharedData::default());
    vm.advance_at_each_reading(Duration::from_micros(100));
    vm
}

/// How many of these are decided.
fn decided(vm: &mut Vm, streams: &[Stream]) -> usize {
    let is_decided = |stream: &&Stream| status(&vm.outcome(stream)).is_some();
    streams.iter().filter(is_decided).count()
}

#[test]
fn a_client_that_guesses_passwords_is_refused_for_its_share_and_others_log_in() {
    let mut vm = stepping();
    let budget = r#"{"share_percent": 5, "burst_ms": 20}"#;
    let plugin = add(&mut vm, &configuration(&["alice"], SLOW, budget));
    let guesses: Vec<Stream> = (0..20)
        .map(|guess| {
            let fields = from("10.0.0.1", &format!("alice:{guess}"));
            held(&mut vm, plugin, &fields)
        })
        .collect();
    for _ in 0..100 {
        tick(&mut vm, plugin);
    }
    let begun = vm.clock();
    let other = held(&mut vm, plugin, &from("10.0.0.2", "alice:open sesame"));
    assert_eq!(wait(&mut vm, plugin, &other), 200);
    let waited = vm.clock() - begun;
    assert!(waited < Duration::from_secs(1), "{waited:?}");
    assert!(decided(&mut vm, &guesses) <= 2);
    let last = guesses.last().expect("a guess");
    let refused = loop {
        tick(&mut vm, plugin);
        if let Outcome::Reply(response) = vm.outcome(last) {
            break response;
        }
    };
    assert_eq!(refused.status, 503);
    let denial = Denial::of_details(&refused.details);
    assert_eq!(denial, Some(Denial::ClientOverloaded));
    assert!(counter(&mut vm, plugin, "denied.client_overloaded") > 0);
}

/// An office behind one address, or one Prometheus.
#[test]
fn right_passwords_are_not_charged_to_their_client() {
    let mut vm = stepping();
    let users: Vec<String> = (0..20).map(|user| format!("u{user}")).collect();
    let names: Vec<&str> = users.iter().map(String::as_str).collect();
    let budget = r#"{"share_percent": 100, "burst_ms": 10}"#;
    let plugin = add(&mut vm, &configuration(&names, SLOW, budget));
    let streams: Vec<Stream> = users
        .iter()
        .map(|user| {
            let fields = from("10.0.0.1", &format!("{user}:open sesame"));
            held(&mut vm, plugin, &fields)
        })
        .collect();
    for stream in &streams {
        let outcome = vm.outcome(stream);
        let status = status(&outcome).unwrap_or_else(|| wait(&mut vm, plugin, stream));
        assert_eq!(status, 200);
    }
    assert_eq!(counter(&mut vm, plugin, "denied.client_overloaded"), 0);
}

#[test]
fn addresses_are_served_in_turn() {
    let mut vm = stepping();
    let budget = r#"{"share_percent": 100, "burst_ms": 10000, "client_share_percent": 100}"#;
    let plugin = add(&mut vm, &configuration(&["alice"], SLOW, budget));
    let ask = |vm: &mut Vm, address: &str, password: &str| {
        held(vm, plugin, &from(address, &format!("alice:{password}")))
    };
    let many: Vec<Stream> = (0..10)
        .map(|guess| ask(&mut vm, "2001:db8::1", &guess.to_string()))
        .collect();
    let [second, third] =
        ["10.0.0.2", "10.0.0.3"].map(|address| ask(&mut vm, address, "a guess of its own"));
    assert_eq!(wait(&mut vm, plugin, &second), 401);
    assert!(status(&vm.outcome(&third)).is_none_or(|status| status == 401));
    assert!(decided(&mut vm, &many) <= 2, "in turn");
}

#[test]
fn an_address_that_is_none_has_no_share() {
    let mut vm = stepping();
    let budget = r#"{"share_percent": 100, "burst_ms": 10}"#;
    let plugin = add(&mut vm, &configuration(&["alice"], SLOW, budget));
    for guess in 0..20 {
        let (stream, outcome) = begin(
            &mut vm,
            plugin,
            &from("/run/client.sock", &format!("alice:{guess}")),
        );
        let answer = status(&outcome).unwrap_or_else(|| wait(&mut vm, plugin, &stream));
        assert_eq!(answer, 401);
        vm.end_stream(stream).expect("no trap");
    }
    assert_eq!(counter(&mut vm, plugin, "denied.client_overloaded"), 0);
}
