//! Typed models of Istio's and Kubernetes' resources, from a package registry.

use std::path::PathBuf;

use xtask::command;

use crate::pip::installed;

/// Fails unless the models take every document of `files`.
///
/// # Panics
/// With what is wrong, and with what pip says.
pub fn validate(files: &[PathBuf]) {
    let models = installed("models", "models/requirements.txt");
    let script = xtask::repository_root().join("tests/publish/models/validate.py");
    let mut python = command::command("python3", [script]);
    python.args(files);
    python
        .env("PYTHONPATH", models)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    command::output(python).unwrap_or_else(|error| panic!("{error:#}"));
}
