//! The cache's folder: its modes, other users, what `kill -9` leaves, and folders that cannot be used.
//!
//! What belongs to a process, its user, its umask and its sudden end, is tried by running a test of this program once
//! more.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::server::{Reply, Server};
use crate::support::{Agent, eventually, module, pinned, request, sha256};

/// Runs `test` of this program once more, in `folder`, and hands over to `change` how.
fn again(test: &str, folder: &Path, change: impl FnOnce(&mut Command)) -> std::process::Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", test, "--nocapture", "--test-threads", "1"])
        .env(FOLDER, folder);
    change(&mut command);
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

const FOLDER: &str = "WASM_AGENT_TEST_FOLDER";
const URL: &str = "WASM_AGENT_TEST_URL";

/// What is in the folder, in octal: modes of folders and of files.
fn modes(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let (path, mode) = (
            entry.path(),
            entry.metadata().unwrap().permissions().mode() & 0o7777,
        );
        let name = path.file_name().unwrap().to_str().unwrap();
        let kind = if path.is_dir() {
            name
        } else {
            path.extension().map_or(name, |x| x.to_str().unwrap())
        };
        found.push((kind.to_owned(), format!("{mode:o}")));
        if path.is_dir() {
            found.extend(modes(&path));
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn another_user_can_read_modules_whatever_the_umask() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        let mut options = crate::support::options(Path::new(&folder));
        options.cache_dir = Path::new(&folder).join("made/too/cache");
        let modules =
            wasm_agent::modules::Modules::open(options, wasm_agent::metrics::Metrics::new())
                .await
                .unwrap();
        modules
            .obtain(&request(std::env::var(URL).unwrap()))
            .await
            .unwrap();
        return;
    }
    let server = Server::of(&module("m")).await;
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let url = server.url("/m");
    let test = "cache_folder::another_user_can_read_modules_whatever_the_umask";
    let script = format!(
        "umask 077; exec {:?} --exact {test}",
        std::env::current_exe().unwrap()
    );
    let mut shell = tokio::process::Command::new("sh");
    let output = shell
        .args(["-c", &script])
        .env(FOLDER, folder.path())
        .env(URL, url)
        .output()
        .await
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    let expected = [
        ("cache", "755"),
        ("downloads", "755"),
        ("json", "644"),
        ("key", "600"),
        ("lock", "644"),
        ("made", "755"),
        ("modules", "755"),
        ("sources", "755"),
        ("too", "755"),
        ("wasm", "644"),
    ];
    assert_eq!(
        modes(folder.path()),
        expected.map(|(name, mode)| (name.to_owned(), mode.to_owned()))
    );

    let path = format!("made/too/cache/modules/{}.wasm", sha256(&module("m")));
    let cat = Command::new("setpriv")
        .args(["--reuid", "65534", "--clear-groups", "cat"])
        .arg(folder.path().join(path))
        .output()
        .unwrap();
    assert_eq!(
        cat.stdout,
        module("m"),
        "{}",
        String::from_utf8_lossy(&cat.stderr)
    );
}

#[tokio::test]
async fn kill_9_at_any_moment_leaves_no_half_module() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        let options = crate::support::options(Path::new(&folder));
        let modules =
            wasm_agent::modules::Modules::open(options, wasm_agent::metrics::Metrics::new())
                .await
                .unwrap();
        let url = std::env::var(URL).unwrap();
        for number in 0.. {
            modules
                .obtain(&request(format!("{url}{number}")))
                .await
                .unwrap();
        }
    }
    let server = Server::start(|seen| Reply::body(module(&seen.path.repeat(50_000)))).await;
    let folder = tempfile::tempdir().unwrap();
    let test = "cache_folder::kill_9_at_any_moment_leaves_no_half_module";
    for round in 0..10 {
        let before = server.count();
        let mut child = again(test, folder.path(), |command| {
            command.env(URL, server.url(&format!("/{round}/")));
        });
        let after = before + 3 + round % 3;
        eventually("some modules are there", || server.count() >= after).await;
        // Any moment of the next download.
        for _ in 0..fastrand::u32(0..2000) {
            tokio::task::yield_now().await;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        for entry in fs::read_dir(folder.path().join("cache/modules")).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            assert_eq!(sha256(&fs::read(&path).unwrap()), name);
        }
    }
    // What was known of a source may have been written, too.
    let unfinished = folder.path().join("cache/sources/.tmp1");
    fs::write(&unfinished, "{").unwrap();
    let options = crate::support::options(folder.path());
    let modules = wasm_agent::modules::Modules::open(options, wasm_agent::metrics::Metrics::new())
        .await
        .unwrap();
    assert!(!unfinished.exists());
    assert_eq!(
        fs::read_dir(folder.path().join("cache/downloads"))
            .unwrap()
            .count(),
        0
    );
    let before = server.count();
    modules.obtain(&request(server.url("/0/0"))).await.unwrap();
    assert_eq!(server.count(), before);
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_to_still_gives_what_is_in_it() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        let options = crate::support::options(Path::new(&folder));
        let modules =
            wasm_agent::modules::Modules::open(options, wasm_agent::metrics::Metrics::new())
                .await
                .unwrap();
        let url = std::env::var(URL).unwrap();
        modules
            .obtain(&pinned(format!("{url}/known"), sha256(&module("/known"))))
            .await
            .unwrap();
        let new = format!("{url}/new");
        assert_eq!(
            modules
                .obtain(&request(new.as_str()))
                .await
                .unwrap_err()
                .to_string(),
            format!(
                "the Wasm module of {new} cannot be written to the cache folder: Permission denied (os error 13)"
            )
        );
        return;
    }
    let agent = Agent::start().await;
    let server = Server::start(|seen| Reply::body(module(&seen.path))).await;
    agent.obtain(&request(server.url("/known"))).await.unwrap();
    let folder = agent.folder.path();
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    // Another user may read everything, the key too, and write nothing.
    chown(folder.join("cache/identity.key"), Some(65534), None).unwrap();
    let program = std::env::current_exe().unwrap();
    let reachable = folder.join("program");
    fs::copy(program, &reachable).unwrap();
    let output = tokio::process::Command::new("setpriv")
        .args(["--reuid", "65534", "--clear-groups"])
        .arg(reachable)
        .args([
            "--exact",
            "cache_folder::a_folder_that_cannot_be_written_to_still_gives_what_is_in_it",
        ])
        .env(FOLDER, folder)
        .env(URL, server.url(""))
        .output()
        .await
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_ends_the_start() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("cache"), "a file").unwrap();
    let options = crate::support::options(folder.path());
    let error = wasm_agent::modules::Modules::open(options, wasm_agent::metrics::Metrics::new())
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "the cache folder `{}` cannot be made: File exists (os error 17)",
            folder.path().join("cache").display()
        )
    );
}

/// Whoever may write to the folder must not be able to make the agent wait for ever.
#[tokio::test]
async fn pipes_in_place_of_files_hold_nobody_up() {
    let server = Server::of(&module("m")).await;
    let agent = Agent::start().await;
    let cache = agent.folder.path().join("cache");
    let name = format!("modules/{}.wasm", sha256(&module("m")));
    let record = format!("sources/{}.json", sha256(b"source"));
    for path in [name.as_str(), "downloads/left.part", &record] {
        let path = cache.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let made = Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
    }
    let wanted = pinned(server.url("/m.wasm"), sha256(&module("m")));
    let outcome = tokio::time::timeout(Duration::from_secs(10), async {
        let agent = agent.restart().await;
        let file = agent.obtain(&wanted).await.unwrap();
        assert_eq!(fs::read(file.path).unwrap(), module("m"));
    });
    outcome.await.expect("the agent does not wait for a pipe");
}
