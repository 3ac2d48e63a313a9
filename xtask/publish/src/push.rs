//! `cargo xtask push`: an image to a registry.

use std::path::PathBuf;

use anyhow::bail;

use crate::oci::{Reference, Registry, Scheme, layout};
use crate::package::Content;

/// Arguments of `cargo xtask push`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cargo xtask push registry.example/team/basic-auth:0.1.0
  cargo xtask push --from dist/agent-oci registry.example/team/wasm-agent:0.1.0
  cargo xtask push --plain-http localhost:5000/basic-auth:0.1.0

The credentials are those of Docker's configuration and its helpers (`docker login`, DOCKER_CONFIG). The tag moves when
everything else is in the registry, and not before.")]
pub struct PushArgs {
    /// Registry, repository and tag
    #[arg(value_name = "REF")]
    reference: Reference,
    #[command(flatten)]
    content: Content,
    /// Pushes the image of this OCI layout, and not the module
    #[arg(long, value_name = "DIR", conflicts_with_all = ["layout", "revision", "source"])]
    from: Option<PathBuf>,
    /// Speaks HTTP without TLS, also when credentials are sent
    #[arg(long)]
    plain_http: bool,
}

/// Pushes, and prints the digest to pin.
///
/// # Errors
/// What the registry said, and what was pushed.
pub fn run(args: &PushArgs) -> anyhow::Result<()> {
    let reference = &args.reference;
    if reference.digest.is_some() {
        bail!("a push names a tag, and the digest is what comes of it: leave `@sha256:…` out");
    }
    if reference.tag.is_none() {
        bail!(
            "{reference} has no tag: write {reference}:{}",
            env!("CARGO_PKG_VERSION")
        );
    }
    let scheme = if args.plain_http {
        Scheme::Http
    } else {
        Scheme::Https
    };
    let registry = Registry::new(reference, scheme)?;
    let image = match &args.from {
        Some(folder) => layout::read(folder)?,
        None => {
            args.content.warn();
            args.content.image()?
        }
    };
    registry.push(&image, &|line| xtask::say!("{line}"))?;
    let digest = image.digest();
    xtask::say!("manifest sha256:{digest}  pushed as {reference}");
    xtask::say!("to pin it: oci://{}", reference.pinned(digest));
    Ok(())
}
