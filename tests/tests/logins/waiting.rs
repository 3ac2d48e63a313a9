//! Checks in slices, and requests that are held for them.

use super::{
    SLOW, add, ask, begin, configuration, counter, from, held, ms, status, tick, wait, worker,
};
use basic_auth_tests::{
    corpus::Denial,
    fixture::get,
    host::{Outcome, SharedData, Vm},
};
use std::time::Duration;

const RIGHT: &str = "alice:open sesame";
/// Whatever is checked is checked at full pace.
const AMPLE: &str = r#"{"share_percent": 100, "burst_ms": 10000}"#;

/// A worker whose clock moves on by 0.1 ms whenever it is read: each step takes that long.
fn stepping() -> Vm {
    let mut vm = worker(&SharedData::default());
    vm.advance_at_each_reading(Duration::from_micros(100));
    vm
}

#[test]
fn a_slow_check_is_made_in_slices_and_others_are_served_meanwhile() {
    let mut vm = stepping();
    let plugin = add(&mut vm, &configuration(&["alice"], SLOW, AMPLE));
    assert_eq!(vm.tick_period(), None);
    let stream = held(&mut vm, plugin, &get("/a", Some(RIGHT)));
    assert_eq!(vm.tick_period(), Some(ms(1)));
    let mut ticks = 0;
    let answered = loop {
        let (other, outcome) = begin(&mut vm, plugin, &get("/b", None));
        assert_eq!(status(&outcome), Some(200), "unprotected");
        vm.end_stream(other).expect("no trap");
        let (other, outcome) = begin(&mut vm, plugin, &get("/a", None));
        assert_eq!(status(&outcome), Some(401), "without credentials");
        vm.end_stream(other).expect("no trap");
        tick(&mut vm, plugin);
        ticks += 1;
        if let Some(status) = status(&vm.outcome(&stream)) {
            break status;
        }
        assert!(ticks < 1000, "held for ever");
    };
    assert_eq!(answered, 200);
    assert!(ticks > 2, "{ticks} slices");
    assert_eq!(vm.tick_period(), Some(Duration::from_secs(1)), "no work");
    vm.end_stream(stream).expect("no trap");
    assert_eq!(ask(&mut vm, plugin, RIGHT), 200);
    assert_eq!(counter(&mut vm, plugin, "verifications.begun"), 1);
    assert_eq!(counter(&mut vm, plugin, "verifications.waited"), 1);
    assert_eq!(counter(&mut vm, plugin, "allowed.authenticated"), 2);
}

/// While others send requests, a slice is shorter. When there are none, a quarter of what the timer came late is made up
/// for. A budget that is spent is spent in smaller slices.
#[test]
fn a_slice_is_as_long_as_others_the_timer_and_the_budget_allow() {
    let spent = r#"{"share_percent": 100, "burst_ms": 1}"#;
    let long = SLOW.replace("i=20000", "i=90000");
    // Slices since the request came, whether another came behind them, lateness of the timer, and steps of the next
    // slice, each of 0.1 ms, with the readings of the clock around it, which take as long.
    let cases = [
        (AMPLE, 7, false, 9, 13 + 6),
        (AMPLE, 8, false, 1, 22 + 6),
        (AMPLE, 8, false, 2, 24 + 6),
        (AMPLE, 8, false, 9, 25 + 6),
        (AMPLE, 8, true, 9, 13 + 6),
        (spent, 1, false, 1, 10 + 6),
        (spent, 8, false, 1, 10 + 6),
    ];
    let taken = cases.map(|(budget, slices, is_another, timer_ms, _)| {
        let mut vm = stepping();
        let plugin = add(&mut vm, &configuration(&["alice"], &long, budget));
        // The first slice is made at once.
        held(&mut vm, plugin, &get("/a", Some(RIGHT)));
        for _ in 1..slices {
            vm.advance(ms(4));
            vm.tick_plugin(plugin).expect("no trap");
        }
        if is_another {
            let (other, _) = begin(&mut vm, plugin, &get("/b", None));
            vm.end_stream(other).expect("no trap");
        }
        vm.advance(ms(timer_ms));
        let begun = vm.clock();
        vm.tick_plugin(plugin).expect("no trap");
        (vm.clock() - begun).as_micros() / 100
    });
    assert_eq!(taken, cases.map(|(_, _, _, _, steps)| steps));
}

#[test]
fn a_wrong_password_that_was_waited_for_is_denied() {
    let mut vm = stepping();
    let plugin = add(&mut vm, &configuration(&["alice"], SLOW, AMPLE));
    for credentials in ["alice:wrong", "nobody:open sesame"] {
        let stream = held(&mut vm, plugin, &get("/a", Some(credentials)));
        assert_eq!(wait(&mut vm, plugin, &stream), 401);
        vm.end_stream(stream).expect("no trap");
        // Remembered: neither waits again.
        let (stream, outcome) = begin(&mut vm, plugin, &get("/a", Some(credentials)));
        assert_eq!(status(&outcome), Some(401));
        vm.end_stream(stream).expect("no trap");
    }
    assert_eq!(counter(&mut vm, plugin, "denied.mismatch"), 4);
    assert_eq!(counter(&mut vm, plugin, "verifications.begun"), 2);
    assert_eq!(
        counter(&mut vm, plugin, "credentials_cache.failure_hits"),
        2
    );
}

#[test]
fn requests_with_the_same_credentials_wait_for_one_check() {
    let mut vm = stepping();
    let plugin = add(&mut vm, &configuration(&["alice", "bob"], SLOW, AMPLE));
    let first = held(&mut vm, plugin, &get("/a", Some("bob:open sesame")));
    let streams: Vec<_> = (0..5)
        .map(|_| held(&mut vm, plugin, &get("/a/x", Some(RIGHT))))
        .collect();
    assert_eq!(wait(&mut vm, plugin, &first), 200);
    assert_eq!(wait(&mut vm, plugin, &streams[0]), 200);
    for stream in &streams[1..] {
        assert_eq!(status(&vm.outcome(stream)), Some(200), "together");
    }
    assert_eq!(counter(&mut vm, plugin, "verifications.begun"), 2);
    assert_eq!(counter(&mut vm, plugin, "verifications.waited"), 6);
}

/// With the cache off, what was found for the one rule must last while the other one's check is made.
#[test]
fn a_request_may_wait_for_several_checks() {
    let other = SLOW.replace("i=20000", "i=20001");
    for cache in ["0", "100"] {
        let configuration = format!(
            r#"{{"credentials_cache": {{"max_entries": {cache}}}, "verification_budget": {AMPLE},
                "basic_auth_rules": [{{"prefix": "/", "users": "alice:{SLOW}"}},
                    {{"prefix": "/a", "users": "alice:{SLOW}"}},
                    {{"prefix": "/a/b", "users": "alice:{other}"}}]}}"#
        );
        let mut vm = stepping();
        let plugin = add(&mut vm, &configuration);
        assert_eq!(ask(&mut vm, plugin, RIGHT), 200);
        let stream = held(&mut vm, plugin, &get("/a/b", Some(RIGHT)));
        assert_eq!(wait(&mut vm, plugin, &stream), 401, "the third rule");
        assert_eq!(counter(&mut vm, plugin, "verifications.waited"), 2);
    }
}

#[test]
fn a_spent_budget_lets_requests_wait_and_refuses_them_at_last() {
    let budget = r#"{"share_percent": 1, "burst_ms": 1, "client_share_percent": 100}"#;
    let mut vm = stepping();
    let plugin = add(&mut vm, &configuration(&["alice"], SLOW, budget));
    assert_eq!(ask(&mut vm, plugin, RIGHT), 200, "after a while");
    let begun = vm.clock();
    let guesses: Vec<_> = (0..60)
        .map(|guess| held(&mut vm, plugin, &get("/a", Some(&format!("alice:{guess}")))))
        .collect();
    let refused = loop {
        tick(&mut vm, plugin);
        if let Outcome::Reply(response) = vm.outcome(&guesses[59]) {
            break response;
        }
    };
    let waited = vm.clock() - begun;
    assert!((ms(4900)..ms(5500)).contains(&waited), "{waited:?}");
    assert_eq!(refused.status, 503);
    let denial = Denial::of_details(&refused.details);
    assert_eq!(denial, Some(Denial::Overloaded));
    let retry_after = refused
        .headers
        .iter()
        .any(|(name, _)| name == b"retry-after");
    assert!(retry_after, "{refused:?}");
    assert_eq!(status(&vm.outcome(&guesses[0])), Some(401), "in time");
    assert_eq!(status(&vm.outcome(&guesses[58])), Some(503));
    assert_eq!(ask(&mut vm, plugin, RIGHT), 200, "verified before");
}

#[test]
fn a_queue_that_is_full_takes_no_more_and_memory_is_bounded() {
    let budget = r#"{"share_percent": 1, "burst_ms": 1, "client_share_percent": 100}"#;
    let mut vm = stepping();
    let plugin = add(&mut vm, &configuration(&["alice"], SLOW, budget));
    let mut streams = Vec::new();
    let (mut refused, mut memory) = (0, 0);
    for count in 0..2000 {
        let fields = get("/a", Some(&format!("alice:{count}")));
        let (stream, outcome) = begin(&mut vm, plugin, &fields);
        match status(&outcome) {
            None => streams.push(stream),
            Some(503) => {
                vm.end_stream(stream).expect("no trap");
                refused += 1;
            }
            Some(other) => panic!("{other}"),
        }
        if count == 600 {
            memory = vm.memory_size();
        }
    }
    assert_eq!((streams.len(), refused), (256, 2000 - 256));
    assert_eq!(vm.memory_size(), memory);
    // Somebody from elsewhere takes the place of one of those who have so many.
    let other = held(&mut vm, plugin, &from("10.0.0.9", RIGHT));
    tick(&mut vm, plugin);
    let newest = streams.last().expect("one that waits");
    assert_eq!(status(&vm.outcome(newest)), Some(503));
    assert_eq!(status(&vm.outcome(&other)), None);
}

#[test]
fn those_who_wait_for_one_check_are_bounded_and_take_no_turns() {
    let budget = r#"{"share_percent": 1, "burst_ms": 1, "client_share_percent": 100}"#;
    let mut vm = stepping();
    let plugin = add(&mut vm, &configuration(&["alice"], SLOW, budget));
    let mut held_now = 0;
    let mut refused = 0;
    for _ in 0..4500 {
        let (_, outcome) = begin(&mut vm, plugin, &from("10.0.0.8", "alice:wrong"));
        match status(&outcome) {
            None => held_now += 1,
            Some(503) => refused += 1,
            Some(other) => panic!("{other}"),
        }
    }
    assert_eq!((held_now, refused), (4096, 404));
    let other = held(&mut vm, plugin, &from("10.0.0.9", RIGHT));
    tick(&mut vm, plugin);
    assert_eq!(status(&vm.outcome(&other)), None);
}

#[test]
fn a_client_that_goes_away_leaves_the_queue() {
    let mut vm = stepping();
    let plugin = add(&mut vm, &configuration(&["alice", "bob"], SLOW, AMPLE));
    let gone = held(&mut vm, plugin, &get("/a", Some(RIGHT)));
    let waiting = held(&mut vm, plugin, &get("/a", Some("bob:open sesame")));
    let gone_too = held(&mut vm, plugin, &get("/a", Some("bob:wrong")));
    vm.end_stream(gone).expect("no trap");
    vm.end_stream(gone_too).expect("no trap");
    assert_eq!(wait(&mut vm, plugin, &waiting), 200);
    assert_eq!(counter(&mut vm, plugin, "verifications.abandoned"), 2);
    // What was begun is finished: a client that comes back finds it. What was not begun is not.
    assert_eq!(counter(&mut vm, plugin, "verifications.begun"), 2);
    let (_, outcome) = begin(&mut vm, plugin, &get("/a", Some(RIGHT)));
    assert_eq!(status(&outcome), Some(200));
}

/// As in Envoy with `allow_on_headers_stop_iteration`.
#[test]
fn body_and_trailers_of_a_held_request_are_held_too() {
    let mut vm = stepping();
    let plugin = add(&mut vm, &configuration(&["alice"], SLOW, AMPLE));
    let stream = held(&mut vm, plugin, &get("/a", Some(RIGHT)));
    for _ in 0..3 {
        assert_eq!(vm.request_body(&stream, 100_000), Ok(false));
        let trailers = vm.request_trailers(&stream, &Vec::new());
        assert!(matches!(trailers, Ok(Outcome::Paused)), "{trailers:?}");
        tick(&mut vm, plugin);
    }
    assert_eq!(wait(&mut vm, plugin, &stream), 200);
    assert_eq!(vm.request_body(&stream, 100_000), Ok(true));
    let trailers = vm.request_trailers(&stream, &Vec::new());
    assert!(
        matches!(trailers, Ok(Outcome::Continue { .. })),
        "{trailers:?}"
    );
}

#[test]
fn a_request_is_decided_under_the_configuration_under_which_it_began() {
    let mut vm = stepping();
    let old = add(&mut vm, &configuration(&["alice"], SLOW, AMPLE));
    let stream = held(&mut vm, old, &get("/a", Some(RIGHT)));
    let new = add(&mut vm, &configuration(&["bob"], SLOW, AMPLE));
    assert_eq!(ask(&mut vm, new, RIGHT), 401, "the new one");
    // Each has a timer of its own; the test's host remembers the last one that was set.
    let answered = (0..100).find_map(|_| {
        vm.advance(ms(1));
        vm.tick_plugin(old).expect("no trap");
        status(&vm.outcome(&stream))
    });
    assert_eq!(answered, Some(200), "the old one");
}

/// Envoy does not do that, but what it does not do must not hold a request for ever.
#[test]
fn a_root_context_that_ends_answers_those_that_wait() {
    let mut vm = stepping();
    let plugin = add(&mut vm, &configuration(&["alice"], SLOW, AMPLE));
    let stream = held(&mut vm, plugin, &get("/a", Some(RIGHT)));
    let waiting = held(&mut vm, plugin, &get("/a", Some("alice:wrong")));
    vm.end_plugin(plugin);
    for stream in [stream, waiting] {
        assert_eq!(status(&vm.outcome(&stream)), Some(503));
        vm.end_stream(stream).expect("no trap");
    }
}

#[test]
fn clocks_that_jump_hold_nobody_for_ever_and_let_nobody_pass() {
    let scarce = r#"{"share_percent": 1, "burst_ms": 1, "max_wait_ms": 300}"#;
    for budget in [AMPLE, scarce] {
        for jump in [
            ms(1),
            Duration::from_secs(3600),
            Duration::from_secs(900_000),
        ] {
            let mut vm = stepping();
            let plugin = add(&mut vm, &configuration(&["alice"], SLOW, budget));
            let stream = held(&mut vm, plugin, &get("/a", Some("alice:wrong")));
            vm.set_back(jump);
            let answer = wait(&mut vm, plugin, &stream);
            assert!(matches!(answer, 401 | 503), "{answer}");
            let stream = held(&mut vm, plugin, &get("/a", Some("alice:other")));
            vm.advance(jump);
            let answer = wait(&mut vm, plugin, &stream);
            assert!(matches!(answer, 401 | 503), "{answer}");
        }
    }
}

#[test]
fn a_clock_that_stands_still_ends_the_waiting() {
    let mut vm = worker(&SharedData::default());
    let budget = r#"{"share_percent": 1, "burst_ms": 1}"#;
    let plugin = add(&mut vm, &configuration(&["alice"], SLOW, budget));
    let stream = held(&mut vm, plugin, &get("/a", Some("alice:wrong")));
    let mut ticks = 0;
    while status(&vm.outcome(&stream)).is_none() {
        vm.tick_plugin(plugin).expect("no trap");
        ticks += 1;
        assert!(ticks <= 5001, "held for ever");
    }
}

#[test]
fn in_a_dry_run_nobody_waits_for_a_spent_budget() {
    let budget = r#"{"share_percent": 1, "burst_ms": 1}"#;
    let configuration = configuration(&["alice"], SLOW, budget);
    let mut vm = stepping();
    let plugin = add(
        &mut vm,
        &configuration.replacen('{', r#"{"dry_run": true, "#, 1),
    );
    let first = held(&mut vm, plugin, &get("/a", Some("alice:wrong")));
    let (_, outcome) = begin(&mut vm, plugin, &get("/a", Some("alice:other")));
    assert_eq!(status(&outcome), Some(200));
    assert_eq!(wait(&mut vm, plugin, &first), 200);
}
