//! The corpus against the core in V8: wasm32 has another `usize`, another allocator and, with
//! SIMD, other code than the native core.

#![cfg(target_arch = "wasm32")]

use basic_auth_tests::{core_runner, corpus::Runner};
use wasm_bindgen_test::{console_log, wasm_bindgen_test};

#[wasm_bindgen_test]
fn the_core_decides_every_case_as_expected_in_v8() {
    console_log!("{}", core_runner::run("vm", Runner::Vm));
}
