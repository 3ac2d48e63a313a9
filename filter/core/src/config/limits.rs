//! Reads the bounds on what verifying passwords may take.

use super::reader::{Object, Read};
use crate::password::{Cost, HashCostCaps};
use crate::verify::{BudgetLimits, CacheLimits, WorkerLimits};
use core::time::Duration;

/// The caps of `max_hash_cost`.
pub(super) type Caps = HashCostCaps;

/// The most entries that a cache may have: about 10 MB per worker.
const MAX_CACHE_ENTRIES: u32 = 100_000;
/// The longest time to live: a day.
const MAX_TTL_SECONDS: u32 = 24 * 60 * 60;
/// The longest burst: ten seconds.
const MAX_BURST_MS: u32 = 10_000;
/// The longest slice.
const MAX_SLICE_MS: u32 = 100;
/// The longest wait for a check: a minute.
const MAX_WAIT_MS: u32 = 60_000;

/// The keys of `max_hash_cost`, in the order of [`Cost::ALL`].
const COST_KEYS: [&str; 9] = [
    "bcrypt",
    "argon2_memory_kib",
    "argon2_memory_times_passes",
    "scrypt_log_n",
    "yescrypt_log_n",
    "sha_crypt_rounds",
    "pbkdf2_sha1_iterations",
    "pbkdf2_sha256_iterations",
    "pbkdf2_sha512_iterations",
];

pub(super) fn caps(top: &Object<'_>) -> Read<Caps> {
    let caps = top.read("max_hash_cost", |value| {
        let object = value.object(&COST_KEYS)?;
        let mut caps = Caps::DEFAULT;
        for cost in Cost::ALL {
            let most = Caps::MAXIMUM.cap(cost);
            if let Some(cap) = object.read(cost.key(), |value| value.number(1..=most))? {
                caps.set(cost, cap);
            }
        }
        Ok(caps)
    })?;
    Ok(caps.unwrap_or(Caps::DEFAULT))
}

pub(super) fn of_worker(top: &Object<'_>) -> Read<WorkerLimits> {
    Ok(WorkerLimits {
        cache: cache(top)?,
        budget: budget(top)?,
    })
}

fn cache(top: &Object<'_>) -> Read<CacheLimits> {
    let limits = top.read("credentials_cache", |value| {
        let object = value.object(&["max_entries", "ttl_seconds"])?;
        let mut limits = CacheLimits::default();
        if let Some(entries) =
            object.read("max_entries", |value| value.number(0..=MAX_CACHE_ENTRIES))?
        {
            limits.max_entries = usize::try_from(entries).unwrap_or(usize::MAX);
        }
        if let Some(seconds) =
            object.read("ttl_seconds", |value| value.number(1..=MAX_TTL_SECONDS))?
        {
            limits.ttl = Duration::from_secs(seconds.into());
        }
        Ok(limits)
    })?;
    Ok(limits.unwrap_or_default())
}

/// The keys of `verification_budget`.
const BUDGET_KEYS: [&str; 5] = [
    "burst_ms",
    "client_share_percent",
    "max_wait_ms",
    "share_percent",
    "slice_ms",
];

fn budget(top: &Object<'_>) -> Read<BudgetLimits> {
    let waits_for_budget = !top.bool("dry_run")?;
    let limits = top.read("verification_budget", |value| {
        let object = value.object(&BUDGET_KEYS)?;
        let mut limits = BudgetLimits {
            waits_for_budget,
            ..BudgetLimits::default()
        };
        if let Some(share) = object.read("share_percent", |value| value.number(1..=100))? {
            limits.share_percent = share;
        }
        if let Some(burst) = object.read("burst_ms", |value| value.number(1..=MAX_BURST_MS))? {
            limits.burst = Duration::from_millis(burst.into());
        }
        if let Some(slice) = object.read("slice_ms", |value| value.number(1..=MAX_SLICE_MS))? {
            limits.slice = Duration::from_millis(slice.into());
        }
        if let Some(wait) = object.read("max_wait_ms", |value| value.number(0..=MAX_WAIT_MS))? {
            limits.max_wait = Duration::from_millis(wait.into());
        }
        if let Some(share) = object.read("client_share_percent", |value| value.number(1..=100))? {
            limits.client_share_percent = share;
        }
        Ok(limits)
    })?;
    Ok(limits.unwrap_or(BudgetLimits {
        waits_for_budget,
        ..BudgetLimits::default()
    }))
}
