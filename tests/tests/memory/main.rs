//! Memory stays as it is over very many requests of all kinds: that of a VM to the page, and what is
//! resident of a real Envoy.

#![cfg(not(target_arch = "wasm32"))]

mod clients;
mod envoy;
mod in_process;
mod kinds;
mod plugins;

use std::collections::BTreeMap;

/// How many looks there are at the memory, each after as many requests. Until the first one, tables
/// and buffers grow and a cache fills.
const LOOKS: usize = 10;

/// How many requests are sent: a million with `cargo xtask test --long`.
fn requests() -> usize {
    match std::env::var_os(xtask::test::LONG) {
        Some(_) => 1_000_000,
        None => 100_000,
    }
}

/// How many requests were decided in which way, by the module's names for that.
type Counters = BTreeMap<String, u64>;

/// The decisions among the module's statistics, of which the others count checks.
fn decisions(statistics: impl IntoIterator<Item = (String, u64)>) -> Counters {
    let decision = |(name, count): (String, u64)| {
        let (_, name) = name.split_once("basic_auth.")?;
        let is_decision = name.starts_with("allowed.") || name.starts_with("denied.");
        (is_decision && count > 0).then(|| (name.to_owned(), count))
    };
    statistics.into_iter().filter_map(decision).collect()
}

/// The same with what the budget does not admit among the mismatches: how much it admits depends
/// on the time.
fn without_overload(mut counters: Counters) -> Counters {
    let overloaded = counters.remove("denied.overloaded").unwrap_or_default();
    assert!(overloaded > 0, "the budget was never spent: {counters:?}");
    *counters.entry("denied.mismatch".to_owned()).or_default() += overloaded;
    counters
}
