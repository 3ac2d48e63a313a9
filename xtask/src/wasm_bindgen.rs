//! The programs of `wasm-bindgen`, of the version that the source is linked with.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::toolchain::Toolchain;
use crate::{command, target_folder};

/// What runs tests that are compiled to WebAssembly.
pub(crate) const TEST_RUNNER: &str = "wasm-bindgen-test-runner";

/// What makes a module ready for a browser.
pub(crate) const BINDGEN: &str = "wasm-bindgen";

/// One of the programs, installed into `target/` if it is not there.
pub(crate) fn program(toolchain: &Toolchain, name: &str) -> anyhow::Result<PathBuf> {
    let lock_file = crate::repository_root().join("Cargo.lock");
    let lock = std::fs::read_to_string(&lock_file)
        .with_context(|| format!("{} cannot be read", lock_file.display()))?;
    let version =
        locked_version(&lock, "wasm-bindgen").context("Cargo.lock names no wasm-bindgen")?;
    let root = target_folder()
        .join("tools")
        .join(format!("wasm-bindgen-{version}"));
    let program = root.join("bin").join(name);
    if !program.exists() {
        install(toolchain, version, &root)?;
    }
    Ok(program)
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
            .args(["--bin", TEST_RUNNER, "--bin", BINDGEN, "--force"])
            .args(["--version", version, "--root"])
            .arg(root)
            .args(more);
        command::run(cargo)
    };
    // Its lock file may name a version of a dependency that was withdrawn since.
    install(&["--locked"])
        .or_else(|_| install(&[]))
        .context("wasm-bindgen-cli cannot be installed")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_that_of_the_package_itself() {
        let lock = "[[package]]\nname = \"wasm-bindgen-test\"\nversion = \"0.3.9\"\n\n\
                    [[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.130\"\nsource = \"\"\n";
        assert_eq!(locked_version(lock, "wasm-bindgen"), Some("0.2.130"));
        assert_eq!(locked_version(lock, "walrus"), None);
    }
}
