//! What the built module is to a host: what it offers, what it needs, how large it is.

#![cfg(not(target_arch = "wasm32"))]

use basic_auth_tests::{host::Host, workspace};
use xtask::build::EXPORTS;

/// All that the module needs of a host.
const IMPORTS: [&str; 17] = [
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
    "wasi_snapshot_preview1.random_get",
];

/// In octets. Envoy compiles about 1.2 s per MB on its main thread.
const MAX_SIZE: usize = 200_000;

fn host() -> Host {
    Host::load(&workspace::module()).expect("the module loads")
}

#[test]
fn it_exports_what_is_used_and_nothing_else() {
    let host = host();
    let mut exports: Vec<&str> = host.exports().collect();
    let mut listed = EXPORTS;
    exports.sort_unstable();
    listed.sort_unstable();
    assert_eq!(exports, listed);
}

#[test]
fn it_imports_what_is_used_and_nothing_else() {
    let mut imports: Vec<String> = host().imports().collect();
    imports.sort_unstable();
    assert_eq!(imports, IMPORTS);
}

#[test]
fn it_is_small() {
    let size = workspace::module().len();
    assert!(size <= MAX_SIZE, "{size} bytes");
}
