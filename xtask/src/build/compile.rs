//! Compiles the filter so that nothing of the machine gets into the module.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use crate::command;
use crate::toolchain::{Toolchain, registry_sources};

const PACKAGE: &str = "basic-auth-filter";

/// What the filter is compiled for.
pub const TARGET: &str = "wasm32-wasip1";
const ARTIFACT: &str = "wasm32-wasip1/release/basic_auth_filter.wasm";

/// What `.cargo/config.toml` has for `TARGET`, so that plain `cargo build` compiles the same code:
/// SIMD, and names that say of which crate something generic was made, for `--sizes`.
const RUSTFLAGS: [&str; 2] = ["-Ctarget-feature=+simd128", "-Csymbol-mangling-version=v0"];

/// Settings of Cargo that concern how it downloads or talks, and never what it builds.
const HARMLESS: [&str; 8] = [
    "CARGO_BUILD_JOBS",
    "CARGO_HOME",
    "CARGO_HTTP_",
    "CARGO_NET_",
    "CARGO_REGISTRIES_",
    "CARGO_REGISTRY_",
    "CARGO_SOURCE_",
    "CARGO_TERM_",
];

/// A copy of the source, and the folders that Cargo works with.
pub(super) struct Workspace {
    /// The folder of the workspace's `Cargo.toml`.
    pub(super) folder: PathBuf,
    pub(super) target_folder: PathBuf,
    pub(super) cargo_home: PathBuf,
}

impl Workspace {
    /// What the linker leaves of the filter.
    pub(super) fn compile(&self, toolchain: &Toolchain) -> anyhow::Result<Vec<u8>> {
        toolchain.ensure_target(TARGET)?;
        // The sources have to be there before their folders can be listed.
        command::run(self.cargo(
            toolchain,
            ["fetch", "--quiet", "--locked", "--target", TARGET],
        ))?;
        let arguments = [
            "build",
            "--release",
            "--locked",
            "--package",
            PACKAGE,
            "--target",
            TARGET,
            "--target-dir",
        ];
        let mut build = self.cargo(toolchain, arguments);
        build
            .arg(&self.target_folder)
            .env("CARGO_ENCODED_RUSTFLAGS", self.rustflags(toolchain)?);
        command::run(build).context("the module does not compile")?;
        let artifact = self.target_folder.join(ARTIFACT);
        fs::read(&artifact).with_context(|| format!("{} cannot be read", artifact.display()))
    }

    /// Cargo without the settings of whoever calls it.
    pub(super) fn cargo<const N: usize>(
        &self,
        toolchain: &Toolchain,
        arguments: [&str; N],
    ) -> Command {
        let mut cargo = toolchain.cargo(arguments);
        for (name, _) in std::env::vars_os().filter(|(name, _)| is_setting(name)) {
            cargo.env_remove(name);
        }
        cargo
            .current_dir(&self.folder)
            .env("CARGO_HOME", &self.cargo_home);
        cargo
    }

    /// The compiler's arguments, in the form that goes before every other source of such.
    fn rustflags(&self, toolchain: &Toolchain) -> anyhow::Result<String> {
        let flags = RUSTFLAGS.iter().map(|flag| (*flag).to_owned());
        let flags = flags.chain(self.remapped(toolchain)?);
        Ok(flags.collect::<Vec<_>>().join("\x1f"))
    }

    /// Arguments that keep paths of this machine out of what is compiled.
    pub(super) fn remapped(&self, toolchain: &Toolchain) -> anyhow::Result<Vec<String>> {
        let (library, library_name) = toolchain.library_source()?;
        // The last rule that fits a path counts.
        let mut renamed = vec![
            (self.cargo_home.clone(), "/cargo".to_owned()),
            (library, library_name),
            (self.folder.clone(), "/basic-auth".to_owned()),
            (self.target_folder.clone(), "/basic-auth/target".to_owned()),
        ];
        // A mirror of crates.io has a folder of another name.
        let sources = registry_sources(&self.cargo_home);
        renamed.extend(
            sources
                .into_iter()
                .map(|folder| (folder, "/cargo/registry".to_owned())),
        );
        Ok(renamed
            .iter()
            .map(|(folder, name)| remap(folder, name))
            .collect())
    }
}

fn remap(folder: &Path, name: &str) -> String {
    format!("--remap-path-prefix={}={name}", folder.display())
}

/// Whether an environment variable could change what Cargo builds.
fn is_setting(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    let is_cargos = ["CARGO_", "RUSTC", "RUSTFLAGS"]
        .iter()
        .any(|prefix| name.starts_with(prefix));
    is_cargos && !HARMLESS.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_cargo_has_the_same_flags() {
        let path = crate::repository_root().join(".cargo/config.toml");
        let configuration = fs::read_to_string(path).unwrap();
        let expected = format!("[target.{TARGET}]\nrustflags = {RUSTFLAGS:?}\n");
        assert!(configuration.contains(&expected), "{expected}");
    }

    #[test]
    fn settings_that_change_the_module_are_recognised() {
        for setting in [
            "RUSTFLAGS",
            "CARGO_ENCODED_RUSTFLAGS",
            "CARGO_BUILD_RUSTFLAGS",
            "CARGO_TARGET_WASM32_WASIP1_RUSTFLAGS",
            "CARGO_PROFILE_RELEASE_LTO",
            "CARGO_TARGET_DIR",
            "RUSTC",
            "RUSTC_WRAPPER",
            "RUSTC_BOOTSTRAP",
        ] {
            assert!(is_setting(OsStr::new(setting)), "{setting}");
        }
        for other in [
            "PATH",
            "CARGO_HOME",
            "CARGO_NET_OFFLINE",
            "CARGO_TERM_COLOR",
            "RUSTUP_HOME",
            "RUST_LOG",
        ] {
            assert!(!is_setting(OsStr::new(other)), "{other}");
        }
    }
}
