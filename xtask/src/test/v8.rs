//! Runs the tests that are compiled to WebAssembly in V8, which node brings.

use anyhow::bail;

use super::TESTS;
use crate::command;
use crate::toolchain::Toolchain;

const TARGET: &str = "wasm32-unknown-unknown";

/// What runs tests that are compiled to WebAssembly: a program of `xtask/wasm-bindgen`.
const RUNNER: &str = "bindgen-test-runner";

/// Where Cargo looks for the program that runs what it compiled for `TARGET`.
const RUNNER_VARIABLE: &str = "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER";

pub(super) fn run(toolchain: &Toolchain) -> anyhow::Result<()> {
    if command::on_path("node").is_none() {
        bail!("node is missing: install Node.js, whose V8 runs these tests");
    }
    toolchain.ensure_target(TARGET)?;
    let runner = toolchain.program(RUNNER)?;
    let arguments = format!("test --package {TESTS} --test vm --target {TARGET} --locked");
    let mut cargo = super::cargo(toolchain, &arguments);
    cargo.env(RUNNER_VARIABLE, runner);
    let said = command::run_and_listen(cargo)?;
    // The runner is content when it finds no test at all.
    match passed(&said) {
        0 => bail!("no test ran in V8"),
        _ => Ok(()),
    }
}

/// How many tests passed, by the lines `test result: ok. 3 passed; …`.
fn passed(said: &str) -> u64 {
    let results = said
        .lines()
        .filter_map(|line| line.trim().strip_prefix("test result: "));
    let counts = results.filter_map(|result| {
        let (before, _) = result.split_once(" passed")?;
        before.rsplit(' ').next()?.parse::<u64>().ok()
    });
    counts.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passed_tests_are_counted() {
        let said = "running 3 tests\n\ntest result: ok. 3 passed; 0 failed; 0 ignored\n\
                    test result: ok. 12 passed; 0 failed\n";
        assert_eq!(passed(said), 15);
        assert_eq!(passed("test result: ok. 0 passed; 0 failed"), 0);
        assert_eq!(passed("no tests to run!"), 0);
        assert_eq!(passed("3 passed"), 0);
    }
}
