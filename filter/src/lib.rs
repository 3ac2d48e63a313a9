//! The Proxy-Wasm module: reads what a request has, asks the policy, answers or lets it pass.

mod clock;
mod dry_run;
mod filter_state;
mod header_map;
mod hostcalls;
mod http_context;
mod log_level;
mod plugin;
mod root_context;
mod secret;
mod statistics;
mod stream_memory;
mod timer;
mod trailers;

proxy_wasm::main! {{
    // Envoy forbids nearly all hostcalls here, that for its log level too.
    proxy_wasm::set_log_level(proxy_wasm::types::LogLevel::Info);
    proxy_wasm::set_root_context(|_| Box::<root_context::Root>::default());
}}
