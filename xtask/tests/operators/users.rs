//! `cargo xtask users`.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::{Said, failure, success, xtask};

/// A cost that is quick to try.
const ADD: [&str; 3] = ["users", "add", "users.htpasswd"];

fn add(folder: &Path, name: &str, password: &[u8]) -> Said {
    let arguments = [&ADD[..], &[name, "--stdin", "--cost", "10"]].concat();
    xtask(folder, &arguments, password)
}

fn verify(folder: &Path, name: &str, password: &[u8]) -> Said {
    let arguments = ["users", "verify", "users.htpasswd", name, "--stdin"];
    xtask(folder, &arguments, password)
}

fn text(folder: &TempDir) -> String {
    fs::read_to_string(folder.path().join("users.htpasswd")).unwrap()
}

fn mode(folder: &TempDir) -> u32 {
    let path = folder.path().join("users.htpasswd");
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_user_is_added_and_verified() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(
        add(folder.path(), "alice", "Grüße: 1\n".as_bytes()),
        success("users.htpasswd: alice added (bcrypt, cost 10)\n")
    );
    // Hashes are for their owner alone.
    assert_eq!(mode(&folder), 0o600);
    assert!(
        text(&folder).starts_with("alice:$2b$10$"),
        "{}",
        text(&folder)
    );
    assert_eq!(
        verify(folder.path(), "alice", "Grüße: 1".as_bytes()),
        success("users.htpasswd: this is the password of alice\n")
    );
    assert_eq!(
        verify(folder.path(), "alice", b"other"),
        failure("users.htpasswd: this is not the password of alice")
    );
    assert_eq!(
        verify(folder.path(), "bob", b"other"),
        failure("users.htpasswd: there is no user `bob`")
    );
}

#[test]
fn the_file_is_replaced_and_its_mode_link_and_other_lines_stay() {
    let folder = tempfile::tempdir().unwrap();
    let real = folder.path().join("real");
    fs::write(
        &real,
        "# team\r\nbob:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\r\ncarol:*",
    )
    .unwrap();
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
    symlink("real", folder.path().join("users.htpasswd")).unwrap();
    assert_eq!(add(folder.path(), "alice", b"secret").status, Some(0));
    let after = text(&folder);
    let alice = after.lines().last().unwrap();
    assert_eq!(
        after,
        format!("# team\r\nbob:{{SHA}}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\r\ncarol:*\r\n{alice}\r\n")
    );
    assert_eq!(mode(&folder), 0o640);
    assert!(folder.path().join("users.htpasswd").is_symlink());
    assert_eq!(
        add(folder.path(), "bob", b"secret"),
        success("users.htpasswd: bob has a new password (bcrypt, cost 10)\n")
    );
    assert_eq!(text(&folder).lines().nth(1).unwrap()[..11], *"bob:$2b$10$");
    let remove = ["users", "remove", "users.htpasswd", "bob"];
    assert_eq!(
        xtask(folder.path(), &remove, b""),
        success("users.htpasswd: bob removed\n")
    );
    assert_eq!(text(&folder), format!("# team\r\ncarol:*\r\n{alice}\r\n"));
    assert_eq!(
        xtask(folder.path(), &remove, b""),
        failure("users.htpasswd: there is no user `bob`")
    );
    // No file was left behind.
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn users_are_listed_with_what_is_weak_and_printed_for_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let hash = "$2y$10$qZ8VZ7TXcdcOyYQM3H2SuuGbTnwiJMX4OkQSnyLKZrQUTXpXb3sFa";
    let content =
        format!("# team\nbob:{{SHA}}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n\n alice:{hash}\ncarol:*\n");
    fs::write(folder.path().join("users.htpasswd"), content).unwrap();
    let listed = xtask(folder.path(), &["users", "list", "users.htpasswd"], b"");
    assert_eq!(
        listed,
        success(
            "bob    {SHA}, weak: quickly guessed by whoever reads the file; give it anew with `users add`\n\
             alice  bcrypt, about 53 ms a verification in Envoy\n\
             carol  locked: no password matches\n\
             3 users\n"
        )
    );
    let json = ["users", "list", "users.htpasswd", "--format", "json"];
    let listed = xtask(folder.path(), &json, b"");
    let listed: serde_json::Value = serde_json::from_str(&listed.output).unwrap();
    assert_eq!(
        listed["users"][0],
        serde_json::json!({"name": "bob", "line": 2, "format": "{SHA}", "weak": true})
    );
    let printed = xtask(folder.path(), &["users", "json", "users.htpasswd"], b"");
    let printed: Vec<String> = serde_json::from_str(&printed.output).unwrap();
    assert_eq!(
        printed,
        [
            "bob:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=",
            &format!("alice:{hash}"),
            "carol:*"
        ]
    );
}

#[test]
fn what_is_wrong_is_told_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let before = "bob:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n";
    let file = folder.path().join("users.htpasswd");
    fs::write(&file, before).unwrap();
    for (name, password, error) in [
        (
            "alice",
            &b""[..],
            "the password is empty; nothing is written",
        ),
        (
            "alice",
            b"a\tb",
            "the password has a control character, which no client may send; nothing is written",
        ),
        (
            "alice",
            &[b'x'; 73],
            "the password has over 72 octets, and bcrypt reads no more; nothing is written: use --argon2",
        ),
        (
            "alice",
            b"one\ntwo\n",
            "there is more than one line on standard input; give the password alone",
        ),
        (
            "alice",
            b"\xff",
            "the password on standard input is not UTF-8, as clients send it (RFC 7617, 2.1): invalid utf-8 \
             sequence of 1 bytes from index 0",
        ),
        (
            "a:b",
            b"x",
            "the user name has a colon, which separates name and password; write another",
        ),
        ("", b"x", "the user name is empty; write another"),
        (
            "#a",
            b"x",
            "the user name starts with `#`, as a comment does; write another",
        ),
        (
            "a\u{7}",
            b"x",
            "the user name has a control character; write another",
        ),
    ] {
        assert_eq!(add(folder.path(), name, password), failure(error), "{name}");
        assert_eq!(text(&folder), before);
    }
    fs::write(&file, "bob:rqXexS6ZhobKA\n").unwrap();
    let said = add(folder.path(), "alice", b"x");
    assert_eq!(said.status, Some(1));
    assert!(
        said.error.starts_with(
            "error: nothing is written, since the filter would refuse the file: users.htpasswd: line 1 (user \"bob\")"
        ),
        "{}",
        said.error
    );
    assert_eq!(text(&folder), "bob:rqXexS6ZhobKA\n");
    // The one whose hash is refused can be given another.
    assert_eq!(add(folder.path(), "bob", b"x").status, Some(0));
}

#[test]
fn argon2_takes_long_passwords() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = [&ADD[..], &["alice", "--stdin", "--argon2"]].concat();
    assert_eq!(
        xtask(folder.path(), &arguments, &[b'x'; 100]),
        success("users.htpasswd: alice added (argon2id)\n")
    );
    assert_eq!(verify(folder.path(), "alice", &[b'x'; 100]).status, Some(0));
    assert_eq!(verify(folder.path(), "alice", &[b'x'; 99]).status, Some(1));
}

#[test]
fn without_a_terminal_there_is_no_prompt() {
    let folder = tempfile::tempdir().unwrap();
    // A session of its own has no terminal.
    let output = Command::new("setsid")
        .args([
            "--wait",
            env!("CARGO_BIN_EXE_xtask"),
            "users",
            "add",
            "users.htpasswd",
            "alice",
        ])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(
        error.starts_with(
            "error: there is no terminal to ask for the password: give it on standard input with --stdin"
        ),
        "{error}"
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn two_at_a_time_lose_no_user() {
    let folder = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for name in ["a", "b", "c", "d"] {
            let path = folder.path();
            scope.spawn(move || assert_eq!(add(path, name, b"secret").status, Some(0)));
        }
    });
    let mut names: Vec<_> = text(&folder)
        .lines()
        .map(|line| line[..1].to_owned())
        .collect();
    names.sort();
    assert_eq!(names, ["a", "b", "c", "d"]);
}
