//! The modules that are compared, compiled and written to where Envoy can read them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::{minimal_module, stripped_sdk};
use crate::build;
use crate::toolchain::Toolchain;
use crate::{command, module, repository_root, target_folder};

/// Files with modules.
pub(super) struct Modules {
    /// Exports nothing that it need not, and does nothing.
    pub(super) minimal: PathBuf,
    /// Learns which plugin a request is for, reads its fields, and does nothing with that.
    pub(super) reader: PathBuf,
    /// A filter on the SDK that does nothing.
    pub(super) empty_sdk: PathBuf,
    /// The same without the exports that this project removes from its own module.
    pub(super) stripped_sdk: PathBuf,
    /// A filter on the SDK as they are usually written.
    pub(super) usual_sdk: PathBuf,
    /// Ours.
    pub(super) basic_auth: PathBuf,
}

/// A copy of `chosen` or, without one, of this project's module as it is shipped, which is built
/// first. A copy, because a build that goes on meanwhile replaces the module in `dist/`.
pub(super) fn basic_auth(chosen: Option<&Path>) -> anyhow::Result<PathBuf> {
    let bytes = match chosen {
        Some(path) => {
            fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?
        }
        None => {
            println!("Building the module …");
            build::build()?.bytes
        }
    };
    let copy = folder().join(module::FILE_NAME);
    fs::create_dir_all(folder())?;
    fs::write(&copy, bytes)?;
    Ok(copy)
}

impl Modules {
    /// Compiles what `basic_auth` is compared with.
    pub(super) fn beside(basic_auth: &Path) -> anyhow::Result<Self> {
        println!("Building what it is compared with …");
        let compiled = compile(&["empty-sdk", "usual-sdk"], Some(build::TARGET))?;
        let empty_sdk = compiled.join("empty_sdk.wasm");
        let minimal = folder().join("minimal.wasm");
        fs::write(&minimal, minimal_module::empty())?;
        let reader = folder().join("reader.wasm");
        fs::write(&reader, minimal_module::reader())?;
        let stripped_sdk = folder().join("stripped_sdk.wasm");
        fs::write(&stripped_sdk, stripped_sdk::strip(&fs::read(&empty_sdk)?)?)?;
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

/// Compiles packages of `xtask/bench`, for this machine unless there is a target. Returns the
/// folder with what was compiled.
pub(super) fn compile(packages: &[&str], target: Option<&str>) -> anyhow::Result<PathBuf> {
    let toolchain = Toolchain::pinned()?;
    let folder = folder();
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What the lock file of the bench says that the package `basic-auth` depends on.
    fn locked() -> Vec<String> {
        let text = fs::read_to_string(repository_root().join("xtask/bench/Cargo.lock")).unwrap();
        let mut packages = text.split("[[package]]");
        let core = packages.find(|package| package.contains("name = \"basic-auth\"\n"));
        let lines = core.unwrap().lines().map(str::trim);
        let names = lines.filter_map(|line| line.strip_prefix('"')?.split(['"', ' ']).next());
        names.map(str::to_owned).collect()
    }

    /// What its manifest says. Tests of the core are none of the bench's business.
    fn stated() -> Vec<String> {
        let text = fs::read_to_string(repository_root().join("filter/core/Cargo.toml")).unwrap();
        let (_, text) = text.split_once("[dependencies]\n").unwrap();
        let lines = text.lines().take_while(|line| !line.starts_with('['));
        let names = lines.filter_map(|line| line.split_once(" = "));
        names.map(|(name, _)| name.to_owned()).collect()
    }

    #[test]
    fn the_lock_file_knows_what_the_core_depends_on() {
        assert_eq!(
            locked(),
            stated(),
            "run `cargo update --workspace` in xtask/bench"
        );
    }
}
