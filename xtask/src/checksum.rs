//! `cargo xtask checksum`: prints the checksum of the built module, or compares it.

use anyhow::bail;

use crate::module::{self, Digest};

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

/// Prints the digest of `dist/basic_auth.wasm`, or compares it.
pub fn run(args: &ChecksumArgs) -> anyhow::Result<()> {
    let digest = module::digest()?;
    match args.verify {
        None => println!("{digest}"),
        Some(expected) if expected == digest => println!("{digest} matches"),
        Some(expected) => bail!("the checksums differ\n  expected {expected}\n  built    {digest}"),
    }
    Ok(())
}
