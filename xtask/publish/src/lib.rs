//! What leaves the repository: the module as an image, the manifests that load it, the agent, releases.
//!
//! A package of its own, so that `cargo xtask build` and `test` do not wait for an HTTP client.

#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod agent_image;
pub mod manifests;
pub mod oci;
pub mod package;
pub mod push;
pub mod release;
pub mod sbom;

use std::process::ExitCode;

use anyhow::anyhow;
use clap::Parser as _;

/// A command of `cargo xtask` that this package runs.
#[derive(Debug, clap::Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 100)]
pub enum Task {
    /// Makes an OCI layout of the module
    Package(package::PackageArgs),
    /// Pushes the module, or a layout, to a registry
    Push(push::PushArgs),
    /// Makes the manifests that load the module: Istio, Envoy Gateway, Envoy
    Manifests(Box<manifests::ManifestsArgs>),
    /// Makes everything that a release holds
    Release(release::ReleaseArgs),
}

/// The program: reads the command line and does what it says.
#[must_use]
pub fn main() -> ExitCode {
    xtask::exit_code(parse().and_then(|task| task.run()))
}

/// The command line; what is wrong with it is said in one line, like everything else.
fn parse() -> anyhow::Result<Task> {
    Task::try_parse().map_err(|error| {
        if !error.use_stderr() {
            error.exit();
        }
        let text = error.render().to_string();
        let text = text.split("\n\n").next().unwrap_or_default();
        let text = text.strip_prefix("error: ").unwrap_or(text);
        anyhow!("{}", text.split_whitespace().collect::<Vec<_>>().join(" "))
    })
}

impl Task {
    /// Does what was asked for.
    ///
    /// # Errors
    /// One line that says what is wrong and what would be right.
    pub fn run(&self) -> anyhow::Result<()> {
        match self {
            Self::Package(args) => package::run(args),
            Self::Push(args) => push::run(args),
            Self::Manifests(args) => manifests::run(args),
            Self::Release(args) => release::run(args),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        <Task as clap::CommandFactory>::command().debug_assert();
    }
}
