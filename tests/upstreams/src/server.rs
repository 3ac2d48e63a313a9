//! A running server: its commands, with a folder and a port of its own.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tempfile::TempDir;
use xtask::http::get;
use xtask::target_folder;

use crate::definition::{Definition, package, program_path};
use crate::group::Group;
use crate::installation::Installation;
use crate::reserved_port::ReservedPort;

/// How long a server may take to serve its first page: Java and Go, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// A started server.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) definition: Definition,
    port: ReservedPort,
    folder: TempDir,
    groups: Vec<Group>,
}

impl Server {
    /// Starts the commands of `definition`; `wait` waits until it serves.
    pub(crate) fn start(
        definition: Definition,
        installation: &Installation,
    ) -> anyhow::Result<Self> {
        if let Some(missing) = definition.missing() {
            bail!("{missing}");
        }
        // Some servers give up being root before they read what they serve.
        let readable = fs::Permissions::from_mode(0o755);
        let folder = tempfile::Builder::new()
            .prefix("upstream-")
            .permissions(readable)
            .tempdir()?;
        let mut server = Self {
            definition,
            port: ReservedPort::any()?,
            folder,
            groups: Vec::new(),
        };
        server.render(installation)?;
        for number in 0..server.definition.commands.len() {
            let command = server.command(number, installation)?;
            server.groups.push(Group::spawn(command)?);
        }
        Ok(server)
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.port.address
    }

    /// Waits until the server serves its public page.
    pub(crate) fn wait(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let serves = |path| get(self.address(), path).is_ok_and(|answer| answer.status == 200);
            if serves("/public/page") {
                return Ok(());
            }
            if self.groups.iter_mut().any(Group::has_ended) {
                bail!("it ended:\n{}", self.last_words());
            }
            if Instant::now() >= deadline {
                bail!(
                    "it did not serve `/public/page` within {PATIENCE:?}:\n{}",
                    self.last_words()
                );
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Copies the files of the definition into the folder, with the placeholders filled in.
    fn render(&self, installation: &Installation) -> anyhow::Result<()> {
        let unchanged = |text: &str| text.to_owned();
        copy_rendered(&package().join("sites"), self.folder.path(), &unchanged)?;
        copy_rendered(&self.definition.folder, self.folder.path(), &|text| {
            self.fill_in(text, installation)
        })
    }

    fn command(&self, number: usize, installation: &Installation) -> anyhow::Result<Command> {
        let words = self.definition.commands[number].iter();
        let mut words = words.map(|word| self.fill_in(word, installation));
        let name = words.next().context("a command is empty")?;
        let program = program_path(&name).unwrap_or_else(|| PathBuf::from(&name));
        let log = File::create(self.folder.path().join(format!("log-{number}")))?;
        let mut command = Command::new(program);
        command
            .args(words)
            .current_dir(self.folder.path())
            .env("PYTHONPATH", &installation.python)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("HOME", self.folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        for (name, value) in &self.definition.environment {
            command.env(name, self.fill_in(value, installation));
        }
        Ok(command)
    }

    fn fill_in(&self, text: &str, installation: &Installation) -> String {
        let folder = |name: &str| self.folder.path().join(name).display().to_string();
        let values = [
            ("{{port}}", self.address().port().to_string()),
            ("{{folder}}", folder("")),
            ("{{files}}", folder("files")),
            ("{{hosted}}", folder("hosted")),
            ("{{addressed}}", folder("addressed")),
            ("{{cache}}", cache().display().to_string()),
            (
                "{{node_modules}}",
                installation.node.join("node_modules").display().to_string(),
            ),
        ];
        let mut text = text.to_owned();
        for (placeholder, value) in values {
            text = text.replace(placeholder, &value);
        }
        text
    }

    /// The end of what the commands have printed.
    fn last_words(&self) -> String {
        let logs = (0..self.definition.commands.len())
            .filter_map(|number| fs::read(self.folder.path().join(format!("log-{number}"))).ok());
        let text: String = logs
            .map(|log| String::from_utf8_lossy(&log).into_owned())
            .collect();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

/// Where compilers keep what they have compiled.
fn cache() -> PathBuf {
    target_folder().join("upstreams")
}

fn copy_rendered(from: &Path, to: &Path, fill_in: &dyn Fn(&str) -> String) -> anyhow::Result<()> {
    for entry in fs::read_dir(from)? {
        let source = entry?.path();
        let target = to.join(source.file_name().unwrap_or_default());
        if source.is_dir() {
            fs::create_dir_all(&target)?;
            copy_rendered(&source, &target, fill_in)?;
        } else {
            let text = fs::read_to_string(&source).with_context(|| source.display().to_string())?;
            fs::write(&target, fill_in(&text))?;
        }
    }
    Ok(())
}
