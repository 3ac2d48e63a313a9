//! `wasm-agent`, built from this source or chosen by the user.

use std::path::PathBuf;

use anyhow::bail;

use crate::toolchain::Toolchain;
use crate::{command, repository_root, target_folder};

/// The environment variable that names the agent to run.
pub const VARIABLE: &str = "WASM_AGENT";

/// How the agent is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Soon.
    Dev,
    /// As it is used.
    Release,
}

/// The agent to run: `WASM_AGENT`, else the one of this source, which is built if that has changed.
pub fn locate(profile: Profile) -> anyhow::Result<PathBuf> {
    if let Some(chosen) = std::env::var_os(VARIABLE).filter(|chosen| !chosen.is_empty()) {
        let chosen = PathBuf::from(chosen);
        if !command::is_executable(&chosen) {
            bail!(
                "{VARIABLE} is {}, which is no executable file: correct it or unset it",
                chosen.display()
            );
        }
        // A relative path would mean another file from another folder.
        return Ok(chosen.canonicalize()?);
    }
    let (arguments, folder): (&[&str], _) = match profile {
        Profile::Dev => (&[], "debug"),
        Profile::Release => (&["--release"], "release"),
    };
    let mut build = Toolchain::pinned()?.cargo(["build", "--quiet", "--locked"]);
    build
        .args(["--package", "wasm-agent", "--bin", "wasm-agent"])
        .args(arguments)
        .arg("--target-dir")
        .arg(target_folder())
        .current_dir(repository_root());
    command::run(build)?;
    Ok(target_folder().join(folder).join("wasm-agent"))
}
