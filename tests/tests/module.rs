//! What the built module is to a host: what it offers, what it needs, how large it is.

#![cfg(not(target_arch = "wasm32"))]

use basic_auth_tests::fixture;
use xtask::build::EXPORTS;

/// All that the module needs of a host. Rust's library writes the text of a panic, and ends.
const IMPORTS: [&str; 19] = [
    "env.proxy_define_metric",
    "env.proxy_get_buffer_bytes",
    "env.proxy_get_current_time_nanoseconds",
    "env.proxy_get_header_map_pairs",
    "env.proxy_get_header_map_value",
    "env.proxy_get_log_level",
    "env.proxy_increment_metric",
    "env.proxy_log",
    "env.proxy_remove_header_map_value",
    "env.proxy_replace_header_map_value",
    "env.proxy_send_local_response",
    "env.proxy_set_effective_context",
    "env.proxy_set_property",
    "env.proxy_set_tick_period_milliseconds",
    "wasi_snapshot_preview1.environ_get",
    "wasi_snapshot_preview1.environ_sizes_get",
    "wasi_snapshot_preview1.fd_write",
    "wasi_snapshot_preview1.proc_exit",
    "wasi_snapshot_preview1.random_get",
];

/// In octets. Envoy compiles about 1.2 s per MB on its main thread.
const MAX_SIZE: usize = 320 * 1024;

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
