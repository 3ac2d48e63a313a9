//! The agent between Envoy and its xDS server: what it does, for the binary `wasm-agent` and for tests.

pub mod metrics;
pub mod modules;
