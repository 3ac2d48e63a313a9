//! What the commands of `cargo xtask` do, and what the tests share with them: the built module,
//! its server, an upstream, a real Envoy and children that never outlive their parent.

#![warn(clippy::print_stdout, clippy::print_stderr)]

mod background;
mod file_version;
mod interrupt;

pub mod agent;
pub mod bench;
pub mod build;
pub mod check;
pub mod checksum;
pub mod child;
pub mod command;
pub mod console;
pub mod envoy;
pub mod explain;
pub mod fuzz;
pub mod http;
pub mod lines;
pub mod listen_address;
pub mod module;
pub mod operator;
pub mod playground;
pub mod process_memory;
pub mod progress;
pub mod publish;
pub mod serve;
pub mod test;
pub mod toolchain;
pub mod up;
pub mod upstream;
pub mod users;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The folder of the repository, that of the workspace's `Cargo.toml`.
pub fn repository_root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_path_buf()
}

/// The folder of what is built and installed: `CARGO_TARGET_DIR`, else `target/`.
pub fn target_folder() -> PathBuf {
    let chosen = std::env::var_os("CARGO_TARGET_DIR").filter(|folder| !folder.is_empty());
    repository_root().join(chosen.map_or_else(|| PathBuf::from("target"), PathBuf::from))
}

/// How a command ends: with success, or with its error in one line and a status above 0.
pub fn exit_code(done: anyhow::Result<()>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            crate::warn!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
