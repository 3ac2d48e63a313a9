//! `cargo xtask build`: the module and its checksum, in `dist/`.

pub mod agent;
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
  cargo xtask build --agent

Leaves dist/basic_auth.wasm and dist/basic_auth.wasm.sha256, and the module once more in a folder of
its checksum, where it stays when the next one is built. The same source gives the same bytes
in any folder, under any home and whatever RUSTFLAGS says.")]
pub struct BuildArgs {
    /// Builds two copies of the source in two folders with two homes, and compares the bytes
    #[arg(long)]
    check_reproducible: bool,
    /// Prints how much of the module comes from which crate
    #[arg(long)]
    sizes: bool,
    /// Builds the agent instead, as one static file: dist/wasm-agent
    #[arg(long, conflicts_with_all = ["check_reproducible", "sizes"])]
    agent: bool,
    #[command(flatten)]
    keep: Keep,
}

/// How many modules stay in `dist/`.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Keep {
    /// How many modules stay in dist/ under their checksums, those that were built last
    #[arg(long, value_name = "N", default_value_t = 10)]
    keep: usize,
}

impl Default for Keep {
    fn default() -> Self {
        Self { keep: 10 }
    }
}

/// Builds, and prints what was built.
pub fn run(args: &BuildArgs) -> anyhow::Result<()> {
    if args.agent {
        return agent::run();
    }
    let module = if args.check_reproducible {
        reproduce::build_twice()?
    } else {
        compile()?
    };
    publish(&module, args.keep)?;
    crate::say!("dist/{}  {} bytes", module::FILE_NAME, module.bytes.len());
    crate::say!("sha256 {}", module.digest);
    if args.sizes {
        // Nothing is compiled again.
        crate::say!("\n{}", sizes::table(&compiled()?)?.trim_end());
    }
    Ok(())
}

/// The module of this source: built once in each process, by a Cargo that compiles what has changed.
/// So nobody works with what an older source has left in `dist/`, and `dist/` stays as it is.
pub fn of_this_source() -> anyhow::Result<&'static Module> {
    static MODULE: OnceLock<Result<Module, String>> = OnceLock::new();
    let module = MODULE.get_or_init(|| compile().map_err(|error| format!("{error:#}")));
    module.as_ref().map_err(|error| anyhow!("{error}"))
}

/// Builds the module of this source into `dist/`.
pub(crate) fn publish_this_source(keep: Keep) -> anyhow::Result<&'static Module> {
    let module = of_this_source()?;
    publish(module, keep)?;
    Ok(module)
}

fn publish(module: &Module, Keep { keep }: Keep) -> anyhow::Result<()> {
    let dist = module::dist_folder();
    module.publish(&dist)?;
    module::prune(&dist, keep)
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
