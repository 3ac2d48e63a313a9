//! Runs the tests that are compiled to WebAssembly in V8, which node brings.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::TESTS;
use crate::toolchain::Toolchain;
use crate::{command, target_folder};

const TARGET: &str = "wasm32-unknown-unknown";

/// Where Cargo looks for the program that runs what it compiled for `TARGET`.
const RUNNER_VARIABLE: &str = "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER";

pub(super) fn run(toolchain: &Toolchain) -> anyhow::Result<()> {
    if command::on_path("node").is_none() {
        bail!("node is missing: install Node.js, whose V8 runs these tests");
    }
    toolchain.ensure_target(TARGET)?;
    let runner = runner(toolchain)?;
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

/// `wasm-bindgen-test-runner` of the version that the tests are linked with, installed into
/// `target/` if it is not there.
fn runner(toolchain: &Toolchain) -> anyhow::Result<PathBuf> {
    let lock_file = crate::repository_root().join("Cargo.lock");
    let lock = std::fs::read_to_string(&lock_file)
        .with_context(|| format!("{} cannot be read", lock_file.display()))?;
    let version =
        locked_version(&lock, "wasm-bindgen").context("Cargo.lock names no wasm-bindgen")?;
    let root = target_folder()
        .join("tools")
        .join(format!("wasm-bindgen-{version}"));
    let runner = root.join("bin/wasm-bindgen-test-runner");
    if !runner.exists() {
        install(toolchain, version, &root)?;
    }
    Ok(runner)
}

fn install(toolchain: &Toolchain, version: &str, root: &Path) -> anyhow::Result<()> {
    let install = |more: &[&str]| {
        // Neither speed nor downloads over TLS matter here, but the time that it takes to build does.
        let mut cargo = toolchain.cargo([
            "install",
            "wasm-bindgen-cli",
            "--debug",
            "--no-default-features",
        ]);
        cargo.env("CARGO_PROFILE_DEV_DEBUG", "false");
        cargo
            .args([
                "--bin",
                "wasm-bindgen-test-runner",
                "--version",
                version,
                "--root",
            ])
            .arg(root)
            .args(more);
        command::run(cargo)
    };
    // Its lock file may name a version of a dependency that was withdrawn since.
    install(&["--locked"])
        .or_else(|_| install(&[]))
        .context("wasm-bindgen-test-runner cannot be installed")
}

/// The version of `package` in a `Cargo.lock`.
fn locked_version<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name);
    lines
        .nth(1)?
        .strip_prefix("version = \"")?
        .strip_suffix('"')
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

    #[test]
    fn the_version_is_that_of_the_package_itself() {
        let lock = "[[package]]\nname = \"wasm-bindgen-test\"\nversion = \"0.3.9\"\n\n\
                    [[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.130\"\nsource = \"\"\n";
        assert_eq!(locked_version(lock, "wasm-bindgen"), Some("0.2.130"));
        assert_eq!(locked_version(lock, "walrus"), None);
    }
}
