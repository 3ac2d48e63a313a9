//! The agent as a child process.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use xtask::child::Child;

use crate::wait_for;

/// The built agent, which Cargo builds for this package's tests.
///
/// # Panics
/// If this is no test of the package.
pub fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        // Tests lie in target/<profile>/deps.
        let test = std::env::current_exe().expect("a path");
        let folder = test.ancestors().nth(2).expect("target/<profile>/deps");
        folder.join("agent-under-test")
    })
}

/// A running agent. It ends with the value; its cache does, too.
pub struct Agent {
    child: Option<Child>,
    folder: TempDir,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    status: SocketAddr,
    starts: usize,
}

impl Agent {
    /// Starts an agent in front of an xDS server.
    #[must_use]
    pub fn with_upstream(url: &str, arguments: &[&str]) -> Self {
        Self::start(&[&["--upstream", url], arguments].concat(), &[])
    }

    /// Starts an agent that serves a folder.
    #[must_use]
    pub fn with_folder(folder: &Path, arguments: &[&str]) -> Self {
        let folder = folder.to_str().expect("a readable path");
        Self::start(&[&["--resources", folder], arguments].concat(), &[])
    }

    /// Starts an agent, and waits until it is ready.
    ///
    /// # Panics
    /// With its log, if it does not become ready.
    #[must_use]
    pub fn start(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let own = |text: &&str| (*text).to_owned();
        let environment = environment
            .iter()
            .map(|(key, value)| (own(key), own(value)));
        let mut agent = Self {
            child: None,
            folder: tempfile::tempdir().expect("a folder"),
            arguments: arguments.iter().map(own).collect(),
            environment: environment.collect(),
            status: free_address(),
            starts: 0,
        };
        agent.restart();
        agent
    }

    /// Ends the agent at once.
    pub fn kill(&mut self) {
        self.child = None;
    }

    /// Starts it again with the same cache and at the same address.
    ///
    /// # Panics
    /// With its log, if it does not become ready.
    pub fn restart(&mut self) {
        self.kill();
        self.starts += 1;
        let log = fs::File::create(self.log_path()).expect("a log");
        let mut command = Command::new(program());
        command
            .current_dir(self.folder.path())
            .args(&self.arguments)
            .args(["--cache-dir", "cache", "--status", &self.status.to_string()])
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        self.child = Some(Child::spawn(command).expect("the agent starts"));
        let address = self.status;
        wait_for("the agent is ready", || {
            let ended = self
                .child
                .as_mut()
                .and_then(|child| child.try_wait().ok().flatten());
            assert!(ended.is_none(), "the agent ended: {}", self.log());
            let ready = xtask::http::get(address, "/healthz/ready").ok()?;
            (ready.status == 200).then_some(())
        });
    }

    /// Asks it to end, and tells how it did.
    ///
    /// # Panics
    /// If it does not run.
    pub fn terminate(&mut self) -> std::process::ExitStatus {
        let child = self.child.take().expect("a running agent");
        child.terminate(Duration::from_secs(20)).expect("it ends")
    }

    /// The process id.
    pub fn id(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Where Envoy connects.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("wasm-agent.sock")
    }

    /// Where modules are kept.
    pub fn cache(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    /// Everything that this start of it has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join(format!("log-{}", self.starts))
    }

    /// What the status server answers.
    ///
    /// # Panics
    /// If it does not.
    pub fn status(&self, path: &str) -> String {
        let answer = xtask::http::get(self.status, path).expect("an answer");
        String::from_utf8_lossy(&answer.body).into_owned()
    }

    /// What is known of the modules.
    ///
    /// # Panics
    /// If it is no JSON.
    pub fn modules(&self) -> Value {
        serde_json::from_str(&self.status("/modules")).expect("JSON")
    }

    /// The value of a metric, spelled with its labels; 0 if it is not there.
    pub fn metric(&self, name: &str) -> f64 {
        let metrics = self.status("/stats/prometheus");
        let line = metrics
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|value| value.parse().ok()).unwrap_or(0.0)
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("== the agent's log\n{}", self.log());
        }
    }
}

/// An address that was free a moment ago.
///
/// # Panics
/// Without a free port.
pub fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    listener.local_addr().expect("an address")
}
