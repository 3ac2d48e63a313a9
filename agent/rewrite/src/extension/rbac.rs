//! The filters that Istio's agent puts in the place of a Wasm filter whose module cannot be had.

use crate::wire;

const HTTP: &str = "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC";
const NETWORK: &str = "type.googleapis.com/envoy.extensions.filters.network.rbac.v3.RBAC";

/// `RBAC.rules`: without it everything passes, and with empty ones nothing.
const RULES: u32 = 1;

/// An `Any` with an HTTP filter.
pub(super) fn http(lets_pass: bool) -> Vec<u8> {
    filter(HTTP, 6, lets_pass)
}

/// An `Any` with a network filter.
pub(super) fn network(lets_pass: bool) -> Vec<u8> {
    filter(NETWORK, 3, lets_pass)
}

/// `stat_prefix` is the number of the field that says what the filter is called in statistics.
fn filter(type_url: &str, stat_prefix: u32, lets_pass: bool) -> Vec<u8> {
    let filter = if lets_pass {
        wire::message(&[(stat_prefix, b"wasm-default-allow")])
    } else {
        wire::message(&[(RULES, b""), (stat_prefix, b"wasm-default-deny")])
    };
    wire::message(&[(1, type_url.as_bytes()), (2, &filter)])
}
