//! `cargo xtask bench`: runs the bench, a package of its own.

use std::ffi::OsString;

use crate::toolchain::Toolchain;
use crate::{command, repository_root};

/// Arguments of `cargo xtask bench`.
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub struct BenchArgs {
    /// What the bench itself reads
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

/// Builds and runs the bench.
pub fn run(args: &BenchArgs) -> anyhow::Result<()> {
    let program = Toolchain::pinned()?.program("basic-auth-bench")?;
    let mut bench = command::command(program, &args.arguments);
    bench.current_dir(repository_root());
    command::run(bench)
}
