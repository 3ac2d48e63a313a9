//! Very many requests to one VM, in the Proxy-Wasm host of the tests.

use super::{Counters, LOOKS, decisions, kinds::Kind, plugins, requests, without_overload};
use basic_auth_tests::{
    fixture,
    host::{Outcome, Plugin, Vm},
    report::announce,
};
use std::time::Duration;

/// Between two ticks of the timer.
const TICK: usize = 1_000;

#[test]
fn very_many_mixed_requests_take_not_one_page_of_memory() {
    let (requests, step) = (requests(), requests() / LOOKS);
    let mut worker = Worker::start();
    let mut expected = Counters::new();
    let mut sizes = Vec::new();
    for number in 1..=requests {
        let kind = Kind::of(number);
        *expected.entry(kind.counter().to_owned()).or_default() += 1;
        worker.send(kind, number);
        if number % TICK == 0 {
            worker.tick();
        }
        if number % step == 0 {
            sizes.push(worker.vm.memory_size());
        }
        if number == requests / 2 {
            // What the cache holds expires, and the budgets are full again.
            worker.vm.advance(Duration::from_secs(1));
        }
    }
    worker.tick();
    let counted = decisions(worker.vm.metrics());
    assert_eq!(without_overload(counted), without_overload(expected));
    assert!(worker.vm.metrics()["basic_auth.credentials_cache.hits"] > 0);
    assert!(
        sizes.iter().all(|size| *size == sizes[0]),
        "the linear memory after every {step} requests, in octets: {sizes:?}"
    );
    announce(&format!(
        "memory: {requests} requests to a VM of {} octets",
        sizes[0]
    ));
}

/// A VM with two plugins.
struct Worker {
    vm: Vm,
    main: Plugin,
    scarce: Plugin,
}

impl Worker {
    fn start() -> Worker {
        let mut vm = fixture::vm();
        let mut plugin = |configuration: String| {
            let plugin = vm.add_plugin(configuration.as_bytes());
            plugin.unwrap_or_else(|refused| panic!("{refused:?}"))
        };
        let main = plugin(plugins::main());
        let scarce = plugin(plugins::scarce());
        Worker { vm, main, scarce }
    }

    fn tick(&mut self) {
        for plugin in [self.main, self.scarce] {
            self.vm.tick_plugin(plugin).expect("no trap");
        }
        let _ = self.vm.take_logs();
    }

    fn send(&mut self, kind: Kind, number: usize) {
        let plugin = match kind {
            Kind::Scarce => self.scarce,
            _ => self.main,
        };
        let stream = self.vm.begin_stream(plugin).expect("no trap");
        let outcome = self.vm.request_headers(&stream, &kind.fields(number));
        let status = match outcome.expect("no trap") {
            Outcome::Continue { .. } => 200,
            Outcome::Reply(response) => response.status,
            other => panic!("{kind:?}, {number}: {other:?}"),
        };
        assert!(kind.is_answer(status), "{kind:?}, {number}: {status}");
        if kind == Kind::Abandoned {
            // Another is given up before its fields are there.
            let _ = self.vm.begin_stream(plugin).expect("no trap");
        } else {
            self.vm.end_stream(stream).expect("no trap");
        }
    }
}
