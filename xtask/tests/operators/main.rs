//! The commands for operators, as processes: what they print, how they end, what they leave behind.

mod browser;
mod check;
mod clients;
mod docs;
mod embedded;
mod explain;
mod migrating;
mod page;
mod summary;
mod users;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// How a command ended and what it printed.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    status: Option<i32>,
    output: String,
    error: String,
}

/// `cargo xtask` in a folder, with this on its standard input.
fn xtask(folder: &Path, arguments: &[&str], input: &[u8]) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command
        .args(arguments)
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // One that reads nothing has closed it.
    let _ = stdin.write_all(input);
    drop(stdin);
    said(child.wait_with_output().unwrap())
}

fn said(output: Output) -> Said {
    Said {
        status: output.status.code(),
        output: String::from_utf8(output.stdout).unwrap(),
        error: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A success that printed this.
fn success(output: &str) -> Said {
    Said {
        status: Some(0),
        output: output.to_owned(),
        error: String::new(),
    }
}

/// A failure with this one line.
fn failure(error: &str) -> Said {
    Said {
        status: Some(1),
        output: String::new(),
        error: format!("error: {error}\n"),
    }
}
