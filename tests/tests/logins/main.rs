//! A login never stalls the proxy: passwords are verified once per proxy, in slices, and requests wait
//! for that.

#![cfg(not(target_arch = "wasm32"))]

mod envoy;
mod fair;
mod lacking;
mod sharing;
mod waiting;

use basic_auth_tests::{
    fixture::{get, vm},
    host::{Outcome, Plugin, SharedData, Stream, Vm},
    observed::Fields,
};
use std::time::Duration;

/// PBKDF2 of `open sesame` with 20,000 iterations: some 5 ms, which are several slices.
const SLOW: &str =
    "$pbkdf2-sha256$i=20000,l=32$c2FsdHNhbHQ$kMgabO3kpWx3iDCcrAFcqWvAx7wPAKGkZpGFgKzQoDs";

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Everything is protected, for these users, who all have the same hash.
fn configuration(users: &[&str], hash: &str, budget: &str) -> String {
    let users: Vec<String> = users
        .iter()
        .map(|user| format!("\"{user}:{hash}\""))
        .collect();
    format!(
        r#"{{"verification_budget": {budget}, "users": [{}], "basic_auth_rules": [{{"path_separated_prefix": "/a"}}]}}"#,
        users.join(", ")
    )
}

/// A worker of a proxy.
fn worker(data: &SharedData) -> Vm {
    let mut vm = vm();
    vm.share(data);
    vm
}

fn add(vm: &mut Vm, configuration: &str) -> Plugin {
    let plugin = vm.add_plugin(configuration.as_bytes());
    plugin.unwrap_or_else(|refused| panic!("{refused:?}"))
}

/// A request from an address.
fn from(address: &str, credentials: &str) -> Fields {
    let mut fields = get("/a", Some(credentials));
    fields.push((b"x-forwarded-for".to_vec(), address.as_bytes().to_vec()));
    fields
}

fn begin(vm: &mut Vm, plugin: Plugin, fields: &Fields) -> (Stream, Outcome) {
    let stream = vm.begin_stream(plugin).expect("no trap");
    let outcome = vm.request_headers(&stream, fields).expect("no trap");
    (stream, outcome)
}

/// A request that is held.
fn held(vm: &mut Vm, plugin: Plugin, fields: &Fields) -> Stream {
    let (stream, outcome) = begin(vm, plugin, fields);
    assert!(matches!(outcome, Outcome::Paused), "{outcome:?}");
    stream
}

/// Lets the timer fire once, when its period is over.
fn tick(vm: &mut Vm, plugin: Plugin) {
    vm.advance(vm.tick_period().expect("a timer"));
    vm.tick_plugin(plugin).expect("no trap");
}

/// The status of what became of a request; `None` while it is held.
fn status(outcome: &Outcome) -> Option<u32> {
    match outcome {
        Outcome::Continue { .. } => Some(200),
        Outcome::Reply(response) => Some(response.status),
        Outcome::Paused => None,
        Outcome::Trap(trap) => panic!("{trap}"),
    }
}

/// Lets the timer fire until a request is decided.
fn wait(vm: &mut Vm, plugin: Plugin, stream: &Stream) -> u32 {
    for _ in 0..100_000 {
        tick(vm, plugin);
        if let Some(status) = status(&vm.outcome(stream)) {
            return status;
        }
    }
    panic!("held for ever");
}

/// Sends a request and waits for its answer.
fn ask(vm: &mut Vm, plugin: Plugin, credentials: &str) -> u32 {
    let (stream, outcome) = begin(vm, plugin, &get("/a", Some(credentials)));
    let status = status(&outcome).unwrap_or_else(|| wait(vm, plugin, &stream));
    vm.end_stream(stream).expect("no trap");
    status
}

/// A counter, once it was handed over.
fn counter(vm: &mut Vm, plugin: Plugin, name: &str) -> u64 {
    vm.advance(Duration::from_secs(1));
    vm.tick_plugin(plugin).expect("no trap");
    vm.metrics()[&format!("basic_auth.{name}")]
}
