//! The folder that the user edits, and the agent that serves it.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tempfile::TempDir;

use crate::child::Child;
use crate::console::Log;
use crate::envoy::Envoy;
use crate::http;
use crate::module::Digest;
use crate::repository_root;
use crate::serve::Server;
use crate::up::PATIENCE;

/// The folder in the repository that is copied.
const SHIPPED: &str = "envoy/ecds";
/// The extension configuration in it.
const RESOURCE: &str = "basic_auth.yaml";
/// The users in it.
const USERS: &str = "users.htpasswd";

/// Between two looks at something that another process does.
const POLL: Duration = Duration::from_millis(20);

/// A running agent and its folders. They end with the value.
pub(super) struct Workshop {
    agent: Child,
    log: AgentLog,
    folder: TempDir,
    digest: Digest,
}

impl Workshop {
    /// Copies the shipped folder, with the module of `server`, and starts the agent on it.
    pub(super) fn open(agent: &Path, server: &Server) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("basic-auth-ecds-")
            .tempdir()?;
        let resources = folder.path().join("resources");
        fs::create_dir(&resources)?;
        let shipped = repository_root().join(SHIPPED);
        let text = fs::read_to_string(shipped.join(RESOURCE))
            .with_context(|| format!("{SHIPPED}/{RESOURCE}"))?;
        fs::write(resources.join(RESOURCE), adapted(&text, server)?)?;
        fs::copy(shipped.join(USERS), resources.join(USERS))
            .with_context(|| format!("{SHIPPED}/{USERS}"))?;
        let mut command = Command::new(agent);
        command
            .arg("--resources")
            .arg(&resources)
            .arg("--cache-dir")
            .arg(folder.path().join("cache"))
            .arg("--listen")
            .arg(format!("unix:{}", socket(folder.path()).display()))
            .args(["--status", "off"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut agent = Child::spawn(command)?;
        let log = AgentLog::of(&mut agent)?;
        let mut workshop = Self {
            agent,
            log,
            folder,
            digest: server.digest(),
        };
        workshop.wait_until_ready()?;
        Ok(workshop)
    }

    /// Where Envoy connects.
    pub(super) fn socket(&self) -> PathBuf {
        socket(self.folder.path())
    }

    /// The file with the extension configuration.
    pub(super) fn resource(&self) -> PathBuf {
        self.folder.path().join("resources").join(RESOURCE)
    }

    /// The file with the users.
    pub(super) fn users(&self) -> PathBuf {
        self.folder.path().join("resources").join(USERS)
    }

    /// The checksum of the module that is served.
    pub(super) fn digest(&self) -> Digest {
        self.digest
    }

    /// Prints the agent's lines, those so far and those to come.
    pub(super) fn show_log(&self) -> anyhow::Result<()> {
        self.log.show()
    }

    /// How many lines the agent has logged.
    pub(super) fn log_length(&self) -> usize {
        self.log.lines().all.len()
    }

    /// Waits for a line with `part`, behind the first `length` lines.
    pub(super) fn wait_for_line(&self, part: &str, length: usize) -> anyhow::Result<String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let lines = self.log.lines();
            let line = lines
                .all
                .iter()
                .skip(length)
                .find(|line| line.contains(part));
            if let Some(line) = line {
                return Ok(line.clone());
            }
            drop(lines);
            if Instant::now() >= deadline {
                bail!("the agent did not say `{part}`:\n{}", self.last_words());
            }
            std::thread::sleep(POLL);
        }
    }

    /// Fails with the agent's last words if it has ended.
    pub(super) fn check_running(&mut self) -> anyhow::Result<()> {
        match self.agent.try_wait()? {
            Some(status) => bail!("the agent ended ({status}):\n{}", self.last_words()),
            None => Ok(()),
        }
    }

    /// Waits until Envoy has the extension configuration: before, it denies every request.
    pub(super) fn wait_for_delivery(
        &mut self,
        envoy: &mut Envoy,
        address: SocketAddr,
    ) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            envoy.check_running()?;
            self.check_running()?;
            let status = http::get(address, "/")?.status;
            if status == 200 {
                return Ok(());
            }
            if Instant::now() >= deadline {
                bail!(
                    "Envoy answers {status} to an unprotected path:\n{}\n{}",
                    self.last_words(),
                    envoy.last_words()
                );
            }
            std::thread::sleep(POLL);
        }
    }

    /// Asks the agent to end, and waits until it has, for at most so long.
    pub(super) fn terminate(self, patience: Duration) -> anyhow::Result<()> {
        self.agent.terminate(patience).map(drop)
    }

    fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !self.socket().exists() {
            self.check_running()?;
            if Instant::now() >= deadline {
                bail!("the agent does not listen:\n{}", self.last_words());
            }
            std::thread::sleep(POLL);
        }
        Ok(())
    }

    fn last_words(&self) -> String {
        let lines = &self.log.lines().all;
        lines[lines.len().saturating_sub(15)..].join("\n")
    }
}

fn socket(folder: &Path) -> PathBuf {
    folder.join("wasm-agent.sock")
}

/// The extension configuration with the module of `server`.
fn adapted(text: &str, server: &Server) -> anyhow::Result<String> {
    let text = with_value(text, "uri", &server.module_url())?;
    with_value(&text, "sha256", &format!("\"{}\"", server.digest()))
}

/// `text` with another value in the line of `key`. The comments stay: the user is to read them.
fn with_value(text: &str, key: &str, value: &str) -> anyhow::Result<String> {
    let begin = format!("{key}:");
    let line = text
        .lines()
        .find(|line| line.trim_start().starts_with(&begin));
    let line = line.with_context(|| format!("{SHIPPED}/{RESOURCE} has no line with `{begin}`"))?;
    let indent = &line[..line.len() - line.trim_start().len()];
    Ok(text.replacen(line, &format!("{indent}{begin} {value}"), 1))
}

/// What the agent logs, line by line.
struct AgentLog {
    lines: Arc<Mutex<Lines>>,
}

#[derive(Default)]
struct Lines {
    all: Vec<String>,
    shown: Option<Log>,
}

impl AgentLog {
    fn of(agent: &mut Child) -> anyhow::Result<Self> {
        let lines = Arc::<Mutex<Lines>>::default();
        let pipe = agent.process().stderr.take().context("the agent's log")?;
        let collected = Arc::clone(&lines);
        std::thread::Builder::new()
            .name("agent's log".to_owned())
            .spawn(move || {
                for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
                    let line = String::from_utf8_lossy(&line).into_owned();
                    let mut lines = collected.lock().unwrap_or_else(PoisonError::into_inner);
                    if let Some(log) = &lines.shown {
                        log.push(format_args!("Agent: {line}"));
                    }
                    lines.all.push(line);
                }
            })?;
        Ok(Self { lines })
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn show(&self) -> anyhow::Result<()> {
        let log = Log::start()?;
        let mut lines = self.lines();
        for line in &lines.all {
            log.push(format_args!("Agent: {line}"));
        }
        lines.shown = Some(log);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_replaced_and_the_comments_stay() {
        let path = repository_root().join(SHIPPED).join(RESOURCE);
        let text = fs::read_to_string(path).unwrap();
        let changed = with_value(&text, "sha256", "\"ab\"").unwrap();
        assert!(changed.contains("\n          sha256: \"ab\"\n"));
        assert_eq!(changed.lines().count(), text.lines().count());
        let error = with_value("name: x\n", "uri", "y").unwrap_err();
        assert_eq!(
            error.to_string(),
            "envoy/ecds/basic_auth.yaml has no line with `uri:`"
        );
    }
}
