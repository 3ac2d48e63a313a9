//! A real Envoy: found on this machine, or installed into `target/`, and run.

pub mod bootstrap;
mod install;

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail};
use serde_json::Value;
use tempfile::TempDir;

use crate::child::Child;
use crate::http::{Answer, get};
use crate::{command, target_folder};

/// How long Envoy may take to read its configuration: with hundreds of plugins on a busy machine, a
/// minute is not enough.
const START: Duration = Duration::from_secs(300);

/// Between two looks at something that another process does.
const POLL: Duration = Duration::from_millis(20);

/// The Envoy to run: `ENVOY`, else the one on the `PATH`, else the pinned one, which is
/// installed into `target/envoy/` if it is not there yet.
pub fn locate() -> anyhow::Result<PathBuf> {
    if let Some(chosen) = std::env::var_os("ENVOY").filter(|chosen| !chosen.is_empty()) {
        return chosen_by_user(PathBuf::from(chosen));
    }
    match command::on_path("envoy") {
        Some(found) => Ok(found),
        None => install::pinned(&target_folder().join("envoy")),
    }
}

fn chosen_by_user(envoy: PathBuf) -> anyhow::Result<PathBuf> {
    if !command::is_executable(&envoy) {
        bail!(
            "ENVOY is {}, which is no executable file: correct it or unset it",
            envoy.display()
        );
    }
    // A relative path would mean another file from another folder.
    Ok(envoy.canonicalize()?)
}

/// Whether `envoy` runs here at all. The error holds what it said.
pub fn check(envoy: &Path) -> anyhow::Result<()> {
    command::output(command::command(envoy, ["--version"]))
        .map(drop)
        .with_context(|| format!("{} does not run here", envoy.display()))
}

/// A running Envoy. It ends with the value, and so does the folder with its log.
pub struct Envoy {
    child: Child,
    admin: SocketAddr,
    folder: TempDir,
}

impl Envoy {
    /// Starts `envoy` with `configuration` (YAML or JSON), whose `admin` address is replaced by a
    /// free port, and waits until that answers.
    pub fn start(envoy: &Path, configuration: &str, arguments: &[&str]) -> anyhow::Result<Self> {
        Self::start_with_output(envoy, configuration, arguments, Stdio::null())
    }

    /// The same, with `output` as Envoy's standard output, which an access log may go to.
    pub fn start_with_output(
        envoy: &Path,
        configuration: &str,
        arguments: &[&str],
        output: Stdio,
    ) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("basic-auth-envoy-")
            .tempdir()?;
        let path = folder.path().join("envoy.yaml");
        fs::write(&path, configuration)?;
        let mut command = Command::new(envoy);
        command
            .arg("--config-path")
            .arg(&path)
            .args(["--config-yaml", r#"{"admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}}}"#])
            .arg("--admin-address-path")
            .arg(folder.path().join("admin"))
            .args(["--disable-hot-restart", "--log-format-escaped"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(fs::File::create(folder.path().join("envoy.log"))?);
        let child = Child::spawn(command)?;
        let mut envoy = Self {
            child,
            admin: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            folder,
        };
        envoy.admin = envoy.wait_for("its admin address", START, Self::written_admin_address)?;
        Ok(envoy)
    }

    /// Where its admin interface listens.
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Fails with Envoy's last words if it has ended.
    pub fn check_running(&mut self) -> anyhow::Result<()> {
        match self.child.try_wait()? {
            Some(status) => bail!("Envoy ended ({status}):\n{}", self.last_words()),
            None => Ok(()),
        }
    }

    /// Everything that Envoy has logged.
    pub fn log(&self) -> String {
        fs::read(self.folder.path().join("envoy.log")).map_or_else(
            |error| format!("no log: {error}"),
            |log| String::from_utf8_lossy(&log).into_owned(),
        )
    }

    /// Asks Envoy to end, and waits until it has, for at most so long.
    pub fn terminate(self, patience: Duration) -> anyhow::Result<()> {
        self.child.terminate(patience).map(drop)
    }

    /// The file with the configuration that it runs.
    pub fn configuration_path(&self) -> PathBuf {
        self.folder.path().join("envoy.yaml")
    }

    /// What the admin interface answers to `GET path`.
    pub fn ask_admin(&self, path: &str) -> anyhow::Result<Answer> {
        get(self.admin, path)
    }

    /// Waits until Envoy is live: every listener accepts connections.
    pub fn wait_until_live(&mut self, patience: Duration) -> anyhow::Result<()> {
        self.wait_for("liveness", patience, |envoy| {
            let ready = envoy.ask_admin("/ready").ok()?;
            (ready.status == 200).then_some(())
        })
    }

    /// The address that the listener called `name` listens on, once it does.
    pub fn wait_for_listener(
        &mut self,
        name: &str,
        patience: Duration,
    ) -> anyhow::Result<SocketAddr> {
        self.wait_for(&format!("listener `{name}`"), patience, |envoy| {
            envoy.listeners()?.get(name).copied()
        })
    }

    /// Looks every few milliseconds whether `look` finds something. Fails at once with Envoy's
    /// last words when it ends, and after `patience`.
    pub fn wait_for<Found>(
        &mut self,
        what: &str,
        patience: Duration,
        look: impl Fn(&Self) -> Option<Found>,
    ) -> anyhow::Result<Found> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(found) = look(self) {
                return Ok(found);
            }
            self.check_running()?;
            if Instant::now() >= deadline {
                bail!(
                    "Envoy did not get to {what} within {patience:?}:\n{}",
                    self.last_words()
                );
            }
            std::thread::sleep(POLL);
        }
    }

    fn written_admin_address(&self) -> Option<SocketAddr> {
        let address: SocketAddr = fs::read_to_string(self.folder.path().join("admin"))
            .ok()?
            .parse()
            .ok()?;
        get(address, "/ready").is_ok().then_some(address)
    }

    /// The addresses of all listeners by name, once each has its port.
    pub fn listeners(&self) -> Option<BTreeMap<String, SocketAddr>> {
        let answer = self.ask_admin("/listeners?format=json").ok()?;
        let listeners: Value = serde_json::from_slice(&answer.body).ok()?;
        let listeners = listeners["listener_statuses"].as_array()?;
        listeners.iter().map(address).collect()
    }

    /// A counter or gauge, if Envoy has it.
    pub fn statistic(&self, name: &str) -> anyhow::Result<Option<u64>> {
        let filter = name.replace('.', "\\.");
        let answer = self.ask_admin(&format!("/stats?filter=^{filter}$"))?;
        let text = String::from_utf8_lossy(&answer.body);
        let value = text.trim().rsplit_once(": ");
        Ok(value.and_then(|(_, value)| value.parse().ok()))
    }

    /// The warnings and errors at the end of the log or, if there are none, whatever stands there.
    pub fn last_words(&self) -> String {
        let log = self.log();
        let serious = ["[warning]", "[error]", "[critical]"];
        let lines: Vec<_> = log
            .lines()
            .filter(|line| serious.iter().any(|level| line.contains(level)))
            .collect();
        let all: Vec<_> = log.lines().collect();
        let lines = if lines.is_empty() { all } else { lines };
        lines[lines.len().saturating_sub(15)..].join("\n")
    }
}

/// Name and address of a listener.
fn address(listener: &Value) -> Option<(String, SocketAddr)> {
    let socket = &listener["local_address"]["socket_address"];
    let port = u16::try_from(socket["port_value"].as_u64()?).ok()?;
    let address = SocketAddr::new(socket["address"].as_str()?.parse().ok()?, port);
    let name = listener["name"].as_str()?.to_owned();
    (port != 0).then_some((name, address))
}

/// Whether Envoy accepts `configuration` (`--mode validate`). The error holds what Envoy said.
pub fn validate(envoy: &Path, configuration: &Path) -> anyhow::Result<()> {
    let mut command = Command::new(envoy);
    command
        .args(["--mode", "validate", "--config-path"])
        .arg(configuration);
    // Paths in what this repository ships begin there.
    let output = command
        .current_dir(crate::repository_root())
        .stdin(Stdio::null())
        .output()
        .with_context(|| envoy.display().to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(anyhow!(
        "Envoy refuses {}:\n{}",
        configuration.display(),
        said.trim()
    ))
}
