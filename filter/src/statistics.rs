//! Counters: counted in the VM, handed to the host on its timer.

use basic_auth::{Allowance, Decision, Denial, VerificationCounts};
use proxy_wasm::hostcalls::{define_metric, increment_metric};
use proxy_wasm::types::MetricType;
use std::cell::Cell;

/// In Envoy `wasmcustom.basic_auth.…`.
const PREFIX: &str = "basic_auth";

/// A number of events, and how many of them the host knows of.
#[derive(Default)]
struct Counter {
    /// None if the host declined it.
    id: Option<u32>,
    count: Cell<u64>,
    flushed: Cell<u64>,
}

/// What one plugin has decided on this worker.
pub(crate) struct Statistics {
    authenticated: Counter,
    cache_failure_hits: Counter,
    cache_hits: Counter,
    cache_misses: Counter,
    cache_shared_hits: Counter,
    /// In the order of [`Denial::ALL`].
    denied: Vec<Counter>,
    dry_run: Counter,
    exempt: Counter,
    missing: Counter,
    preflight: Counter,
    unmatched: Counter,
    verifications_abandoned: Counter,
    verifications_begun: Counter,
    verifications_waited: Counter,
}

impl Counter {
    fn define(name: &str) -> Self {
        Self {
            id: define_metric(MetricType::Counter, &format!("{PREFIX}.{name}")).ok(),
            ..Self::default()
        }
    }

    fn count(&self) {
        self.count.set(self.count.get() + 1);
    }

    fn flush(&self) {
        let new = self.count.get() - self.flushed.get();
        if let (1.., Some(id)) = (new, self.id)
            && increment_metric(id, new.try_into().unwrap_or(i64::MAX)).is_ok()
        {
            self.flushed.set(self.count.get());
        }
    }
}

impl Statistics {
    /// Declares all counters, so that the host shows them from the start.
    pub(crate) fn define() -> Self {
        let denied = |denial: &Denial| Counter::define(&format!("denied.{}", denial.name()));
        Self {
            authenticated: Counter::define("allowed.authenticated"),
            cache_failure_hits: Counter::define("credentials_cache.failure_hits"),
            cache_hits: Counter::define("credentials_cache.hits"),
            cache_misses: Counter::define("credentials_cache.misses"),
            cache_shared_hits: Counter::define("credentials_cache.shared_hits"),
            denied: Denial::ALL.iter().map(denied).collect(),
            dry_run: Counter::define("allowed.dry_run"),
            exempt: Counter::define("allowed.exempt"),
            missing: Counter::define("allowed.missing"),
            preflight: Counter::define("allowed.preflight"),
            unmatched: Counter::define("allowed.unmatched"),
            verifications_abandoned: Counter::define("verifications.abandoned"),
            verifications_begun: Counter::define("verifications.begun"),
            verifications_waited: Counter::define("verifications.waited"),
        }
    }

    /// Counts a decision, but not that there is none yet.
    pub(crate) fn count(&self, decision: &Decision<'_>) {
        match decision {
            Decision::Allow(allowance) => match allowance {
                Allowance::Unmatched => self.unmatched.count(),
                Allowance::Exempt => self.exempt.count(),
                Allowance::Preflight => self.preflight.count(),
                Allowance::Missing => self.missing.count(),
                Allowance::Authenticated(_) => self.authenticated.count(),
                Allowance::DryRun(_) | _ => self.dry_run.count(),
            },
            Decision::Deny(denied) => {
                let index = Denial::ALL
                    .iter()
                    .position(|denial| *denial == denied.denial);
                index
                    .and_then(|index| self.denied.get(index))
                    .into_iter()
                    .for_each(Counter::count);
            }
            Decision::Hold(_) => {}
        }
    }

    /// Hands what is new to the host.
    pub(crate) fn flush(&self, verifications: VerificationCounts) {
        let counted = [
            (&self.cache_failure_hits, verifications.failure_hits),
            (&self.cache_hits, verifications.cache_hits),
            (&self.cache_misses, verifications.cache_misses),
            (&self.cache_shared_hits, verifications.shared_hits),
            (&self.verifications_abandoned, verifications.abandoned),
            (&self.verifications_begun, verifications.checks),
            (&self.verifications_waited, verifications.waited),
        ];
        for (counter, count) in counted {
            counter.count.set(count);
            counter.flush();
        }
        let others = [
            &self.authenticated,
            &self.dry_run,
            &self.exempt,
            &self.missing,
            &self.preflight,
            &self.unmatched,
        ];
        others
            .into_iter()
            .chain(&self.denied)
            .for_each(Counter::flush);
    }
}
