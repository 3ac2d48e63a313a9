//! The modules that are compared, compiled and written to where Envoy can read them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::minimal_module;
use xtask::toolchain::Toolchain;
use xtask::{build, command, module, repository_root, target_folder};

/// Files with modules.
pub(crate) struct Modules {
    /// Exports nothing that it need not, and does nothing.
    pub(crate) minimal: PathBuf,
    /// Learns which plugin a request is for, reads its fields, and does nothing with that.
    pub(crate) reader: PathBuf,
    /// A filter on the SDK that does nothing.
    pub(crate) empty_sdk: PathBuf,
    /// The same without the exports that this project removes from its own module.
    pub(crate) stripped_sdk: PathBuf,
    /// A filter on the SDK as they are usually written.
    pub(crate) usual_sdk: PathBuf,
    /// Ours.
    pub(crate) basic_auth: PathBuf,
}

/// A copy of `chosen` or, without one, of this project's module as it is shipped, which is built
/// first. A copy, because a build that goes on meanwhile replaces the module in `dist/`.
pub(crate) fn basic_auth(chosen: Option<&Path>) -> anyhow::Result<PathBuf> {
    let bytes = match chosen {
        Some(path) => {
            fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?
        }
        None => {
            xtask::say!("Building the module …");
            build::of_this_source()?.bytes.clone()
        }
    };
    let copy = folder().join(module::FILE_NAME);
    fs::create_dir_all(folder())?;
    fs::write(&copy, bytes)?;
    Ok(copy)
}

impl Modules {
    /// Compiles what `basic_auth` is compared with.
    pub(crate) fn beside(basic_auth: &Path) -> anyhow::Result<Self> {
        xtask::say!("Building what it is compared with …");
        let compiled = compile(&["empty-sdk", "usual-sdk"], Some(build::TARGET))?;
        let empty_sdk = compiled.join("empty_sdk.wasm");
        let minimal = folder().join("minimal.wasm");
        fs::write(&minimal, minimal_module::empty())?;
        let reader = folder().join("reader.wasm");
        fs::write(&reader, minimal_module::reader())?;
        let stripped_sdk = folder().join("stripped_sdk.wasm");
        fs::write(&stripped_sdk, build::strip(&fs::read(&empty_sdk)?)?)?;
        Ok(Self {
            minimal,
            reader,
            usual_sdk: compiled.join("usual_sdk.wasm"),
            empty_sdk,
            stripped_sdk,
            basic_auth: basic_auth.to_path_buf(),
        })
    }
}

/// Where everything is that is built for a measurement.
fn folder() -> PathBuf {
    target_folder().join("bench")
}

/// Compiles packages of this workspace, for this machine unless there is a target. Returns the folder
/// with what was compiled.
pub(crate) fn compile(packages: &[&str], target: Option<&str>) -> anyhow::Result<PathBuf> {
    let toolchain = Toolchain::pinned()?;
    let mut cargo = toolchain.cargo(["build", "--quiet", "--release", "--locked"]);
    cargo.current_dir(repository_root());
    for package in packages {
        cargo.args(["--package", package]);
    }
    if let Some(target) = target {
        toolchain.ensure_target(target)?;
        cargo.args(["--target", target]);
    }
    command::run(cargo).context("what is compared with does not compile")?;
    let folder = target_folder().join(target.unwrap_or_default());
    Ok(folder.join("release"))
}
