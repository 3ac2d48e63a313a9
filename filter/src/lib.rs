//! The Proxy-Wasm module: reads what a request has, asks the policy, answers or lets it pass.

mod abi;
mod header_map;
mod plugin;
mod request;
mod secret;
mod statistics;

proxy_wasm::main! {{
    proxy_wasm::set_log_level(proxy_wasm::types::LogLevel::Info);
}}
