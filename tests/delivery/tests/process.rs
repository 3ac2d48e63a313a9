//! The agent as a process: its command line, its socket, its end.

use std::fs;
use std::io::Read as _;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use delivery_tests::agent::{Agent, program};
use delivery_tests::wait_for;

fn run(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(program());
    command
        .current_dir(folder.path())
        .args(arguments)
        .envs(environment.iter().copied());
    // What runs on is no refusal.
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > deadline {
            child.kill().unwrap();
            let mut said = String::new();
            child.stderr.unwrap().read_to_string(&mut said).unwrap();
            panic!("{arguments:?} is not refused: {said}");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    child.wait_with_output().unwrap()
}

/// An agent that is to listen at `path`.
fn run_at(path: &Path) -> Output {
    let listen = format!("unix:{}", path.display());
    let fixed = ["--resources", ".", "--cache-dir", "c", "--status", "off"];
    run(&[&["--listen", &listen], &fixed[..]].concat(), &[])
}

#[test]
fn what_can_be_known_at_the_start_ends_the_agent_with_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().to_str().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "text").unwrap();
    let file = file.to_str().unwrap();
    let two_lines = folder.path().join("two-lines");
    fs::write(&two_lines, "to\nken\n").unwrap();
    let two_lines = two_lines.to_str().unwrap();
    let missing = "/nowhere/at/all";
    let no_pem = ["--upstream", "https://a:1", "--upstream-ca", file];
    let in_file = format!("{file}/x");
    for (arguments, variables, expected) in [
        (&[][..], &[][..], "`--upstream` or `--resources` is needed"),
        (
            &["--upstream", "http://a:1", "--resources", dir],
            &[],
            "`--upstream` and `--resources` exclude each other",
        ),
        (
            &["--resources", missing],
            &[],
            "the folder /nowhere/at/all cannot be read: No such file",
        ),
        (
            &["--upstream", "ftp://a:1"],
            &[],
            "'ftp://a:1' for '--upstream <URL>'",
        ),
        (
            &["--upstream", "https://a:1", "--upstream-ca", missing],
            &[],
            "/nowhere/at/all cannot be read: No such file",
        ),
        (&no_pem, &[], "holds no certificate"),
        (
            &["--upstream", "http://a:1", "--upstream-token-file", missing],
            &[],
            "/nowhere/at/all cannot be read",
        ),
        (
            &[
                "--upstream",
                "http://a:1",
                "--upstream-token-file",
                two_lines,
            ],
            &[],
            "two-lines cannot be sent: it has a control character, such as a line break inside,",
        ),
        (
            &["--upstream", "http://a:1", "--upstream-cert", file],
            &[],
            "--upstream-key",
        ),
        (
            &["--resources", dir, "--listen", "nowhere"],
            &[],
            "expected HOST:PORT",
        ),
        (
            &["--resources", dir, "--block-cidr", "10.0.0.0/33"],
            &[],
            "'10.0.0.0/33' for '--block-cidr <CIDR>'",
        ),
        (
            &["--resources", dir, "--cache-dir", &in_file],
            &[],
            "cannot be made",
        ),
        (
            &["--resources", dir, "--registry-ca", "a=/nowhere/at/all"],
            &[],
            "/nowhere/at/all",
        ),
        (
            &["--resources", dir, "--registry-mirror", "a"],
            &[],
            "a mirror is",
        ),
        (
            &["--resources", dir, "--listen-mode", "999"],
            &[],
            "expected permissions in octal",
        ),
        (
            &["--resources", dir, "--on-fetch-failure", "open"],
            &[],
            "[possible values: nack, rbac]",
        ),
        (&["--resources", dir, "--nonsense"], &[], "'--nonsense'"),
        (
            &["--resources", dir],
            &[("WASM_MODULE_EXPIRY", "1 day")],
            "`WASM_MODULE_EXPIRY` is `1 day`, which cannot be read",
        ),
    ] {
        let cache = folder.path().join("cache");
        let mut all = vec!["--status", "off"];
        if !arguments.contains(&"--cache-dir") {
            all.extend(["--cache-dir", cache.to_str().unwrap()]);
        }
        all.extend(arguments);
        let output = run(&all, variables);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success(), "{arguments:?}: {said}");
        assert!(
            said.starts_with("error: ") && said.contains(expected),
            "{arguments:?}: {said}"
        );
        assert_eq!(said.lines().count(), 1, "{arguments:?}: {said}");
    }
}

#[test]
fn a_flag_wins_over_an_environment_variable() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().to_str().unwrap();
    let variables = [
        ("WASM_AGENT_UPSTREAM", "http://127.0.0.1:1"),
        ("WASM_AGENT_LISTEN_MODE", "0600"),
    ];
    let agent = Agent::start(
        &["--resources", folder, "--listen-mode", "0640"],
        &variables,
    );
    assert_eq!(mode(&agent), 0o640);
}

#[test]
fn help_has_examples() {
    let output = run(&["--help"], &[]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    for expected in [
        "Examples:",
        "--on-fetch-failure",
        "WASM_AGENT_RESOURCES",
        "WASM_MODULE_EXPIRY",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
}

fn mode(agent: &Agent) -> u32 {
    fs::metadata(agent.socket()).unwrap().permissions().mode() & 0o777
}

#[test]
fn the_socket_has_its_mode_and_goes_with_the_agent() {
    let folder = tempfile::tempdir().unwrap();
    let mut agent = Agent::with_folder(folder.path(), &[]);
    assert_eq!(mode(&agent), 0o660);
    assert!(agent.terminate().success());
    assert!(!agent.socket().exists());
}

#[test]
fn a_stale_socket_is_replaced_and_a_live_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let mut agent = Agent::with_folder(folder.path(), &[]);
    agent.kill();
    assert!(agent.socket().exists(), "a kill leaves it");
    agent.restart();
    let path = agent.socket();
    let output = run_at(&path);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("another process listens there"), "{said}");
    assert!(path.exists());
}

/// Such as that of a log: nobody can connect to it as to the agent's, and yet it is at work.
#[test]
fn a_live_socket_of_another_kind_is_never_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let log = UnixDatagram::bind(&path).unwrap();
    let output = run_at(&path);
    let said = String::from_utf8(output.stderr).unwrap();
    let refusal = "Protocol wrong type for socket (os error 91)";
    let place = path.display();
    assert_eq!(
        said,
        format!("error: cannot listen on unix:{place}: {refusal}\n")
    );
    let client = UnixDatagram::unbound().unwrap();
    client.send_to(b"line", &path).unwrap();
    let mut received = [0; 8];
    assert_eq!(log.recv(&mut received).unwrap(), 4);
}

#[test]
fn another_file_at_the_sockets_path_is_never_removed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("precious");
    fs::write(&path, "text").unwrap();
    let output = run_at(&path);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("a file that is no socket"), "{said}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "text");
}

/// Another agent took the socket over: the first one's end must not remove it.
#[test]
fn a_socket_that_is_anothers_by_now_stays() {
    let folder = tempfile::tempdir().unwrap();
    let mut agent = Agent::with_folder(folder.path(), &[]);
    fs::remove_file(agent.socket()).unwrap();
    let _other = UnixListener::bind(agent.socket()).unwrap();
    assert!(agent.terminate().success());
    assert!(agent.socket().exists());
}

#[test]
fn the_status_server_answers_its_paths_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Agent::with_folder(folder.path(), &[]);
    assert_eq!(agent.status("/healthz/live"), "ok\n");
    assert_eq!(agent.modules(), serde_json::json!([]));
    assert!(
        agent
            .status("/stats/prometheus")
            .contains("istio_agent_wasm_cache_entries 0")
    );
    assert!(agent.status("/metrics").contains("not here"));
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().to_str().unwrap();
    let output = run(
        &[
            "--resources",
            folder,
            "--cache-dir",
            "c",
            "--status",
            &address,
        ],
        &[],
    );
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains(&address) && said.lines().last().unwrap().starts_with("error: "),
        "{said}"
    );
}

#[test]
fn the_log_is_json_if_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Agent::with_folder(folder.path(), &["--log-format", "json"]);
    wait_for("a line", || agent.log().lines().next().map(|_| ()));
    for line in agent.log().lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["level"], "INFO");
        assert!(line["message"].is_string() && line["timestamp"].is_string());
    }
}

/// Usual are 1,024, which many streams and modules use up.
#[test]
fn as_many_files_may_be_open_as_the_system_allows() {
    let folder = tempfile::tempdir().unwrap();
    let resources = folder.path().to_str().unwrap();
    let agent = program().to_str().unwrap();
    let limited = "ulimit -Sn 100 && ulimit -Hn 500 && exec \"$0\" \"$@\"";
    let arguments = ["-c", limited, agent, "--resources", resources];
    let agent = Agent::start_program(Path::new("/bin/sh"), &arguments, &[]);
    let limits = fs::read_to_string(format!("/proc/{}/limits", agent.id().unwrap())).unwrap();
    let files = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let numbers: Vec<_> = files.unwrap().split_whitespace().skip(3).take(2).collect();
    assert_eq!(numbers, ["500", "500"]);
}
