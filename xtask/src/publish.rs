//! `cargo xtask package`, `push` and `manifests`: run by a package of their own, which has the HTTP client.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;

use crate::command;
use crate::toolchain::Toolchain;

/// Arguments of the commands that leave the repository.
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub struct PublishArgs {
    /// What the command itself reads
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

/// Builds and becomes the package's program, so that its errors and its status are the only ones.
pub fn run(name: &str, args: &PublishArgs) -> anyhow::Result<()> {
    let program = Toolchain::pinned()?.program("publish")?;
    let mut publish = command::command(program, [name]);
    publish.args(&args.arguments);
    Err(publish.exec().into())
}
