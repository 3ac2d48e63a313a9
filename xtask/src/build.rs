//! `cargo xtask build`: the module and its checksum, in `dist/`.

mod compile;
mod reproduce;
mod sizes;
mod strip;

use std::sync::OnceLock;

use anyhow::anyhow;

use crate::module::{self, Module};
use crate::toolchain::{Toolchain, cargo_home};
use crate::{repository_root, target_folder};
use compile::Workspace;

pub use compile::TARGET;
pub use strip::{EXPORTS, strip};

/// Arguments of `cargo xtask build`.
#[derive(Debug, Default, clap::Args)]
#[command(after_help = "\
Examples:
  cargo xtask build
  cargo xtask build --sizes
  cargo xtask build --check-reproducible

Leaves dist/basic_auth.wasm and dist/basic_auth.wasm.sha256. The same source gives the same bytes
in any folder, under any home and whatever RUSTFLAGS says.")]
pub struct BuildArgs {
    /// Builds two copies of the source in two folders with two homes, and compares the bytes
    #[arg(long)]
    check_reproducible: bool,
    /// Prints how much of the module comes from which crate
    #[arg(long)]
    sizes: bool,
}

/// Builds, and prints what was built.
pub fn run(args: &BuildArgs) -> anyhow::Result<()> {
    let module = if args.check_reproducible {
        reproduce::build_twice()?
    } else {
        compile()?
    };
    module.publish(&module::dist_folder())?;
    println!("dist/{}  {} bytes", module::FILE_NAME, module.bytes.len());
    println!("sha256 {}", module.digest);
    if args.sizes {
        // Nothing is compiled again.
        print!("\n{}", sizes::table(&compiled()?)?);
    }
    Ok(())
}

/// The module of this source: built once in each process, by a Cargo that compiles what has changed.
/// So nobody works with what an older source has left in `dist/`.
pub fn of_this_source() -> anyhow::Result<&'static Module> {
    static MODULE: OnceLock<Result<Module, String>> = OnceLock::new();
    let module = MODULE.get_or_init(|| build().map_err(|error| format!("{error:#}")));
    module.as_ref().map_err(|error| anyhow!("{error}"))
}

/// Builds the module into `dist/`.
fn build() -> anyhow::Result<Module> {
    let module = compile()?;
    module.publish(&module::dist_folder())?;
    Ok(module)
}

fn compile() -> anyhow::Result<Module> {
    finish(&compiled()?)
}

/// What the linker leaves of the filter in this folder.
fn compiled() -> anyhow::Result<Vec<u8>> {
    let workspace = Workspace {
        folder: repository_root(),
        target_folder: target_folder(),
        cargo_home: cargo_home()?,
    };
    workspace.compile(&Toolchain::pinned()?)
}

fn finish(compiled: &[u8]) -> anyhow::Result<Module> {
    Ok(Module::from(strip(compiled)?))
}
