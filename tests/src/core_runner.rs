//! Runs the corpus against the core. The same code runs natively and in V8.

use crate::{
    corpus::{Allowance, Case, Corpus, Denial, Refused, Request, Runner},
    observed::{Observed, Seen},
    report::Report,
};
use basic_auth::{Decision, Held, Policy, Worker};
use std::{cell::Cell, collections::BTreeMap, rc::Rc, time::Duration};

/// Runs every case that `runner` claims, and says how many requests that were.
///
/// # Panics
/// With every mismatch, when there is one.
#[must_use]
pub fn run(name: &'static str, runner: Runner) -> String {
    let corpus = Corpus::embedded();
    let mut report = Report::new(name);
    for case in &corpus.cases {
        run_case(case, runner, &mut report);
    }
    for refused in corpus
        .refused
        .iter()
        .filter(|refused| refused.is_on(runner))
    {
        report.refused(refused, refusal(refused));
    }
    report.finish()
}

fn run_case(case: &Case, runner: Runner, report: &mut Report) {
    let policy = match parse(&case.configuration, &case.environment) {
        Ok(policy) => policy,
        Err(error) => {
            return report.mismatch(&case.place.to_string(), &[format!("refused: {error}")]);
        }
    };
    let mut worker = Patient::new(&policy);
    for request in case.requests_on(runner) {
        let observed = observe(&policy, request, &mut worker);
        report.request(case, request, &observed);
    }
}

fn refusal(refused: &Refused) -> Result<(), String> {
    parse(&refused.configuration, &refused.environment).map(drop)
}

fn parse(configuration: &str, environment: &BTreeMap<String, String>) -> Result<Policy, String> {
    let variable = |name: &str| {
        environment
            .get(name)
            .map(|value| value.clone().into_bytes())
    };
    Policy::parse(configuration.as_bytes(), &variable).map_err(|error| error.to_string())
}

fn observe(policy: &Policy, request: &Request, worker: &mut Patient) -> Observed {
    let fields = request.header_map();
    let fields = fields
        .iter()
        .map(|(name, value)| (name.as_slice(), value.as_slice()));
    let source = || request.source_address();
    let mut request = basic_auth::Request::of(fields, policy.field_names());
    request.source = basic_auth::SourceAddress::new(&source);
    // Who asks for the steps is answered the same.
    let fresh = || Worker::new(policy.worker_limits(), [7; 32], || Duration::ZERO);
    let (explained, _) = policy.explain(&request, &mut fresh(), None);
    let decided = policy.decide(&request, &mut fresh());
    assert_eq!(format!("{explained:?}"), format!("{decided:?}"));
    match worker.decide(policy, &request) {
        Decision::Allow(allowance) => Observed {
            status: 200,
            denial: Seen::Seen(match &allowance {
                basic_auth::Allowance::DryRun(denied) => denial_of(denied.denial),
                _ => None,
            }),
            allowance: Seen::Seen(allowance_of(&allowance)),
            user: Seen::Seen(match &allowance {
                basic_auth::Allowance::Authenticated(user) => Some(user.as_octets().to_vec()),
                _ => None,
            }),
            ..Observed::default()
        },
        Decision::Hold(held) => panic!("{held:?}"),
        Decision::Deny(denied) => Observed {
            status: denied.status(),
            denial: Seen::Seen(denial_of(denied.denial)),
            challenge: denied
                .challenge()
                .map(|(_, challenge)| challenge.as_bytes().to_vec()),
            location: denied
                .location()
                .map(|location| location.as_bytes().to_vec()),
            ..Observed::default()
        },
    }
}

/// A worker that holds requests, and whose clock moves on while one is held.
struct Patient {
    worker: Worker,
    now: Rc<Cell<Duration>>,
}

impl Patient {
    fn new(policy: &Policy) -> Patient {
        let now = Rc::new(Cell::new(Duration::ZERO));
        let clock = Rc::clone(&now);
        let mut worker = Worker::new(policy.worker_limits(), [7; 32], move || clock.get());
        worker.hold_requests(true);
        Patient { worker, now }
    }

    fn decide<'p>(
        &mut self,
        policy: &'p Policy,
        request: &basic_auth::Request<'_>,
    ) -> Decision<'p> {
        let mut decision = policy.decide(request, &mut self.worker);
        while let Decision::Hold(held) = decision {
            self.worker.wait(held, 1);
            let held = self.work();
            decision = policy.resume(request, &mut self.worker, held);
        }
        decision
    }

    /// Works until the request that waits is to be decided again.
    fn work(&mut self) -> Held {
        loop {
            let wait = self.worker.next_work().expect("somebody waits");
            self.now.set(self.now.get() + wait);
            if let Some(ready) = self.worker.work().pop() {
                return ready.held;
            }
        }
    }
}

fn denial_of(denial: basic_auth::Denial) -> Option<Denial> {
    Denial::of_details(denial.details().as_bytes())
}

fn allowance_of(allowance: &basic_auth::Allowance<'_>) -> Option<Allowance> {
    use basic_auth::Allowance as Core;
    match allowance {
        Core::Unmatched => Some(Allowance::Unmatched),
        Core::Exempt => Some(Allowance::Exempt),
        Core::Preflight => Some(Allowance::Preflight),
        Core::Missing => Some(Allowance::Missing),
        Core::Authenticated(_) => Some(Allowance::Authenticated),
        Core::DryRun(_) => Some(Allowance::DryRun),
        // A new reason is compared as soon as a case can name it.
        _ => None,
    }
}
