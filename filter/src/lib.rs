//! The Proxy-Wasm module: reads what a request has, asks the policy, answers or lets it pass.

mod abi;
mod header_map;
mod host_log;
mod plugin;
mod request;
mod secret;
mod statistics;
