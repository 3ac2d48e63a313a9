//! The modules that are compared, compiled and written to where Envoy can read them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::{minimal_module, stripped_sdk};
use crate::build;
use crate::module::dist_path;
use crate::toolchain::Toolchain;
use crate::{command, repository_root, target_folder};

/// Files with modules.
pub(super) struct Modules {
    /// Exports nothing that it need not, and does nothing.
    pub(super) minimal: PathBuf,
    /// A filter on the SDK that does nothing.
    pub(super) empty_sdk: PathBuf,
    /// The same without the exports that this project removes from its own module.
    pub(super) stripped_sdk: PathBuf,
    /// A filter on the SDK as they are usually written.
    pub(super) usual_sdk: PathBuf,
    /// Ours.
    pub(super) basic_auth: PathBuf,
}

/// Builds the module of this project as it is shipped.
pub(super) fn basic_auth() -> anyhow::Result<PathBuf> {
    build::build()?;
    Ok(dist_path())
}

impl Modules {
    pub(super) fn build() -> anyhow::Result<Self> {
        let compiled = compile(&["empty-sdk", "usual-sdk"], Some(build::TARGET))?;
        let empty_sdk = compiled.join("empty_sdk.wasm");
        let minimal = compiled.join("minimal.wasm");
        fs::write(&minimal, minimal_module::bytes())?;
        let stripped_sdk = compiled.join("stripped_sdk.wasm");
        fs::write(&stripped_sdk, stripped_sdk::strip(&fs::read(&empty_sdk)?)?)?;
        Ok(Self {
            minimal,
            usual_sdk: compiled.join("usual_sdk.wasm"),
            empty_sdk,
            stripped_sdk,
            basic_auth: basic_auth()?,
        })
    }
}

/// Compiles packages of `xtask/bench`, for this machine unless there is a target. Returns the
/// folder with what was compiled.
pub(super) fn compile(packages: &[&str], target: Option<&str>) -> anyhow::Result<PathBuf> {
    let toolchain = Toolchain::pinned()?;
    let folder = target_folder().join("bench");
    let mut cargo = toolchain.cargo(["build", "--quiet", "--release", "--locked"]);
    cargo
        .current_dir(repository_root().join("xtask/bench"))
        .arg("--target-dir")
        .arg(&folder);
    for package in packages {
        cargo.args(["--package", package]);
    }
    if let Some(target) = target {
        toolchain.ensure_target(target)?;
        cargo.args(["--target", target]);
    }
    command::run(cargo).context("what is compared with does not compile")?;
    Ok(folder
        .join(target.unwrap_or_default())
        .join(Path::new("release")))
}
