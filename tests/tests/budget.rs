//! The verification budget where no request waits: a flood of slow checks gets 503, and nobody else
//! notices.

#![cfg(not(target_arch = "wasm32"))]

use basic_auth::{Decision, Policy, Request, Worker};
use basic_auth_tests::{
    corpus::Denial,
    fixture::{BCRYPT, get, vm_with},
    host::{LocalResponse, Outcome, Vm},
};
use std::{
    cell::Cell,
    rc::Rc,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

const RIGHT: &str = "slow:open sesame";
/// What stands behind it is another each time: the same would be remembered.
const WRONG: &str = "slow:wrong";

/// One check, and no waiting for the next.
const ONE_CHECK: &str =
    r#"{"share_percent": 1, "burst_ms": 1, "max_wait_ms": 0, "client_share_percent": 100}"#;

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// A slow user, a cheap one, and a way around both.
fn configuration(budget: &str) -> String {
    format!(
        r#"{{"verification_budget": {budget}, "users": ["slow:{BCRYPT}", "other:{BCRYPT}"], "basic_auth_rules": [
            {{"path_separated_prefix": "/a"}},
            {{"path_separated_prefix": "/cheap", "users": ["cheap:{{SHA}}W8r/fyL/UzygmbNAjq2HbA67qac="]}},
            {{"exact": "/a/open", "exempt": true}}
        ]}}"#
    )
}

/// The core with a clock that moves on whenever it is read, as if a check took that long.
struct Core {
    policy: Policy,
    worker: Worker,
    now: Rc<Cell<Duration>>,
    check_takes: Rc<Cell<Duration>>,
}

#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Passed,
    Denied(u32),
    /// 503, and after how many seconds to come back.
    Overloaded(u64),
}

impl Core {
    fn new(budget: &str) -> Core {
        let policy = Policy::parse(configuration(budget).as_bytes(), &|_| None)
            .unwrap_or_else(|error| panic!("{budget}: {error}"));
        let now = Rc::new(Cell::new(ms(1_000_000)));
        let check_takes = Rc::new(Cell::new(Duration::ZERO));
        let (clock, step) = (Rc::clone(&now), Rc::clone(&check_takes));
        let worker = Worker::new(policy.worker_limits(), [7; 32], move || {
            let read = clock.get();
            clock.set(read + step.get());
            read
        });
        Core {
            policy,
            worker,
            now,
            check_takes,
        }
    }

    fn get(&mut self, path: &str, credentials: Option<&str>) -> Answer {
        let credentials = credentials.map(another);
        let fields = get(path, credentials.as_deref());
        let fields = fields.iter().map(|(name, value)| (&name[..], &value[..]));
        let request = Request::of(fields, self.policy.field_names());
        match self.policy.decide(&request, &mut self.worker) {
            Decision::Allow(_) => Answer::Passed,
            Decision::Hold(held) => panic!("{held:?}"),
            Decision::Deny(denied) => match denied.retry_after_seconds() {
                Some(seconds) => {
                    assert_eq!((denied.status(), denied.challenge()), (503, None));
                    Answer::Overloaded(seconds)
                }
                None => Answer::Denied(denied.status()),
            },
        }
    }

    /// Checks that take so long, until one is turned away. The clock stands still from then on.
    fn exhaust(&mut self, check_takes: Duration) -> (usize, u64) {
        self.check_takes.set(check_takes);
        for count in 0..1000 {
            if let Answer::Overloaded(seconds) = self.get("/a", Some(WRONG)) {
                self.check_takes.set(Duration::ZERO);
                return (count, seconds);
            }
        }
        panic!("never exhausted");
    }

    fn advance(&self, by: Duration) {
        self.now.set(self.now.get() + by);
    }
}

#[test]
fn a_spent_budget_turns_slow_checks_away_and_nobody_else() {
    let mut core = Core::new(r#"{"share_percent": 10, "burst_ms": 100}"#);
    assert_eq!(core.get("/a", Some(RIGHT)), Answer::Passed);
    core.exhaust(ms(50));
    assert!(matches!(core.get("/a", Some(WRONG)), Answer::Overloaded(_)));
    assert!(matches!(
        core.get("/a", Some("nobody:x")),
        Answer::Overloaded(_)
    ));
    assert!(matches!(
        core.get("/a", Some("other:open sesame")),
        Answer::Overloaded(_)
    ));
    assert_eq!(
        core.get("/a", Some(RIGHT)),
        Answer::Passed,
        "verified before"
    );
    assert_eq!(
        core.get("/cheap", Some("cheap:open sesame")),
        Answer::Passed
    );
    assert_eq!(core.get("/cheap", Some("cheap:wrong")), Answer::Denied(401));
    assert_eq!(core.get("/a", None), Answer::Denied(401), "no credentials");
    assert_eq!(core.get("/a/open", Some(WRONG)), Answer::Passed, "exempt");
    assert_eq!(core.get("/x", Some(WRONG)), Answer::Passed, "unmatched");
}

#[test]
fn who_was_verified_once_is_let_in_also_after_that_has_expired() {
    let mut core = Core::new(r#"{"share_percent": 10, "burst_ms": 100}"#);
    assert_eq!(core.get("/a", Some(RIGHT)), Answer::Passed);
    core.advance(Duration::from_secs(3600));
    core.exhaust(ms(50));
    assert_eq!(core.get("/a", Some(RIGHT)), Answer::Passed);
    assert!(matches!(core.get("/a", Some(WRONG)), Answer::Overloaded(_)));
}

#[test]
fn a_burst_and_then_a_share_of_the_time() {
    let mut core = Core::new(r#"{"share_percent": 10, "burst_ms": 200}"#);
    core.check_takes.set(ms(20));
    let (begin, mut checks) = (core.now.get(), 0);
    while core.now.get() < begin + ms(100_000) {
        checks += u64::from(core.get("/a", Some(WRONG)) == Answer::Denied(401));
    }
    let spent = checks * 20;
    // A tenth of 100 seconds, the burst, and the last check.
    assert!((9_900..=10_240).contains(&spent), "{spent} ms");
}

#[test]
fn who_comes_back_as_told_is_let_in() {
    for share in [1, 3, 10, 25, 40] {
        for check in [ms(3), ms(19), ms(150), ms(240)] {
            let mut core = Core::new(&format!(r#"{{"share_percent": {share}, "burst_ms": 1}}"#));
            let (_, seconds) = core.exhaust(check);
            core.advance(Duration::from_secs(seconds));
            let answer = core.get("/a", Some("other:open sesame"));
            assert_eq!(
                answer,
                Answer::Passed,
                "{share} %, {check:?}, told {seconds} s"
            );
        }
    }
}

#[test]
fn nobody_is_told_to_stay_away_for_much_too_long() {
    let mut core = Core::new(r#"{"share_percent": 25, "burst_ms": 500}"#);
    let (_, seconds) = core.exhaust(ms(100));
    // At most one check of debt, four times as long.
    assert_eq!(seconds, 1);
}

#[test]
fn a_clock_that_stands_still_makes_no_check_free() {
    let mut core = Core::new(r#"{"share_percent": 25, "burst_ms": 100}"#);
    let (checks, _) = core.exhaust(Duration::ZERO);
    // Each is charged with what its format is known to cost, about 0.9 ms.
    assert!((50..=200).contains(&checks), "{checks}");
}

#[test]
fn a_clock_that_is_set_back_gives_nothing_and_blocks_nobody_for_long() {
    let mut core = Core::new(r#"{"share_percent": 25, "burst_ms": 500}"#);
    core.exhaust(ms(100));
    for _ in 0..10 {
        core.now.set(core.now.get() - ms(50_000));
        assert!(matches!(core.get("/a", Some(WRONG)), Answer::Overloaded(_)));
    }
    core.now.set(Duration::ZERO);
    assert!(matches!(core.get("/a", Some(WRONG)), Answer::Overloaded(_)));
    core.advance(ms(2000));
    assert_eq!(core.get("/a", Some("other:open sesame")), Answer::Passed);
}

#[test]
fn a_clock_that_leaps_fills_the_bucket_and_no_more() {
    let mut core = Core::new(r#"{"share_percent": 1, "burst_ms": 500}"#);
    core.exhaust(ms(100));
    core.now.set(Duration::from_secs(u32::MAX.into()));
    let (checks, _) = core.exhaust(ms(100));
    assert!((5..=6).contains(&checks), "{checks}");
    core.now.set(Duration::MAX - ms(1));
    assert_eq!(core.get("/a", Some("other:open sesame")), Answer::Passed);
}

#[test]
fn a_whole_share_never_turns_one_client_after_the_other_away() {
    let mut core = Core::new(r#"{"share_percent": 100, "burst_ms": 500}"#);
    core.check_takes.set(ms(50));
    for _ in 0..1000 {
        assert_eq!(core.get("/a", Some(WRONG)), Answer::Denied(401));
    }
}

/// Wrong credentials that were never sent before.
fn another(credentials: &str) -> String {
    static SENT: AtomicUsize = AtomicUsize::new(0);
    match credentials {
        WRONG => format!("{WRONG}{}", SENT.fetch_add(1, Ordering::Relaxed)),
        right => right.into(),
    }
}

fn answer(vm: &mut Vm, path: &str, credentials: &str) -> Result<(), LocalResponse> {
    match vm.request(&get(path, Some(&another(credentials)))) {
        Outcome::Continue { .. } => Ok(()),
        Outcome::Reply(response) => Err(response),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_module_says_when_to_come_back() {
    let mut vm = vm_with(&configuration(ONE_CHECK));
    assert_eq!(answer(&mut vm, "/a", RIGHT), Ok(()));
    vm.advance_at_each_reading(ms(20));
    let mut response = answer(&mut vm, "/a", WRONG).expect_err("wrong");
    while response.status == 401 {
        response = answer(&mut vm, "/a", WRONG).expect_err("wrong");
    }
    assert_eq!(response.status, 503);
    assert_eq!(
        Denial::of_details(&response.details),
        Some(Denial::Overloaded)
    );
    assert_eq!((&response.body[..], response.grpc_status), (&b""[..], -1));
    let [(name, seconds)] = &response.headers[..] else {
        panic!("{response:?}");
    };
    assert_eq!(name, b"retry-after");
    let seconds: u64 = String::from_utf8_lossy(seconds).parse().expect("seconds");
    assert!((1..=4).contains(&seconds), "{seconds}");

    assert_eq!(answer(&mut vm, "/a", RIGHT), Ok(()), "verified before");
    assert_eq!(answer(&mut vm, "/cheap", "cheap:open sesame"), Ok(()));
    vm.advance(Duration::from_secs(60));
    assert_eq!(answer(&mut vm, "/a", "other:open sesame"), Ok(()));
    vm.tick().expect("no trap");
    assert_eq!(vm.metrics()["basic_auth.denied.overloaded"], 1);
}

#[test]
fn in_a_dry_run_it_denies_nobody() {
    let mut vm = vm_with(&configuration(ONE_CHECK).replacen('{', r#"{"dry_run": true, "#, 1));
    for _ in 0..10 {
        assert_eq!(answer(&mut vm, "/a", WRONG), Ok(()));
    }
    vm.tick().expect("no trap");
    assert_eq!(vm.metrics()["basic_auth.denied.overloaded"], 0);
    assert_eq!(vm.metrics()["basic_auth.allowed.dry_run"], 10);
}
