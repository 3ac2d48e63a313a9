//! `cargo xtask release`: everything that a release holds, in one folder, the same octets each time.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use xtask::build;
use xtask::build::agent::{self, AgentProfile};
use xtask::module::{Digest, Module, dist_folder};
use xtask::repository_root;

use crate::agent_image;
use crate::oci::{Image, Layout, archive, layout};
use crate::package::Origin;
use crate::sbom;

/// Arguments of `cargo xtask release`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cargo xtask release 0.1.0 --dry-run

Leaves dist/release/VERSION: the module, the agent, their checksums, images and SBOMs, the manifests of envoy/, and the
changelog's section. Publish what is in it with `cargo xtask push --from`.")]
pub struct ReleaseArgs {
    /// The version in Cargo.toml
    version: String,
    /// Makes the files, and publishes nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    origin: Origin,
    /// How the agent is compiled
    #[arg(long, value_enum, default_value_t, hide = true)]
    agent_profile: AgentProfile,
    /// Where it goes [default: dist/release/VERSION]
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
}

/// Makes the folder.
///
/// # Errors
/// When the version is not the source's, the changelog says nothing of it, or something cannot be made.
pub fn run(args: &ReleaseArgs) -> anyhow::Result<()> {
    let version = env!("CARGO_PKG_VERSION");
    if args.version != version {
        bail!(
            "this source is {version}, and not {}: change Cargo.toml",
            args.version
        );
    }
    if !args.dry_run {
        bail!("nothing is published from here: add --dry-run, and push what comes out");
    }
    let changelog = fs::read_to_string(repository_root().join("CHANGELOG.md"))?;
    let notes = section(&changelog, version)
        .or_else(|| section(&changelog, "Unreleased"))
        .with_context(|| format!("CHANGELOG.md has no section {version}"))?;
    let usual = || dist_folder().join("release").join(version);
    let folder = args.output.clone().unwrap_or_else(usual);
    if folder.exists() {
        bail!(
            "{} is there already: remove it, or name another folder",
            folder.display()
        );
    }
    let parent = folder.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(parent)?;
    let beside = tempfile::Builder::new()
        .prefix(".release-")
        .tempdir_in(parent)?;
    fill(beside.path(), args, notes)?;
    fs::rename(beside.keep(), &folder)?;
    xtask::say!(
        "{}",
        fs::read_to_string(folder.join("SHA256SUMS"))?.trim_end()
    );
    Ok(())
}

fn fill(folder: &Path, args: &ReleaseArgs, notes: &str) -> anyhow::Result<()> {
    let module: &Module = build::of_this_source()?;
    fs::write(folder.join("basic_auth.wasm"), &module.bytes)?;
    fs::write(
        folder.join("basic_auth.wasm.sha256"),
        module.checksum_line(),
    )?;
    agent::publish(&agent::compile(args.agent_profile)?, folder)?;
    let annotations = args.origin.annotations("basic_auth");
    for (name, kind) in [("oci", Layout::Plain), ("oci-cncf", Layout::Cncf)] {
        let image = Image::of_module(&module.bytes, kind, &annotations)?;
        layout::write(&folder.join(name), &image, &args.version)?;
    }
    let image = agent_image::make(args.agent_profile, &args.origin.annotations("wasm-agent"))?;
    layout::write(&folder.join("agent-oci"), &image, &args.version)?;
    fs::write(
        folder.join("basic_auth.cdx.json"),
        sbom::of("basic-auth-filter", build::TARGET)?,
    )?;
    fs::write(
        folder.join("wasm-agent.cdx.json"),
        sbom::of("wasm-agent", agent::TARGET)?,
    )?;
    fs::write(folder.join("manifests.tar.gz"), manifests()?)?;
    fs::write(folder.join("CHANGELOG.md"), notes)?;
    let sums = sums(folder)?;
    fs::write(folder.join("SHA256SUMS"), sums)?;
    Ok(())
}

/// The text below the heading of a version.
fn section<'a>(changelog: &'a str, version: &str) -> Option<&'a str> {
    let heading = changelog.split_once(&format!("\n## {version}"))?.1;
    let text = heading.split_once('\n')?.1;
    let text = text.split_once("\n## ").map_or(text, |(text, _)| text);
    Some(text.trim_start_matches('\n')).filter(|text| !text.trim().is_empty())
}

/// The manifests of `envoy/`.
fn manifests() -> anyhow::Result<Vec<u8>> {
    let root = repository_root();
    let mut files = Vec::new();
    for path in files_below(&root.join("envoy"))? {
        let name = path.strip_prefix(&root)?.to_string_lossy().into_owned();
        files.push((name, fs::read(&path)?));
    }
    let entries: Vec<_> = files
        .iter()
        .map(|(name, content)| {
            let entry = archive::Entry::File(content, archive::Access::READ);
            (name.as_str(), entry)
        })
        .collect();
    Ok(archive::gzip(&archive::tar(&entries)?)?)
}

/// A line for `sha256sum --check` for every file.
fn sums(folder: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    for path in files_below(folder)? {
        let name = path.strip_prefix(folder)?.display().to_string();
        text += &format!("{}  {name}\n", Digest::of(&fs::read(&path)?));
    }
    Ok(text)
}

fn files_below(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(files_below(&path)?);
        } else {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_versions_section_ends_where_the_next_begins() {
        let changelog = "# Changelog\n\n## 0.2.0 - 2026-01-01\n\nb\n\n## 0.1.0\n\n- a\n";
        assert_eq!(section(changelog, "0.2.0"), Some("b\n"));
        assert_eq!(section(changelog, "0.1.0"), Some("- a\n"));
        assert_eq!(section(changelog, "1"), None);
    }
}
