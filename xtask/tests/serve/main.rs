//! `cargo xtask serve` as a process: what it prints and to whom, how many clients it bears, and the
//! clients that people use.

mod clients;
mod descriptors;
mod envoy;
mod output;

use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use xtask::child::Child;
use xtask::lines::Lines;
use xtask::module::Module;

const MODULE: &[u8] = b"\0asm and more";

/// How long something may take that happens at once.
const SOON: Duration = Duration::from_secs(30);

fn dist() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    publish(&folder, MODULE);
    folder
}

fn publish(folder: &TempDir, bytes: &[u8]) -> Module {
    let module = Module::from(bytes.to_vec());
    module.publish(folder.path()).unwrap();
    module
}

/// A module server in a process of its own.
struct Process {
    child: Child,
    lines: Lines,
    url: String,
}

impl Process {
    /// Serves `folder` on a free port.
    fn start(folder: &TempDir) -> Self {
        Self::run(
            Command::new(env!("CARGO_BIN_EXE_xtask")),
            folder,
            "127.0.0.1:0",
        )
    }

    /// `command` ends where the arguments of `xtask` begin.
    fn run(mut command: Command, folder: &TempDir, listen: &str) -> Self {
        command
            .args(["serve", "--listen", listen, "--dist"])
            .arg(folder.path())
            .stdout(Stdio::piped());
        let mut child = Child::spawn(command).unwrap();
        let lines = Lines::of(child.process().stdout.take().unwrap());
        let line = lines
            .find(SOON, |line| line.starts_with("# Serving "))
            .unwrap();
        // `# Serving FILE on URL. Ctrl-C ends it.`
        let url = line.rsplit(" on ").next().unwrap();
        let url = url.strip_suffix(". Ctrl-C ends it.").unwrap().to_owned();
        Self { child, lines, url }
    }

    fn address(&self) -> SocketAddr {
        self.url.strip_prefix("http://").unwrap().parse().unwrap()
    }

    fn status(&self, path: &str) -> u16 {
        xtask::http::get(self.address(), path).unwrap().status
    }

    /// Waits for a line of the log that ends so.
    fn wait_for_line(&self, end: &str) {
        let line = self.lines.find(SOON, |line| line.ends_with(end));
        line.unwrap_or_else(|error| panic!("{end}: {error:#}"));
    }
}

/// Looks until there is something, or panics.
fn wait_for<Found>(what: &str, mut look: impl FnMut() -> Option<Found>) -> Found {
    let deadline = Instant::now() + SOON;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "not within {SOON:?}: {what}");
        std::thread::yield_now();
    }
}
