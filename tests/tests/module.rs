//! What the built module is to a host: what it offers, what it needs, how large it is.

#![cfg(not(target_arch = "wasm32"))]

use basic_auth_tests::fixture;
use xtask::build::EXPORTS;

/// All that the module names of a host. Most of it is named by the SDK's contexts and never called: Envoy
/// offers all of it. Rust's library writes the text of a panic, and ends.
const IMPORTS: [&str; 40] = [
    "env.proxy_add_header_map_value",
    "env.proxy_call_foreign_function",
    "env.proxy_close_stream",
    "env.proxy_continue_stream",
    "env.proxy_define_metric",
    "env.proxy_dequeue_shared_queue",
    "env.proxy_done",
    "env.proxy_enqueue_shared_queue",
    "env.proxy_get_buffer_bytes",
    "env.proxy_get_current_time_nanoseconds",
    "env.proxy_get_header_map_pairs",
    "env.proxy_get_header_map_value",
    "env.proxy_get_log_level",
    "env.proxy_get_property",
    "env.proxy_get_shared_data",
    "env.proxy_get_status",
    "env.proxy_grpc_call",
    "env.proxy_grpc_cancel",
    "env.proxy_grpc_close",
    "env.proxy_grpc_send",
    "env.proxy_grpc_stream",
    "env.proxy_http_call",
    "env.proxy_increment_metric",
    "env.proxy_log",
    "env.proxy_register_shared_queue",
    "env.proxy_remove_header_map_value",
    "env.proxy_replace_header_map_value",
    "env.proxy_resolve_shared_queue",
    "env.proxy_send_local_response",
    "env.proxy_set_buffer_bytes",
    "env.proxy_set_effective_context",
    "env.proxy_set_header_map_pairs",
    "env.proxy_set_property",
    "env.proxy_set_shared_data",
    "env.proxy_set_tick_period_milliseconds",
    "wasi_snapshot_preview1.environ_get",
    "wasi_snapshot_preview1.environ_sizes_get",
    "wasi_snapshot_preview1.fd_write",
    "wasi_snapshot_preview1.proc_exit",
    "wasi_snapshot_preview1.random_get",
];

/// In octets. Envoy compiles about 0.8 seconds per MB on its main thread. The design's aim is 320 KiB: ARCHITECTURE, "How
/// large the module is", says why it is missed.
const MAX_SIZE: usize = 512 * 1024;

#[test]
fn it_exports_nothing_that_is_not_used() {
    let host = fixture::host();
    let others: Vec<&str> = host
        .exports()
        .filter(|name| !EXPORTS.contains(name))
        .collect();
    assert!(others.is_empty(), "{others:?}");
}

#[test]
fn it_imports_what_is_used_and_nothing_else() {
    let mut imports: Vec<String> = fixture::host().imports().collect();
    imports.sort_unstable();
    assert_eq!(imports, IMPORTS);
}

#[test]
fn it_is_small() {
    let size = fixture::module().bytes.len();
    assert!(size <= MAX_SIZE, "{size} bytes");
}
