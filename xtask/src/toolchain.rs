//! The pinned Rust toolchain and its targets.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::{command, repository_root, target_folder};

/// The toolchain that `rust-toolchain.toml` names.
const PINNED: &str = include_str!("../../rust-toolchain.toml");

/// The pinned toolchain, present on this machine.
pub struct Toolchain {
    channel: &'static str,
    has_rustup: bool,
    sysroot: PathBuf,
}

impl Toolchain {
    /// Installs the pinned toolchain if it is missing. Without rustup, the one that is there must
    /// be of the pinned version.
    pub fn pinned() -> anyhow::Result<Self> {
        require_c_compiler()?;
        let channel = channel().context("rust-toolchain.toml names no channel")?;
        let has_rustup = command::on_path("rustup").is_some();
        let mut toolchain = Self {
            channel,
            has_rustup,
            sysroot: PathBuf::new(),
        };
        toolchain.sysroot = match toolchain.sysroot() {
            Ok(sysroot) => sysroot,
            // RUSTUP_AUTO_INSTALL=0 turns off what rustup would do here by itself.
            Err(_) if has_rustup => {
                let install = [
                    "toolchain",
                    "install",
                    channel,
                    "--profile",
                    "minimal",
                    "--component",
                    "clippy,rustfmt",
                ];
                command::run(command::command("rustup", install))?;
                toolchain.sysroot()?
            }
            Err(error) => return Err(error).context("Rust is missing: install rustup"),
        };
        let version = toolchain.version("release: ")?;
        if version != channel {
            bail!(
                "the module is built with Rust {channel}, and this is {version}: install rustup, which brings it"
            );
        }
        Ok(toolchain)
    }

    /// Installs the standard library for `target` if it is missing.
    pub fn ensure_target(&self, target: &str) -> anyhow::Result<()> {
        if self
            .sysroot
            .join("lib/rustlib")
            .join(target)
            .join("lib")
            .is_dir()
        {
            return Ok(());
        }
        if !self.has_rustup {
            bail!("Rust's target {target} is missing: install it, or rustup, which brings it");
        }
        command::run(command::command(
            "rustup",
            ["target", "add", "--toolchain", self.channel, target],
        ))
    }

    /// Cargo of this toolchain.
    pub fn cargo<Argument: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = Argument>,
    ) -> Command {
        self.tool("cargo", arguments)
    }

    /// A program of another package of this workspace. It is built with the features of the whole
    /// workspace, as its tests are, so that nothing is compiled twice.
    pub fn program(&self, name: &str) -> anyhow::Result<PathBuf> {
        let mut build = self.cargo(["build", "--quiet", "--locked", "--workspace", "--bin", name]);
        build
            .arg("--target-dir")
            .arg(target_folder())
            .current_dir(repository_root());
        command::run(build)?;
        Ok(target_folder().join("debug").join(name))
    }

    /// The folder of the standard library's source, and what the compiler calls it when the
    /// component `rust-src` is not there.
    pub fn library_source(&self) -> anyhow::Result<(PathBuf, String)> {
        let commit = self.version("commit-hash: ")?;
        Ok((
            self.sysroot.join("lib/rustlib/src/rust"),
            format!("/rustc/{commit}"),
        ))
    }

    fn sysroot(&self) -> anyhow::Result<PathBuf> {
        command::output(self.tool("rustc", ["--print", "sysroot"])).map(PathBuf::from)
    }

    /// What follows `key` in the output of `rustc -vV`.
    fn version(&self, key: &str) -> anyhow::Result<String> {
        let version = command::output(self.tool("rustc", ["-vV"]))?;
        let line = version.lines().find_map(|line| line.strip_prefix(key));
        Ok(line
            .with_context(|| format!("rustc does not tell its {key}"))?
            .to_owned())
    }

    fn tool<Argument: AsRef<OsStr>>(
        &self,
        name: &str,
        arguments: impl IntoIterator<Item = Argument>,
    ) -> Command {
        let mut command = command::command(name, arguments);
        command.env("RUSTUP_TOOLCHAIN", self.channel);
        command
    }
}

/// Rust links by the C compiler, also what runs while the module is compiled.
fn require_c_compiler() -> anyhow::Result<()> {
    let compilers = ["cc", "gcc", "clang"];
    if compilers
        .iter()
        .all(|name| command::on_path(name).is_none())
    {
        bail!("a C compiler is missing: install gcc or clang");
    }
    Ok(())
}

/// Cargo's home, which holds the source of the dependencies.
pub fn cargo_home() -> anyhow::Result<PathBuf> {
    if let Some(home) = std::env::var_os("CARGO_HOME").filter(|home| !home.is_empty()) {
        return Ok(std::path::absolute(home)?);
    }
    let home = std::env::home_dir().context("neither CARGO_HOME nor HOME is set")?;
    Ok(home.join(".cargo"))
}

/// The folders of `cargo_home` with the sources of registries, one per registry or mirror.
pub fn registry_sources(cargo_home: &Path) -> Vec<PathBuf> {
    let folders = std::fs::read_dir(cargo_home.join("registry/src"))
        .into_iter()
        .flatten();
    let mut folders: Vec<_> = folders
        .filter_map(|folder| Some(folder.ok()?.path()))
        .collect();
    folders.sort();
    folders
}

/// The value in the line `channel = "…"`.
fn channel() -> Option<&'static str> {
    let line = PINNED
        .lines()
        .find_map(|line| line.strip_prefix("channel"))?;
    line.split('"').nth(1)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_toolchain_is_pinned_by_version() {
        let channel = super::channel().unwrap();
        assert!(channel.split('.').count() == 3, "{channel}");
    }
}
