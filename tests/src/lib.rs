//! One corpus of cases (`cases/*.toml`) and what its runners share.
//!
//! Does: read the cases, compare what was observed with what is expected, report all mismatches
//! of a run together. Holds a Proxy-Wasm host for the built module, and what real Envoy needs.
//!
//! Does not: know how a request is decided. What a case expects is written in the case.

pub mod challenge;
pub mod core_runner;
pub mod corpus;
pub mod fixture;
pub mod observed;
pub mod octets;
pub mod report;

#[cfg(not(target_arch = "wasm32"))]
pub mod envoy;
#[cfg(not(target_arch = "wasm32"))]
pub mod host;
#[cfg(not(target_arch = "wasm32"))]
pub mod secrets;
