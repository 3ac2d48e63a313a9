//! What hostcalls read and change.

use super::{Outcome, header_map, memory::Guest, metrics::Metrics};
use crate::observed::Fields;
use proxy_wasm::types::LogLevel;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use wasmi::{StoreLimits, StoreLimitsBuilder};

/// A line of the module's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// Trace is 0, critical is 5.
    pub level: u32,
    /// The line.
    pub text: String,
}

impl Log {
    /// The level of warnings.
    pub const WARNING: u32 = LogLevel::Warn as u32;
    /// The level of errors.
    pub const ERROR: u32 = LogLevel::Error as u32;
    /// The level of what ends a module.
    pub const CRITICAL: u32 = LogLevel::Critical as u32;
}

/// An answer that the module gave in place of the upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalResponse {
    /// Status code.
    pub status: u32,
    /// Response code details, as the module wrote them.
    pub details: Vec<u8>,
    /// Body.
    pub body: Vec<u8>,
    /// Header fields besides `:status`.
    pub headers: Fields,
    /// gRPC status, `-1` for Envoy's mapping of the status code.
    pub grpc_status: i32,
}

/// The linear memory that Envoy grants a module, in octets (`proxy-wasm-cpp-host`, `limits.h`).
const MAX_MEMORY: usize = 1024 * 1024 * 1024;

/// What one virtual machine and its current stream hold.
pub(super) struct State {
    pub(super) guest: Option<Guest>,
    /// While `_initialize` runs.
    pub(super) is_initializing: bool,
    /// Root and HTTP contexts that have not ended.
    pub(super) contexts: BTreeSet<u32>,
    pub(super) limits: StoreLimits,
    pub(super) environment: Vec<Vec<u8>>,
    pub(super) plugin_configuration: Vec<u8>,
    pub(super) logs: Vec<Log>,
    pub(super) metrics: Metrics,
    pub(super) now: Duration,
    pub(super) reading_takes: Duration,
    pub(super) tick_period: Option<Duration>,
    /// A fixed sequence: what needs better randomness has no place in a test.
    pub(super) random: fastrand::Rng,
    pub(super) violations: Vec<String>,
    /// Only while a stream is in its request headers.
    pub(super) request_headers: Option<Fields>,
    /// Only while a stream is in its request trailers.
    pub(super) request_trailers: Option<Fields>,
    pub(super) properties: Fields,
    /// What the next stream begins with.
    pub(super) properties_of_stream: Fields,
    local_response: Option<LocalResponse>,
}

impl State {
    pub(super) fn new(environment: &BTreeMap<String, String>) -> State {
        let variable = |(name, value)| format!("{name}={value}\0").into_bytes();
        State {
            guest: None,
            is_initializing: false,
            contexts: BTreeSet::new(),
            limits: StoreLimitsBuilder::new().memory_size(MAX_MEMORY).build(),
            environment: environment.iter().map(variable).collect(),
            plugin_configuration: Vec::new(),
            logs: Vec::new(),
            metrics: Metrics::default(),
            // Any moment but the epoch, so that a clock that was never read shows.
            now: Duration::from_secs(1_000_000),
            reading_takes: Duration::ZERO,
            tick_period: None,
            random: fastrand::Rng::with_seed(7617),
            violations: Vec::new(),
            request_headers: None,
            request_trailers: None,
            properties: Fields::new(),
            properties_of_stream: Fields::new(),
            local_response: None,
        }
    }

    pub(super) fn begin_stream(&mut self, headers: &Fields) {
        self.request_headers = Some(headers.clone());
        self.properties = std::mem::take(&mut self.properties_of_stream);
        self.local_response = None;
    }

    pub(super) fn end_stream(&mut self, is_continued: bool) -> Outcome {
        let headers = self.request_headers.take().unwrap_or_default();
        let properties = std::mem::take(&mut self.properties);
        match self.local_response.take() {
            Some(response) => Outcome::Reply(response),
            None if is_continued => Outcome::Continue {
                headers,
                properties,
            },
            None => Outcome::Paused,
        }
    }

    pub(super) fn read_clock(&mut self) -> Duration {
        self.now += self.reading_takes;
        self.now
    }

    pub(super) fn answer(&mut self, response: LocalResponse) {
        for (name, value) in &response.headers {
            self.check_field(name, value);
        }
        if self.local_response.is_some() {
            self.violations
                .push("a second local response to one request".into());
        }
        self.local_response = Some(response);
    }

    /// Envoy trusts a module's header fields: what splits a response must not leave the module.
    pub(super) fn check_field(&mut self, name: &[u8], value: &[u8]) {
        if !header_map::is_valid_field(name, value) {
            let (name, value) = (
                String::from_utf8_lossy(name),
                String::from_utf8_lossy(value),
            );
            self.violations
                .push(format!("the module wrote the field {name:?}: {value:?}"));
        }
    }
}
