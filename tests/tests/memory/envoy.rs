//! Very many requests over HTTP/2 to a real Envoy with one worker.

use super::{
    Counters, LOOKS,
    clients::{BATCH, Clients},
    decisions,
    kinds::Kind,
    plugins, requests, without_overload,
};
use basic_auth_tests::{
    envoy::{PATIENCE, Proxy, Tuned},
    fixture::plugin,
    report::announce,
};
use serde_json::{Value, json};
use xtask::{
    envoy::{Envoy, bootstrap},
    process_memory::ProcessMemory,
};

const MIB: u64 = 1024 * 1024;

/// How much more may be resident at the end. Measured are up to 0.9 MB, nearly all of it soon
/// after the warm-up: free lists of the allocator, and what V8 collects late. A million requests that
/// each leave 16 octets behind would need 14 MB.
const MORE_RESIDENT: u64 = 4 * MIB;

/// How much larger the linear memories may be: on a busy machine the first request that is held for its
/// check may come late. Eight octets that each request leaves behind would need ten times that.
const MORE_LINEAR: u64 = 64 * 1024;

/// How much more Envoy may have allocated, without VMs. Measured are some kilobytes.
const MORE_ALLOCATED: u64 = MIB;

#[test]
fn very_many_mixed_requests_leave_envoy_as_large_as_it_was() {
    let (requests, step) = (requests(), requests() / LOOKS);
    let plugins = vec![
        plugin("main", &plugins::main()),
        plugin("scarce", &plugins::scarce()),
    ];
    let Tuned { proxy, .. } = &mut Tuned::live(plugins, answer_directly, &["--log-level", "warn"]);
    let mut clients = Clients::of(proxy);
    let mut expected = Counters::new();
    let mut sizes = Vec::new();
    for number in 1..=requests {
        let kind = Kind::of(number);
        *expected.entry(kind.counter().to_owned()).or_default() += 1;
        clients.send(kind, number);
        if number % step == 0 {
            clients.finish();
            sizes.push(Size::of(&proxy.envoy));
        }
    }
    assert_answers(proxy, expected);
    let (first, last) = (&sizes[0], &sizes[sizes.len() - 1]);
    assert!(
        last.linear() <= first.linear() + MORE_LINEAR
            && last.process.resident <= first.process.resident + MORE_RESIDENT
            && last.allocated <= first.allocated + MORE_ALLOCATED,
        "after every {step} requests: {sizes:#?}"
    );
    announce(&format!(
        "memory: {requests} requests to an Envoy of {} octets, then {}",
        first.process.resident, last.process.resident
    ));
}

#[derive(Debug)]
struct Size {
    process: ProcessMemory,
    /// By Envoy's own account, in octets.
    allocated: u64,
}

impl Size {
    /// Of all VMs together.
    fn linear(&self) -> u64 {
        self.process.linear_memories.iter().sum()
    }

    fn of(envoy: &Envoy) -> Size {
        let process = ProcessMemory::of(envoy.id()).expect("Envoy runs");
        let answer = envoy.ask_admin("/memory").expect("an answer");
        let memory: Value = serde_json::from_slice(&answer.body).expect("JSON");
        let allocated = memory["allocated"]
            .as_str()
            .and_then(|size| size.parse().ok());
        Size {
            process,
            allocated: allocated.expect("a number"),
        }
    }
}

/// Puts an answer in the place of the upstream.
fn answer_directly(configuration: &mut Value) {
    for listener in bootstrap::listeners(configuration) {
        let manager = bootstrap::manager(listener);
        manager["http2_protocol_options"] = json!({"max_concurrent_streams": BATCH});
        let route = &mut manager["route_config"]["virtual_hosts"][0]["routes"][0];
        *route = bootstrap::answer();
        route["match"] = json!({"prefix": ""});
    }
}

/// Waits for the timer of the module, and compares what the module and Envoy have counted with
/// what was expected.
fn assert_answers(proxy: &mut Proxy, expected: Counters) {
    let is_abandoned = |name: &str| name == Kind::Abandoned.counter();
    let total = |counters: &Counters| {
        let answered = counters.iter().filter(|(name, _)| !is_abandoned(name));
        answered.map(|(_, count)| count).sum::<u64>()
    };
    let counted = proxy.envoy.wait_for("all counters", PATIENCE, |envoy| {
        counters(envoy).filter(|counters| total(counters) >= total(&expected))
    });
    let counted = counted.unwrap_or_else(|error| {
        let counted = counters(&proxy.envoy);
        panic!("{error:#}\ncounted {counted:?}\nexpected {expected:?}")
    });
    let overloaded = counted["denied.overloaded"];
    let settled = settled(counted);
    assert_eq!(settled, self::settled(expected));
    let denied = settled
        .iter()
        .filter(|(name, _)| name.starts_with("denied."));
    let denied: u64 = denied.map(|(_, count)| count).sum();
    let statistic = |class| {
        let of_listener = |name| proxy.statistic(&format!("http.{name}.downstream_rq_{class}"));
        of_listener("main") + of_listener("scarce")
    };
    assert_eq!(statistic("5xx"), overloaded);
    assert_eq!(statistic("4xx"), denied - overloaded);
}

/// What does not depend on the moment, nor on Envoy.
fn settled(counters: Counters) -> Counters {
    let mut counters = without_overload(counters);
    let abandoned = counters.remove(Kind::Abandoned.counter());
    assert!(
        abandoned > Some(0),
        "no request was abandoned: {counters:?}"
    );
    // Envoy joins the values of this field by commas.
    let several = counters.remove(Kind::SeveralCredentials.counter());
    *counters
        .entry(Kind::Malformed.counter().to_owned())
        .or_default() += several.unwrap_or(0);
    counters
}

fn counters(envoy: &Envoy) -> Option<Counters> {
    let answer = envoy.ask_admin("/stats?filter=basic_auth").ok()?;
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    let statistic = |line: &str| {
        let (name, count) = line.split_once(": ")?;
        Some((name.to_owned(), count.parse().ok()?))
    };
    Some(decisions(text.lines().filter_map(statistic)))
}
