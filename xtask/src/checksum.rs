//! `cargo xtask checksum`: prints the checksum of the module that this source makes, or compares it.

use anyhow::bail;

use crate::build;
use crate::module::Digest;

/// Arguments of `cargo xtask checksum`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cargo xtask checksum
  cargo xtask checksum --verify e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
pub struct ChecksumArgs {
    /// Compares with this digest instead, and fails when it differs
    #[arg(long, value_name = "SHA256")]
    verify: Option<Digest>,
}

/// Builds what has changed, and prints the digest of the module, or compares it.
pub fn run(args: &ChecksumArgs) -> anyhow::Result<()> {
    let digest = build::of_this_source()?.digest;
    match args.verify {
        None => crate::say!("{digest}"),
        Some(expected) if expected == digest => crate::say!("{digest} matches"),
        Some(expected) => bail!("the checksums differ\n  expected {expected}\n  built    {digest}"),
    }
    Ok(())
}
