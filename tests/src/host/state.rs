//! What hostcalls read and change.

use super::{
    Outcome, SharedData, header_map,
    memory::{Fault, Guest, Status},
    metrics::Metrics,
};
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
    /// The context that hostcalls are about.
    pub(super) context: u32,
    /// By their contexts, from their request headers on until the module has decided.
    pub(super) streams: BTreeMap<u32, StreamState>,
    /// Only while a stream is in its request trailers.
    pub(super) request_trailers: Option<Fields>,
    /// What the next stream begins with.
    pub(super) properties_of_stream: Fields,
    pub(super) shared_data: SharedData,
    /// Hostcalls that this host has not.
    pub(super) lacking: BTreeSet<String>,
}

/// A stream that the module has not decided yet.
#[derive(Default)]
pub(super) struct StreamState {
    pub(super) headers: Fields,
    pub(super) properties: Fields,
    pub(super) is_continued: bool,
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
            context: 0,
            streams: BTreeMap::new(),
            request_trailers: None,
            properties_of_stream: Fields::new(),
            shared_data: SharedData::default(),
            lacking: BTreeSet::new(),
        }
    }

    /// Whether this host has a hostcall.
    pub(super) fn offers(&self, hostcall: &str) -> Result<(), Fault> {
        if self.lacking.contains(hostcall) {
            return Err(Status::Unimplemented.into());
        }
        Ok(())
    }

    pub(super) fn begin_stream(&mut self, context: u32, headers: &Fields) {
        let headers = headers.clone();
        let stream = StreamState {
            headers,
            properties: std::mem::take(&mut self.properties_of_stream),
            ..StreamState::default()
        };
        self.streams.insert(context, stream);
    }

    /// The stream that hostcalls are about.
    pub(super) fn stream(&mut self) -> Option<&mut StreamState> {
        self.streams.get_mut(&self.context)
    }

    /// What became of a stream: it is forgotten once it was decided.
    pub(super) fn outcome(&mut self, context: u32) -> Outcome {
        let Some(stream) = self.streams.get(&context) else {
            return Outcome::Paused;
        };
        if stream.local_response.is_none() && !stream.is_continued {
            return Outcome::Paused;
        }
        let stream = self.streams.remove(&context).unwrap_or_default();
        match stream.local_response {
            Some(response) => Outcome::Reply(response),
            None => Outcome::Continue {
                headers: stream.headers,
                properties: stream.properties,
            },
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
        let Some(stream) = self.stream() else {
            self.violations.push("a local response to no stream".into());
            return;
        };
        let is_second = stream.local_response.replace(response).is_some();
        if is_second {
            self.violations
                .push("a second local response to one request".into());
        }
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
