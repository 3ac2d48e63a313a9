//! Typed models of Istio's and Kubernetes' resources, from a package registry.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use xtask::command;

const REQUIREMENTS: &str = include_str!("../models/requirements.txt");

/// Fails unless the models take every document of `files`.
///
/// # Panics
/// With what is wrong, and with what pip says.
pub fn validate(files: &[PathBuf]) {
    let models = installed();
    let script = xtask::repository_root().join("tests/publish/models/validate.py");
    let mut python = command::command("python3", [script]);
    python.args(files);
    python
        .env("PYTHONPATH", models)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    command::output(python).unwrap_or_else(|error| panic!("{error:#}"));
}

/// The folder of the models, installed first if they are not there.
fn installed() -> PathBuf {
    let folder = xtask::target_folder().join("models");
    let done = folder.join("requirements.txt");
    let is_current = || fs::read_to_string(&done).is_ok_and(|text| text == REQUIREMENTS);
    fs::create_dir_all(xtask::target_folder()).expect("target/");
    let lock = File::create(xtask::target_folder().join("models.lock")).expect("a lock");
    lock.lock().expect("a lock");
    if !is_current() {
        let _ = fs::remove_dir_all(&folder);
        install(&folder);
        fs::write(&done, REQUIREMENTS).expect("a file");
    }
    folder
}

fn install(folder: &Path) {
    let requirements = xtask::repository_root().join("tests/publish/models/requirements.txt");
    let arguments = "-m pip install --quiet --disable-pip-version-check --no-deps --only-binary=:all: --no-compile";
    let mut pip = command::command("python3", arguments.split(' '));
    pip.arg("--requirement")
        .arg(requirements)
        .arg("--target")
        .arg(folder);
    pip.env("PIP_USER", "0")
        .env("PIP_ROOT_USER_ACTION", "ignore");
    command::output(pip).unwrap_or_else(|error| panic!("{error:#}"));
}
