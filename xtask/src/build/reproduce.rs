//! Builds the module twice, as two people with two machines would, and compares.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use anyhow::{Context as _, bail};
use tempfile::TempDir;

use super::compile::Workspace;
use crate::module::Module;
use crate::toolchain::{Toolchain, cargo_home};
use crate::{command, repository_root};

/// The module, if both builds gave the same.
pub(super) fn build_twice() -> anyhow::Result<Module> {
    let toolchain = Toolchain::pinned()?;
    let files = source_files()?;
    let first = build_copy(&toolchain, &files, "first")?;
    let second = build_copy(&toolchain, &files, "the-second-with-a-longer-name")?;
    if first.digest != second.digest {
        bail!(
            "not reproducible: two builds of the same source differ\n  {}  {} bytes\n  {}  {} bytes\n{}",
            first.digest,
            first.bytes.len(),
            second.digest,
            second.bytes.len(),
            first_difference(&first.bytes, &second.bytes)
        );
    }
    crate::say!("reproducible: two builds in two folders with two homes gave the same bytes");
    Ok(first)
}

/// The files that make up the source: all but those that git ignores.
fn source_files() -> anyhow::Result<Vec<String>> {
    let mut git = command::command(
        "git",
        [
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ],
    );
    git.current_dir(repository_root());
    let list = command::output(git)
        .context("git has to tell which files are source: run this in a clone")?;
    Ok(list
        .split('\0')
        .filter(|file| !file.is_empty())
        .map(str::to_owned)
        .collect())
}

/// Builds a copy of `files` in a folder whose path contains `name`.
fn build_copy(toolchain: &Toolchain, files: &[String], name: &str) -> anyhow::Result<Module> {
    let temporary = TempDir::with_prefix(format!("basic-auth-{name}-"))?;
    let base = temporary.path();
    let workspace = Workspace {
        folder: base.join("source"),
        target_folder: base.join("target"),
        cargo_home: base.join("home").join(name).join("cargo"),
    };
    copy(files, &repository_root(), &workspace.folder)?;
    imitate(&cargo_home()?, &workspace.cargo_home)?;
    crate::warn!("Building in {} …", base.display());
    super::finish(&workspace.compile(toolchain)?)
}

fn copy(files: &[String], from: &Path, to: &Path) -> anyhow::Result<()> {
    for file in files {
        let source = from.join(file);
        // Listed by git, but deleted or not a file in this work tree.
        if !source.is_file() {
            continue;
        }
        let copy = to.join(file);
        fs::create_dir_all(copy.parent().unwrap_or(to))?;
        fs::copy(&source, &copy).with_context(|| format!("{file} cannot be copied"))?;
    }
    Ok(())
}

/// Another home with the same content, so that nothing has to be downloaded again.
fn imitate(home: &Path, other: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(other)?;
    for entry in fs::read_dir(home)? {
        let entry = entry?;
        symlink(entry.path(), other.join(entry.file_name()))?;
    }
    Ok(())
}

fn first_difference(first: &[u8], second: &[u8]) -> String {
    let position = first
        .iter()
        .zip(second)
        .position(|(one, other)| one != other);
    let position = position.unwrap_or(first.len().min(second.len()));
    let around = |bytes: &[u8]| {
        let end = bytes.len().min(position + 40);
        String::from_utf8_lossy(&bytes[position.saturating_sub(40).min(end)..end])
            .escape_debug()
            .to_string()
    };
    format!(
        "first difference at byte {position}:\n  {}\n  {}",
        around(first),
        around(second)
    )
}
