//! The corpus against the core, natively.

#![cfg(not(target_arch = "wasm32"))]

use basic_auth_tests::{core_runner, corpus::Runner, report::announce};

#[test]
fn the_core_decides_every_case_as_expected() {
    announce(&core_runner::run("core", Runner::Core));
}
