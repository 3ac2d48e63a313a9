//! A client, run to its end.

use std::ffi::OsStr;
use std::process::{Command, Stdio};

/// Where Debian's packages for Python are seen; `python3` may be another one.
pub const DEBIANS_PYTHON: &str = "/usr/bin/python3";

/// What a program did.
#[derive(Debug)]
pub struct Ended {
    /// Whether it says that all went well.
    pub is_success: bool,
    /// Its standard output, without blanks at either end.
    pub output: String,
    /// Its standard error.
    pub complaint: String,
}

/// Runs a program without a terminal that it could ask for a password.
///
/// # Panics
/// When it is not there: `package` is Debian's with it.
pub fn run<Argument: AsRef<OsStr>>(
    program: &str,
    package: &str,
    arguments: impl IntoIterator<Item = Argument>,
) -> Ended {
    let mut command = Command::new(program);
    command
        .args(arguments)
        // Proxies and passwords of this machine are none of the tests'.
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", "/nonexistent")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .stdin(Stdio::null());
    let output = command.output();
    let output = output.unwrap_or_else(|error| {
        panic!("`{program}` cannot be started ({error}): apt-get install -y {package}")
    });
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).trim().to_owned();
    Ended {
        is_success: output.status.success(),
        output: text(&output.stdout),
        complaint: text(&output.stderr),
    }
}

impl Ended {
    /// What it printed.
    ///
    /// # Panics
    /// With its complaint, if it has failed.
    #[must_use]
    pub fn succeeded(self) -> String {
        assert!(self.is_success, "{self:?}");
        self.output
    }

    /// What it complained.
    ///
    /// # Panics
    /// If it has not failed.
    #[must_use]
    pub fn failed(self) -> String {
        assert!(!self.is_success, "{self:?}");
        self.complaint
    }
}
