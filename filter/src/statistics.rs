//! Counters: counted in the VM, handed to the host on its timer.

use basic_auth::{Allowance, Decision, Denial, Policy, VerificationCounts};
use proxy_wasm::hostcalls::{define_metric, increment_metric};
use proxy_wasm::types::MetricType;
use std::cell::Cell;

/// In Envoy `wasmcustom.basic_auth.…`, in Prometheus `basic_auth_…`.
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
    cache_hits: Counter,
    cache_misses: Counter,
    /// In the order of [`Denial::ALL`].
    denied: Vec<Counter>,
    dry_run: Counter,
    /// What would have been denied, in the order of [`Denial::ALL`]; none unless it is a dry run.
    would_deny: Vec<Counter>,
    exempt: Counter,
    missing: Counter,
    preflight: Counter,
    unmatched: Counter,
}

impl Counter {
    fn define(name: &str) -> Self {
        Self {
            id: define_metric(MetricType::Counter, name).ok(),
            ..Self::default()
        }
    }

    fn count(&self) {
        self.count.set(self.count.get() + 1);
    }

    /// Whether there was something new.
    fn flush(&self) -> bool {
        let new = self.count.get() - self.flushed.get();
        if let (1.., Some(id)) = (new, self.id)
            && increment_metric(id, new.try_into().unwrap_or(i64::MAX)).is_ok()
        {
            self.flushed.set(self.count.get());
        }
        new > 0
    }
}

impl Statistics {
    /// Declares all counters, so that the host shows them from the start.
    pub(crate) fn define(policy: &Policy) -> Self {
        let prefix = policy.stat_prefix().map_or_else(
            || PREFIX.to_owned(),
            |stat_prefix| format!("{PREFIX}.{stat_prefix}"),
        );
        let counter = |name: &str| Counter::define(&format!("{prefix}.{name}"));
        let by_reason = |kind: &str| {
            let reasons = Denial::ALL.iter().map(|denial| denial.name());
            reasons
                .map(|reason| counter(&format!("{kind}.{reason}")))
                .collect()
        };
        Self {
            authenticated: counter("allowed.authenticated"),
            cache_hits: counter("credentials_cache.hits"),
            cache_misses: counter("credentials_cache.misses"),
            denied: by_reason("denied"),
            dry_run: counter("allowed.dry_run"),
            would_deny: if policy.is_dry_run() {
                by_reason("dry_run")
            } else {
                Vec::new()
            },
            exempt: counter("allowed.exempt"),
            missing: counter("allowed.missing"),
            preflight: counter("allowed.preflight"),
            unmatched: counter("allowed.unmatched"),
        }
    }

    /// Counts a decision.
    pub(crate) fn count(&self, decision: &Decision<'_>) {
        match decision {
            Decision::Allow(allowance) => match allowance {
                Allowance::Unmatched => self.unmatched.count(),
                Allowance::Exempt => self.exempt.count(),
                Allowance::Preflight => self.preflight.count(),
                Allowance::Missing => self.missing.count(),
                Allowance::Authenticated(_) => self.authenticated.count(),
                Allowance::DryRun(denied) => {
                    self.dry_run.count();
                    count_reason(&self.would_deny, denied.denial);
                }
                _ => {}
            },
            Decision::Deny(denied) => count_reason(&self.denied, denied.denial),
        }
    }

    /// Hands what is new to the host; whether there was anything.
    pub(crate) fn flush(&self, verifications: VerificationCounts) -> bool {
        self.cache_hits.count.set(verifications.cache_hits);
        self.cache_misses.count.set(verifications.cache_misses);
        let others = [
            &self.authenticated,
            &self.cache_hits,
            &self.cache_misses,
            &self.dry_run,
            &self.exempt,
            &self.missing,
            &self.preflight,
            &self.unmatched,
        ];
        let all = others.into_iter().chain(&self.denied);
        let all = all.chain(&self.would_deny);
        // Each has to be handed over: no short cut at the first.
        all.fold(false, |any, counter| counter.flush() | any)
    }
}

/// `counters` are in the order of [`Denial::ALL`].
fn count_reason(counters: &[Counter], denial: Denial) {
    let index = Denial::ALL.iter().position(|known| *known == denial);
    if let Some(counter) = index.and_then(|index| counters.get(index)) {
        counter.count();
    }
}
