//! The agent between Envoy and its xDS server: what it does, for the binary `wasm-agent` and for tests.

pub mod cli;
pub mod codec;
pub mod ecds;
pub mod folder;
pub mod logging;
pub mod memory;
pub mod metrics;
pub mod modules;
pub mod open_files;
pub mod preparation;
pub mod readiness;
pub mod report;
pub mod run;
pub mod server;
pub mod status;
pub mod stream;
pub mod subscriber;
pub mod upstream;

pub use ecds_rewrite::{discovery, extension, wire};
