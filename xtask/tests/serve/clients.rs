//! curl, wget and h2load, which Debian has in packages of these names (h2load in nghttp2-client).

use std::fs::{self, File};
use std::time::SystemTime;

use xtask::command;

use super::*;

/// What a program prints, which must be content.
fn run(program: &str, arguments: &[&str], folder: &TempDir) -> String {
    let mut command = command::command(program, arguments);
    command.current_dir(folder.path()).env("LC_ALL", "C");
    command::output(command).unwrap_or_else(|error| panic!("{error:#}"))
}

#[test]
fn curl_downloads_over_both_protocols_and_goes_on_where_it_was() {
    let (folder, here) = (dist(), tempfile::tempdir().unwrap());
    let process = Process::start(&folder);
    let url = format!("{}/basic_auth.wasm", process.url);
    for (protocol, version) in [("--http1.1", "1.1"), ("--http2-prior-knowledge", "2")] {
        let told = [
            "--write-out",
            "%{http_version} %{http_code} %{content_type}",
        ];
        let arguments = [&["--silent", protocol, "--output", "file", &url], &told[..]].concat();
        assert_eq!(
            run("curl", &arguments, &here),
            format!("{version} 200 application/wasm")
        );
        assert_eq!(fs::read(here.path().join("file")).unwrap(), MODULE);
    }
    fs::write(here.path().join("part"), &MODULE[..5]).unwrap();
    let arguments = ["--silent", "--continue-at", "-", "--output", "part", &url];
    run("curl", &arguments, &here);
    assert_eq!(fs::read(here.path().join("part")).unwrap(), MODULE);
}

#[test]
fn wget_downloads_what_is_newer_and_what_is_missing() {
    let (folder, here) = (dist(), tempfile::tempdir().unwrap());
    let an_hour_ago = SystemTime::now() - Duration::from_secs(3600);
    let served = File::open(folder.path().join("basic_auth.wasm")).unwrap();
    served.set_modified(an_hour_ago).unwrap();
    let process = Process::start(&folder);
    let file = here.path().join("basic_auth.wasm");
    let url = format!("{}/basic_auth.wasm", process.url);
    let newer = ["--quiet", "-N", &url];
    run("wget", &newer, &here);
    assert_eq!(fs::read(&file).unwrap(), MODULE);
    process.wait_for_line(" GET /basic_auth.wasm 200 13");
    run("wget", &newer, &here);
    process.wait_for_line(" GET /basic_auth.wasm 304 0");
    let module = publish(&folder, b"rebuilt and longer");
    run("wget", &newer, &here);
    assert_eq!(fs::read(&file).unwrap(), b"rebuilt and longer");

    let path = format!("/{}/basic_auth.wasm", module.digest);
    let url = format!("{}{path}", process.url);
    let missing = ["--quiet", "-c", &url];
    fs::write(&file, b"rebuilt").unwrap();
    run("wget", &missing, &here);
    assert_eq!(fs::read(&file).unwrap(), b"rebuilt and longer");
    process.wait_for_line(&format!(" GET {path} 206 11"));
    run("wget", &missing, &here);
    assert_eq!(fs::read(&file).unwrap(), b"rebuilt and longer");
    process.wait_for_line(&format!(" GET {path} 416 22"));
}

#[test]
fn two_builds_have_two_urls_and_both_answer() {
    let (folder, here) = (dist(), tempfile::tempdir().unwrap());
    let process = Process::start(&folder);
    let second = publish(&folder, b"the second build");
    for module in [Module::from(MODULE.to_vec()), second] {
        let url = format!("{}/{}/basic_auth.wasm", process.url, module.digest);
        run(
            "curl",
            &["--silent", "--fail", "--output", "file", &url],
            &here,
        );
        assert_eq!(fs::read(here.path().join("file")).unwrap(), module.bytes);
    }
}

#[test]
fn h2load_is_answered_every_time() {
    let (folder, here) = (dist(), tempfile::tempdir().unwrap());
    let process = Process::start(&folder);
    let url = format!("{}/basic_auth.wasm", process.url);
    for protocol in [&[][..], &["--h1"]] {
        let load = ["-n", "5000", "-c", "10", "-m", "10", &url];
        let said = run("h2load", &[protocol, &load[..]].concat(), &here);
        let answered = "5000 total, 5000 started, 5000 done, 5000 succeeded, 0 failed, 0 errored";
        assert!(
            said.contains(&format!("requests: {answered}, 0 timeout\n")),
            "{said}"
        );
        assert!(
            said.contains("status codes: 5000 2xx, 0 3xx, 0 4xx, 0 5xx\n"),
            "{said}"
        );
    }
}
