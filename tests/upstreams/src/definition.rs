//! A server as its folder in `servers/` defines it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::Deserialize;

use crate::content::Content;

/// The content of `servers/NAME/server.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ServerToml {
    /// Programs that are not installed into `target/`, each with the Debian package that has it.
    #[serde(default)]
    programs: BTreeMap<String, String>,
    /// Files that are no programs, with their packages.
    #[serde(default)]
    files: BTreeMap<PathBuf, String>,
    /// The commands to run at the same time, word by word, with placeholders.
    commands: Vec<Vec<String>>,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    /// Whether `/file/more` is served by `/file`: rules of the kinds that do not cover it, by
    /// their documentation, are not tried then.
    #[serde(default)]
    has_path_info: bool,
    /// Whether it serves `/folder/`.
    #[serde(default)]
    has_folder: bool,
    /// Whether it answers for `secret.example` otherwise than for other hosts.
    #[serde(default)]
    has_hosts: bool,
}

/// A server that can be started.
#[derive(Debug)]
pub(crate) struct Definition {
    /// The name of its folder.
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
    pub(crate) programs: BTreeMap<String, String>,
    pub(crate) files: BTreeMap<PathBuf, String>,
    pub(crate) commands: Vec<Vec<String>>,
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) has_path_info: bool,
    pub(crate) has_folder: bool,
    pub(crate) has_hosts: bool,
}

impl Definition {
    /// Every server of this package, by name.
    pub(crate) fn all() -> anyhow::Result<Vec<Self>> {
        let folder = package().join("servers");
        let entries = fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
        let mut definitions = Vec::new();
        for entry in entries {
            let path = entry?.path();
            if path.join("server.toml").is_file() {
                definitions.push(Self::read(path)?);
            }
        }
        definitions.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(definitions)
    }

    fn read(folder: PathBuf) -> anyhow::Result<Self> {
        let path = folder.join("server.toml");
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let read: ServerToml = toml::from_str(&text).with_context(|| path.display().to_string())?;
        let name = folder.file_name().unwrap_or_default();
        Ok(Self {
            name: name.to_string_lossy().into_owned(),
            programs: read.programs,
            files: read.files,
            commands: read.commands,
            environment: read.environment,
            has_path_info: read.has_path_info,
            has_folder: read.has_folder,
            has_hosts: read.has_hosts,
            folder,
        })
    }

    /// What it serves that rules protect.
    pub(crate) fn contents(&self) -> Vec<Content> {
        let has = |content: &Content| match content {
            Content::Secret | Content::Script => true,
            Content::Folder => self.has_folder,
            Content::Hosted | Content::Address => self.has_hosts,
        };
        Content::ALL.into_iter().filter(has).collect()
    }

    /// What is missing on this machine, as a sentence; `None` if nothing is.
    pub(crate) fn missing(&self) -> Option<String> {
        let programs = self.programs.iter();
        let programs = programs.filter(|(program, _)| program_path(program).is_none());
        let files = self.files.iter().filter(|(file, _)| !file.exists());
        let missing = programs
            .map(|(program, package)| (program.clone(), package))
            .chain(files.map(|(file, package)| (file.display().to_string(), package)));
        let missing: Vec<String> = missing
            .map(|(what, package)| format!("{what} is missing: install Debian's package {package}"))
            .collect();
        (!missing.is_empty()).then(|| missing.join("; "))
    }
}

/// The folder of this package.
pub(crate) fn package() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The program of this name on the `PATH`, or where Debian has what only root runs. `name*` is
/// one whose name begins so: some have a version in it.
pub(crate) fn program_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    match name.strip_suffix('*') {
        None => folders
            .map(|folder| folder.join(name))
            .find(|file| file.is_file()),
        Some(beginning) => folders.find_map(|folder| beginning_with(&folder, beginning)),
    }
}

fn beginning_with(folder: &Path, beginning: &str) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let name = names.find(|name| name.starts_with(beginning))?;
    Some(folder.join(name))
}
