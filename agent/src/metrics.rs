//! The agent's metrics. Those of Istio's agent have its names and labels, the others the same prefix.

use std::time::Duration;

use prometheus::{
    Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry, TextEncoder,
};

/// Every metric of the agent. Cheap to clone; clones count together.
///
/// The crate is `prometheus`, since `prometheus-client` ends every counter's name with `_total`, and Istio's do not.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Registry,
    cache_entries: IntGauge,
    cache_bytes: IntGauge,
    cache_lookups: IntCounterVec,
    remote_fetches: IntCounterVec,
    fetch_failures: IntCounterVec,
    fetched_bytes: IntCounter,
    fetches_in_flight: IntGauge,
    fetch_retries: IntCounter,
    conversions: IntCounterVec,
    conversion_duration: Histogram,
}

/// How the conversion of one resource ended: the label `result` of `…_config_conversion_count`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conversion {
    /// The resource names a local file now.
    Success,
    /// Nothing was to be done.
    NoRemoteLoad,
    /// The resource could not be written.
    MarshalFailure,
    /// The resource could not be read.
    UnmarshalFailure,
    /// The module could not be had.
    FetchFailure,
    /// `http_uri` is missing.
    MissRemoteFetchHint,
}

impl Conversion {
    /// The label's value.
    fn label(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::NoRemoteLoad => "no_remote_load",
            Self::MarshalFailure => "marshal_failure",
            Self::UnmarshalFailure => "unmarshal_failure",
            Self::FetchFailure => "fetch_failure",
            Self::MissRemoteFetchHint => "miss_remote_fetch_hint",
        }
    }
}

/// How a download ended: the label `result` of `…_remote_fetch_count`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemoteFetch {
    /// The module is in the cache.
    Success,
    /// The module or a layer could not be downloaded.
    DownloadFailure,
    /// The manifest could not be had or cannot be used.
    ManifestFailure,
    /// The checksum is another.
    ChecksumMismatched,
    /// What was downloaded is no module, or could not be kept.
    FetchFailure,
}

impl RemoteFetch {
    /// The label's value.
    fn label(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::DownloadFailure => "download_failure",
            Self::ManifestFailure => "manifest_failure",
            Self::ChecksumMismatched => "checksum_mismatched",
            Self::FetchFailure => "fetch_failure",
        }
    }
}

/// A download that is running; it counts as one until it is dropped.
#[derive(Debug)]
pub struct FetchInFlight(IntGauge);

impl Drop for FetchInFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Metrics of their own registry, all at zero.
    pub fn new() -> Self {
        let registry = Registry::new();
        let metrics = Self {
            cache_entries: gauge(
                "wasm_cache_entries",
                "number of Wasm remote fetch cache entries.",
            ),
            cache_bytes: gauge("wasm_cache_bytes", "size of all Wasm modules in the cache."),
            cache_lookups: counters(
                "wasm_cache_lookup_count",
                "number of Wasm remote fetch cache lookups.",
                "hit",
            ),
            remote_fetches: counters(
                "wasm_remote_fetch_count",
                "number of Wasm remote fetches and results, including success, download failure, and checksum mismatch.",
                "result",
            ),
            fetch_failures: counters(
                "wasm_remote_fetch_failure_count",
                "number of failed Wasm remote fetches by cause.",
                "cause",
            ),
            fetched_bytes: counter(
                "wasm_remote_fetch_bytes",
                "octets downloaded for Wasm modules.",
            ),
            fetches_in_flight: gauge(
                "wasm_remote_fetches_in_flight",
                "number of Wasm remote fetches that are running.",
            ),
            fetch_retries: counter(
                "wasm_remote_fetch_retry_count",
                "number of repeated requests for Wasm modules.",
            ),
            conversions: counters(
                "wasm_config_conversion_count",
                "number of Wasm config conversions and results, including success, no remote load, marshal failure, remote fetch failure, miss remote fetch hint.",
                "result",
            ),
            conversion_duration: conversion_duration(),
            registry,
        };
        metrics.register();
        metrics
    }

    fn register(&self) {
        let all: [Box<dyn prometheus::core::Collector>; 10] = [
            Box::new(self.cache_entries.clone()),
            Box::new(self.cache_bytes.clone()),
            Box::new(self.cache_lookups.clone()),
            Box::new(self.remote_fetches.clone()),
            Box::new(self.fetch_failures.clone()),
            Box::new(self.fetched_bytes.clone()),
            Box::new(self.fetches_in_flight.clone()),
            Box::new(self.fetch_retries.clone()),
            Box::new(self.conversions.clone()),
            Box::new(self.conversion_duration.clone()),
        ];
        for collector in all {
            self.registry.register(collector).expect(WELL_FORMED);
        }
    }

    /// The registry, for metrics of other parts of the agent.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// All metrics in Prometheus' text format.
    pub fn render(&self) -> String {
        TextEncoder::new()
            .encode_to_string(&self.registry.gather())
            .expect(WELL_FORMED)
    }

    /// Counts the conversion of one resource.
    pub fn converted(&self, result: Conversion) {
        self.conversions.with_label_values(&[result.label()]).inc();
    }

    /// Counts the time that the conversion of one response took.
    pub fn conversion_took(&self, duration: Duration) {
        self.conversion_duration
            .observe(duration.as_secs_f64() * 1e3);
    }

    /// Counts a look into the cache.
    pub(crate) fn looked_up(&self, hit: bool) {
        self.cache_lookups
            .with_label_values(&[if hit { "true" } else { "false" }])
            .inc();
    }

    /// Counts the end of a download.
    pub(crate) fn fetched(&self, result: RemoteFetch) {
        self.remote_fetches
            .with_label_values(&[result.label()])
            .inc();
    }

    /// Counts a failure under its cause.
    pub(crate) fn failed(&self, cause: &'static str) {
        self.fetch_failures.with_label_values(&[cause]).inc();
    }

    /// Counts octets that came from the network.
    pub(crate) fn received(&self, octets: usize) {
        self.fetched_bytes.inc_by(octets as u64);
    }

    /// Counts a request that repeats another.
    pub(crate) fn retried(&self) {
        self.fetch_retries.inc();
    }

    /// Counts a download as running until the value is dropped.
    pub(crate) fn fetch_starts(&self) -> FetchInFlight {
        self.fetches_in_flight.inc();
        FetchInFlight(self.fetches_in_flight.clone())
    }

    /// Says what the cache holds.
    pub(crate) fn cache_holds(&self, entries: usize, bytes: u64) {
        self.cache_entries
            .set(i64::try_from(entries).unwrap_or(i64::MAX));
        self.cache_bytes
            .set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }
}

const WELL_FORMED: &str = "the names of metrics are constants, well-formed and all different";

fn opts(name: &str, help: &str) -> Opts {
    Opts::new(format!("istio_agent_{name}"), help)
}

fn gauge(name: &str, help: &str) -> IntGauge {
    IntGauge::with_opts(opts(name, help)).expect(WELL_FORMED)
}

fn counter(name: &str, help: &str) -> IntCounter {
    IntCounter::with_opts(opts(name, help)).expect(WELL_FORMED)
}

fn counters(name: &str, help: &str, label: &str) -> IntCounterVec {
    IntCounterVec::new(opts(name, help), &[label]).expect(WELL_FORMED)
}

/// In milliseconds: 1, 2, 4 … 16,384, as Istio's agent has it.
fn conversion_duration() -> Histogram {
    let buckets = (0..15).map(|power| f64::from(1 << power)).collect();
    let help =
        "Total time in milliseconds istio-agent spends on converting remote load in Wasm config.";
    let opts = HistogramOpts::from(opts("wasm_config_conversion_duration", help)).buckets(buckets);
    Histogram::with_opts(opts).expect(WELL_FORMED)
}
