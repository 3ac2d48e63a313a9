//! `cargo xtask package`: the module of this source as an OCI layout on disk.

use std::path::PathBuf;

use xtask::build::agent::AgentProfile;
use xtask::{build, command, module, repository_root};

use crate::agent_image;
use crate::oci::{Annotations, Image, Layout, layout};

/// What the image is called.
const TITLE: &str = "basic_auth";

/// Arguments of `cargo xtask package`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cargo xtask package
  cargo xtask package --layout cncf -o /tmp/basic-auth-cncf
  cargo xtask package --agent
  skopeo copy oci:dist/oci docker://registry.example/team/basic-auth:0.1.0

Leaves dist/oci, and prints the digest to pin: that of the manifest. The same commit gives the same digest on any day
and machine.")]
pub struct PackageArgs {
    #[command(flatten)]
    content: Content,
    /// Makes the image of the agent instead
    #[arg(long, conflicts_with = "layout")]
    agent: bool,
    /// How the agent is compiled
    #[arg(long, value_enum, default_value_t, hide = true, requires = "agent")]
    agent_profile: AgentProfile,
    /// Where the layout goes [default: dist/oci, dist/agent-oci]
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
}

/// What an image of the module holds and says.
#[derive(Debug, clap::Args)]
pub struct Content {
    /// How the module lies in the image
    #[arg(long, value_enum, default_value_t)]
    layout: Layout,
    #[command(flatten)]
    origin: Origin,
}

/// Where an image comes from.
#[derive(Debug, Default, clap::Args)]
pub struct Origin {
    /// The commit that the annotations name [default: that of this clone, with `-modified` if it was changed]
    #[arg(long, value_name = "TEXT")]
    revision: Option<String>,
    /// The URL of the source that the annotations name
    #[arg(long, value_name = "URL")]
    source: Option<String>,
}

impl Content {
    /// The image of the module of this source.
    ///
    /// # Errors
    /// When the module cannot be built.
    pub fn image(&self) -> anyhow::Result<Image> {
        let module = build::of_this_source()?;
        Image::of_module(&module.bytes, self.layout, &self.origin.annotations(TITLE))
    }

    /// What whoever uses this layout has to know.
    pub fn warn(&self) {
        if self.layout == Layout::Cncf {
            xtask::warn!(
                "warning: this is CNCF's Wasm artifact, which Istio, Envoy Gateway and Higress refuse"
            );
        }
    }
}

impl Origin {
    /// What is said of an image with this title.
    #[must_use]
    pub fn annotations(&self, title: &str) -> Annotations {
        Annotations {
            title: title.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            revision: self.revision.clone().or_else(revision),
            source: self.source.clone(),
            description: None,
        }
    }
}

/// The commit of this clone; none outside of one.
fn revision() -> Option<String> {
    let git = |arguments: &[&str]| {
        let mut git = command::command("git", arguments);
        git.current_dir(repository_root());
        command::output(git).ok()
    };
    let commit = git(&["rev-parse", "HEAD"])?;
    let changes = git(&["status", "--porcelain", "--untracked-files=no"])?;
    let modified = if changes.is_empty() { "" } else { "-modified" };
    Some(format!("{commit}{modified}"))
}

/// Makes the layout, and prints the digest to pin.
///
/// # Errors
/// When the module cannot be built or the folder cannot be written.
pub fn run(args: &PackageArgs) -> anyhow::Result<()> {
    let (image, usual) = if args.agent {
        let annotations = args.content.origin.annotations("wasm-agent");
        let image = agent_image::make(args.agent_profile, &annotations)?;
        (image, "agent-oci")
    } else {
        (args.content.image()?, "oci")
    };
    let folder = args.output.clone();
    let folder = folder.unwrap_or_else(|| module::dist_folder().join(usual));
    layout::write(&folder, &image, env!("CARGO_PKG_VERSION"))?;
    args.content.warn();
    xtask::say!("{}", folder.display());
    xtask::say!("sha256:{}", image.digest());
    Ok(())
}
