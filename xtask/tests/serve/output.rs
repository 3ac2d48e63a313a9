//! Whoever reads the log, and whoever does not any more.

use std::process::{ChildStdout, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::*;

fn send(process: &Process, signal: Signal) {
    let id = i32::try_from(process.child.id()).unwrap();
    kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
}

/// A server whose standard output is a pipe that nobody has read from, and that pipe.
fn unread(folder: &TempDir) -> (Child, SocketAddr, ChildStdout) {
    // The address has to be known without the output.
    let address = std::net::TcpListener::bind(("127.0.0.1", 0))
        .unwrap()
        .local_addr()
        .unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command
        .args(["serve", "--listen", &address.to_string(), "--dist"])
        .arg(folder.path())
        .stdout(Stdio::piped());
    let mut child = Child::spawn(command).unwrap();
    let output = child.process().stdout.take().unwrap();
    wait_for("the server", || xtask::http::get(address, "/").ok());
    (child, address, output)
}

#[test]
fn a_log_that_nobody_reads_any_more_costs_no_answer() {
    let folder = dist();
    let (_server, address, output) = unread(&folder);
    drop(output);
    for _ in 0..10 {
        let answer = xtask::http::get(address, "/basic_auth.wasm").unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (200, MODULE));
    }
}

#[test]
fn a_log_that_nobody_reads_for_now_costs_no_answer() {
    let folder = dist();
    let (_server, address, _output) = unread(&folder);
    // More than a pipe holds.
    let path = format!("/{}", "x".repeat(2000));
    for _ in 0..200 {
        assert_eq!(xtask::http::get(address, &path).unwrap().status, 404);
    }
    let answer = xtask::http::get(address, "/basic_auth.wasm").unwrap();
    assert_eq!(answer.status, 200);
}

#[test]
fn a_terminal_that_is_closed_ends_nothing_and_sigterm_does() {
    let folder = dist();
    let mut process = Process::start(&folder);
    send(&process, Signal::HUP);
    assert_eq!(process.status("/basic_auth.wasm"), 200);
    process.wait_for_line(" GET /basic_auth.wasm 200 13");
    assert_eq!(process.child.try_wait().unwrap(), None);
    send(&process, Signal::TERM);
    let status = wait_for("its end", || process.child.try_wait().unwrap());
    assert!(status.success(), "{status}");
}

#[test]
fn a_new_build_is_told_while_nobody_asks() {
    let folder = dist();
    let process = Process::start(&folder);
    let module = publish(&folder, b"rebuilt");
    process.wait_for_line(&format!("# A new build: {}", module.digest));
    let uri = format!("uri: \"{}/{}/basic_auth.wasm\"", process.url, module.digest);
    process.wait_for_line(&format!(
        "{uri}, cluster: basic_auth_modules, timeout: 10s }}"
    ));
}

#[test]
fn every_usual_form_of_an_address_is_listened_on() {
    let folder = dist();
    for listen in ["localhost:0", ":0", "0", "127.0.0.1:0"] {
        let xtask = Command::new(env!("CARGO_BIN_EXE_xtask"));
        let process = Process::run(xtask, &folder, listen);
        assert!(
            process.address().ip().is_loopback(),
            "{listen}: {}",
            process.url
        );
        assert_eq!(process.status("/basic_auth.wasm"), 200, "{listen}");
    }
}
