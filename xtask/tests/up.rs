//! `cargo xtask up` as a process.

use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use xtask::child::Child;
use xtask::lines::Lines;

/// How long it may take to build the module and to start Envoy.
const PATIENCE: Duration = Duration::from_secs(180);

fn up(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.arg("up").args(arguments);
    command
}

#[test]
fn an_envoy_that_cannot_run_shows_what_it_said() {
    let folder = tempfile::tempdir().unwrap();
    let envoy = folder.path().join("envoy");
    fs::write(
        &envoy,
        "#!/bin/sh\necho \"no such library: libx.so.7\"\nexit 127\n",
    )
    .unwrap();
    fs::set_permissions(&envoy, Permissions::from_mode(0o755)).unwrap();
    let output = up(&["--once"]).env("ENVOY", &envoy).output().unwrap();
    let envoy = fs::canonicalize(envoy).unwrap();
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        format!(
            "error: {0} does not run here: `{0} --version` failed (exit status: 127): \
             no such library: libx.so.7\n",
            envoy.display()
        )
    );
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_terminal_that_is_gone_costs_no_answer() {
    let free = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let mut command = up(&["--listen", &address.to_string()]);
    command.stdout(Stdio::piped());
    let mut child = Child::spawn(command).unwrap();
    drop(child.process().stdout.take());
    let deadline = Instant::now() + PATIENCE;
    while !xtask::http::get(address, "/").is_ok_and(|answer| answer.status == 200) {
        assert_eq!(child.try_wait().unwrap(), None);
        assert!(Instant::now() < deadline, "it does not come up");
        std::thread::yield_now();
    }
    for _ in 0..50 {
        assert_eq!(xtask::http::get(address, "/admin").unwrap().status, 401);
    }
    assert!(child.terminate(PATIENCE).unwrap().success());
}

#[test]
fn no_answer_is_waited_for_longer_than_it_takes() {
    let mut command = up(&["--once"]);
    command.stdout(Stdio::piped());
    let mut child = Child::spawn(command).unwrap();
    let lines = Lines::of(child.process().stdout.take().unwrap());
    lines
        .find(PATIENCE, |line| line.starts_with("Ready:"))
        .unwrap();
    let begin = Instant::now();
    let is_last = |line: &str| line == "All 15 answers are as expected.";
    lines.find(PATIENCE, is_last).unwrap();
    // Envoy keeps the connection of a denied request open for a second.
    assert!(
        begin.elapsed() < Duration::from_secs(5),
        "{:?}",
        begin.elapsed()
    );
    assert!(child.wait().unwrap().success());
}

#[test]
fn the_access_log_appears_at_once_and_nothing_of_it_is_lost() {
    let mut command = up(&["--listen", "0"]);
    command.stdout(Stdio::piped());
    let mut child = Child::spawn(command).unwrap();
    let lines = Lines::of(child.process().stdout.take().unwrap());
    let find = |begin: &str| {
        let line = lines.find(PATIENCE, |line| line.starts_with(begin));
        line.unwrap_or_else(|error| panic!("{begin}: {error:#}"))
    };
    // `Ready:  http://ADDRESS, with the module from …`
    let ready = find("Ready:  http://");
    let address = ready["Ready:  http://".len()..].split(',').next().unwrap();
    let address: SocketAddr = address.parse().unwrap();
    find("Ctrl-C ends it.");
    let get = |path: &str| xtask::http::get(address, path).unwrap().status;
    assert_eq!(get("/admin?first"), 401);
    let logged = |line: &str| line.contains(" GET /admin?first 401 ");
    // Envoy itself would write it after ten seconds.
    lines.find(Duration::from_secs(5), logged).unwrap();
    for number in 0..100 {
        assert_eq!(get(&format!("/last?{number}")), 200);
    }
    let id = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(id, Signal::INT).unwrap();
    let rest = lines.rest(PATIENCE).unwrap();
    let last = rest.iter().filter(|line| line.contains(" GET /last?"));
    assert_eq!(last.count(), 100, "{rest:#?}");
    assert!(child.wait().unwrap().success());
}
