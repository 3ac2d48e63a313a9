//! The program behind `cargo xtask package`, `push` and `manifests`, as a user runs it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The built program: Cargo builds it before it runs the tests of its package.
///
/// # Panics
/// If a test does not lie where Cargo puts it.
#[must_use]
pub fn program() -> PathBuf {
    // Tests lie in target/<profile>/deps.
    let test = std::env::current_exe().expect("a path");
    let folder = test.parent().and_then(Path::parent);
    folder.expect("target/<profile>/deps").join("publish-tests")
}

/// What the program printed, and how it ended.
#[derive(Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Whether it ended with 0.
    pub is_success: bool,
    /// Standard output.
    pub said: String,
    /// Standard error.
    pub warned: String,
}

impl Outcome {
    /// The output of what must have worked.
    ///
    /// # Panics
    /// With the error, if it did not.
    #[track_caller]
    pub fn expect_success(self) -> String {
        assert!(self.is_success, "{self:#?}");
        self.said
    }

    /// The one line of what must have failed, without `error: `.
    ///
    /// # Panics
    /// If it did not fail in one line.
    #[must_use]
    #[track_caller]
    pub fn expect_refusal(self) -> String {
        let line = self
            .warned
            .strip_prefix("error: ")
            .and_then(|line| line.strip_suffix('\n'));
        let line = line.filter(|line| !line.contains('\n') && !self.is_success);
        line.unwrap_or_else(|| panic!("{self:#?}")).to_owned()
    }
}

/// Runs the program with `arguments` and these environment variables.
///
/// # Panics
/// If it cannot be run.
#[must_use]
pub fn run_with(arguments: &[&str], environment: &[(&str, &Path)]) -> Outcome {
    let output = Command::new(program())
        .args(arguments)
        // Nobody's own credentials.
        .env("DOCKER_CONFIG", "/nonexistent")
        // The module is built by a Cargo that would tell.
        .env("CARGO_TERM_QUIET", "true")
        .env_remove("http_proxy")
        .env_remove("HTTP_PROXY")
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .output()
        .expect("the program runs");
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    Outcome {
        is_success: output.status.success(),
        said: text(&output.stdout),
        warned: text(&output.stderr),
    }
}

/// Runs the program with `arguments`.
#[must_use]
pub fn run(arguments: &[&str]) -> Outcome {
    run_with(arguments, &[])
}
