//! What is shipped in `envoy/` for ECDS, in a real Envoy, and `cargo xtask up --ecds`.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use delivery_tests::agent::{Agent, program};
use delivery_tests::client::status;
use delivery_tests::lab::{good, module};
use delivery_tests::module_server::ModuleServer;
use delivery_tests::{PATIENCE, stays, wait_for};
use xtask::child::Child;
use xtask::envoy::Envoy;
use xtask::lines::Lines;
use xtask::upstream::Upstream;

/// How long it may take to build the module and to start Envoy.
const LONG: Duration = Duration::from_secs(180);

/// A file of `envoy/` with other texts in it.
fn shipped(file: &str, replacements: &[(&str, &str)]) -> String {
    let path = xtask::repository_root().join("envoy").join(file);
    let mut text = fs::read_to_string(&path).unwrap();
    for (old, new) in replacements {
        assert!(text.contains(old), "{file} has no {old}");
        text = text.replace(old, new);
    }
    text
}

/// A bootstrap at free ports.
fn live(file: &str, upstream: &Upstream, replacements: &[(&str, &str)]) -> (Envoy, SocketAddr) {
    let port = format!("port_value: {}", upstream.address().port());
    let ports = [
        ("port_value: 10000", "port_value: 0"),
        ("port_value: 8080", port.as_str()),
    ];
    let text = shipped(file, &[&ports[..], replacements].concat());
    let program = xtask::envoy::locate().unwrap();
    let mut envoy = Envoy::start(&program, &text, &["--concurrency", "1"]).unwrap();
    envoy.wait_until_live(PATIENCE).unwrap();
    let address = envoy.wait_for_listener("main", PATIENCE).unwrap();
    (envoy, address)
}

/// Writes a file beside its place, and moves it there.
fn put(folder: &Path, name: &str, text: &str) {
    let beside = folder.join(".new");
    fs::write(&beside, text).unwrap();
    fs::rename(beside, folder.join(name)).unwrap();
}

/// `envoy/ecds.yaml`: before the first configuration, every request is denied and Envoy is ready.
#[test]
fn the_bootstrap_for_the_agent_denies_until_there_is_a_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let upstream = Upstream::start().unwrap();
    let mut agent = Agent::with_folder(folder.path(), &[]);
    agent.kill();
    let socket = agent.socket().display().to_string();
    let (_envoy, address) = live("ecds.yaml", &upstream, &[("/run/wasm-agent.sock", &socket)]);
    let all_are_denied = || {
        status(address, "/", None) == 403
            && status(address, "/admin", Some("alice:wonderland")) == 403
    };
    // There is no agent.
    assert!(all_are_denied());
    agent.restart();
    wait_for("the agent's answer", || {
        agent.log().contains("Envoy is connected").then_some(())
    });
    // There is one, without a configuration.
    stays("403", Duration::from_millis(500), all_are_denied);
    // One that nobody can fetch: the shipped one names a server and a checksum that do not exist.
    let resource = shipped("ecds/basic_auth.yaml", &[(":8000/", ":1/")]);
    fs::write(
        folder.path().join("users.htpasswd"),
        shipped("ecds/users.htpasswd", &[]),
    )
    .unwrap();
    put(folder.path(), "basic_auth.yaml", &resource);
    wait_for("the refusal", || {
        agent.log().contains("refused, the one").then_some(())
    });
    assert!(all_are_denied());
    let server = ModuleServer::start();
    server.set("/basic_auth.wasm", good());
    let resource = shipped(
        "ecds/basic_auth.yaml",
        &[
            (
                "http://127.0.0.1:8000/basic_auth.wasm",
                &server.url("/basic_auth.wasm"),
            ),
            (&"0".repeat(64), &module().digest.to_string()),
        ],
    );
    put(folder.path(), "basic_auth.yaml", &resource);
    wait_for("the filter", || {
        (status(address, "/", None) == 200).then_some(())
    });
    assert_eq!(status(address, "/admin", None), 401);
    assert_eq!(status(address, "/admin", Some("alice:wonderland")), 200);
}

/// `envoy/ecds-file.yaml`: without an agent.
#[test]
fn the_bootstrap_with_a_file_follows_what_is_moved_to_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let upstream = Upstream::start().unwrap();
    let wasm = folder.path().join("module.wasm");
    fs::write(&wasm, &module().bytes).unwrap();
    let wasm = wasm.display().to_string();
    let local = ("dist/basic_auth.wasm", wasm.as_str());
    let good = shipped("ecds-file/basic_auth.yaml", &[local]);
    put(folder.path(), "basic_auth.yaml", &good);
    let place = folder.path().display().to_string();
    let (_envoy, address) = live("ecds-file.yaml", &upstream, &[("envoy/ecds-file", &place)]);
    wait_for("the filter", || {
        (status(address, "/", None) == 200).then_some(())
    });
    assert_eq!(status(address, "/admin", None), 401);
    assert_eq!(status(address, "/admin", Some("alice:wonderland")), 200);
    let moved = shipped(
        "ecds-file/basic_auth.yaml",
        &[local, ("\"/admin\"", "\"/office\"")],
    );
    put(folder.path(), "basic_auth.yaml", &moved);
    wait_for("the change", || {
        (status(address, "/office", None) == 401).then_some(())
    });
    assert_eq!(status(address, "/admin", None), 200);
    // A module that is not there: what works stays.
    put(
        folder.path(),
        "basic_auth.yaml",
        &shipped("ecds-file/basic_auth.yaml", &[]),
    );
    stays("what works", Duration::from_millis(300), || {
        status(address, "/office", None) == 401
            && status(address, "/office", Some("alice:wonderland")) == 200
    });
}

fn up(arguments: &[&str]) -> (Child, Lines) {
    let mut command = Command::new(program().with_file_name("xtask-under-test"));
    command
        .args(["up", "--ecds"])
        .args(arguments)
        .env(xtask::agent::VARIABLE, program())
        .stdout(Stdio::piped());
    let mut child = Child::spawn(command).unwrap();
    let lines = Lines::of(child.process().stdout.take().unwrap());
    (child, lines)
}

#[test]
fn up_proves_by_itself_that_edits_take_effect() {
    let (mut child, lines) = up(&["--once"]);
    let said = lines.rest(LONG).unwrap();
    assert!(child.wait().unwrap().success(), "{said:#?}");
    for expected in [
        "All 15 answers are as expected.",
        "== a user is added: carol can log in",
        "== a mistake: a checksum that the module does not have",
        "Every edit did what it should.",
    ] {
        assert!(
            said.iter().any(|line| line == expected),
            "{expected}: {said:#?}"
        );
    }
    let refusal =
        |line: &String| line.starts_with("Agent: ") && line.contains("which does not match: 00000");
    assert!(said.iter().any(refusal), "{said:#?}");
}

#[test]
fn up_tells_what_to_edit_and_follows_whoever_does() {
    let (child, lines) = up(&["--listen", "0"]);
    let find = |begin: &str| {
        let line = lines.find(LONG, |line| line.starts_with(begin));
        line.unwrap_or_else(|error| panic!("{begin}: {error:#}"))
    };
    // `Ready:  http://ADDRESS, with the module that …`
    let ready = find("Ready:  http://");
    let address = ready["Ready:  http://".len()..].split(',').next().unwrap();
    let address: SocketAddr = address.parse().unwrap();
    find("  # a user is added");
    let command = find("  echo 'carol:");
    find("Ctrl-C ends it.");
    assert_eq!(status(address, "/admin", None), 401);
    let shell = Command::new("sh").args(["-c", command.trim()]).status();
    assert!(shell.unwrap().success());
    find("Agent: ");
    wait_for("carol", || {
        // She may not go to /admin, but is known.
        (status(address, "/admin", Some("carol:secret")) == 403).then_some(())
    });
    let folder = Path::new(command.rsplit('\'').nth(1).unwrap()).to_owned();
    assert!(folder.exists());
    assert!(child.terminate(LONG).unwrap().success());
    assert!(!folder.exists(), "the copy goes with it");
}
