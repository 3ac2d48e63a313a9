//! The module as plain `cargo build` leaves it works in Envoy, without what `cargo xtask build` does
//! to it.

use super::at_work;
use basic_auth_tests::fixture;
use std::process::Command;

#[test]
fn the_module_of_plain_cargo_build_works() {
    let _ = at_work(plain_cargo_build());
}

/// What README and DESIGN promise to be enough.
fn plain_cargo_build() -> Vec<u8> {
    // A folder of its own, so that it is not `cargo xtask build` that made it.
    let folder = xtask::target_folder().join("plain");
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args(["build", "--release", "--target", "wasm32-wasip1"])
        .args(["-p", "basic-auth-filter"])
        .current_dir(fixture::root())
        .env("CARGO_TARGET_DIR", &folder)
        // What `cargo test` tells its tests would make this another build.
        .env_remove("RUSTC_BOOTSTRAP")
        .env_remove("RUSTFLAGS");
    let output = cargo.output().expect("cargo");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let module = folder.join("wasm32-wasip1/release/basic_auth_filter.wasm");
    std::fs::read(module).expect("a module")
}
