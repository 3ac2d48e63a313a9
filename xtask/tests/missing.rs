//! What a bare machine lacks is answered with one line.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

/// What `xtask` says on a machine with these programs only, none of which works.
fn error(arguments: &[&str], programs: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    for program in programs {
        let path = folder.path().join(program);
        fs::write(&path, "#!/bin/false\n").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command
        .args(arguments)
        .env("PATH", folder.path())
        // Else an Envoy that was installed before would be found.
        .env("CARGO_TARGET_DIR", folder.path())
        .env_remove("ENVOY");
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_c_compiler() {
    assert_eq!(
        error(&["build"], &[]),
        "error: a C compiler is missing: install gcc or clang\n"
    );
}

#[test]
fn rustup() {
    let error = error(&["build"], &["cc"]);
    let (cure, cause) = error.split_once(": `rustc ").unwrap();
    assert_eq!(cure, "error: Rust is missing: install rustup");
    assert_eq!(cause.matches('\n').count(), 1, "{cause}");
}

#[test]
fn pip() {
    assert_eq!(
        error(&["up", "--once"], &["cc", "python3"]),
        "error: no Envoy and no pip: install Python's pip, or name an Envoy in the environment \
         variable ENVOY\n"
    );
}
