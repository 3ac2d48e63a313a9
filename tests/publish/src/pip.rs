//! Packages of Python's registry, installed into `target/` once.

use std::fs::{self, File};
use std::path::PathBuf;

use xtask::command;

/// Fails unless the script `validate.py` of the folder `name` takes every one of `files`.
///
/// # Panics
/// With what is wrong, and with what pip says.
pub fn validate(name: &str, files: &[PathBuf]) {
    let packages = installed(name, &format!("{name}/requirements.txt"));
    let script = xtask::repository_root()
        .join("tests/publish")
        .join(name)
        .join("validate.py");
    let mut python = command::command("python3", [script]);
    python.args(files);
    python
        .env("PYTHONPATH", packages)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    command::output(python).unwrap_or_else(|error| panic!("{error:#}"));
}

/// The folder `name` in `target/` with what the file `requirements` of this package names.
///
/// # Panics
/// With what pip says.
#[must_use]
pub fn installed(name: &str, requirements: &str) -> PathBuf {
    let requirements = xtask::repository_root()
        .join("tests/publish")
        .join(requirements);
    let wanted = fs::read_to_string(&requirements).expect("a file");
    let folder = xtask::target_folder().join(name);
    let done = folder.join("requirements.txt");
    fs::create_dir_all(xtask::target_folder()).expect("target/");
    let lock = File::create(xtask::target_folder().join(format!("{name}.lock"))).expect("a lock");
    lock.lock().expect("a lock");
    if fs::read_to_string(&done).is_ok_and(|text| text == wanted) {
        return folder;
    }
    let _ = fs::remove_dir_all(&folder);
    let arguments = "-m pip install --quiet --disable-pip-version-check --no-deps --only-binary=:all: --no-compile --ignore-requires-python";
    let mut pip = command::command("python3", arguments.split(' '));
    pip.arg("--requirement")
        .arg(requirements)
        .arg("--target")
        .arg(&folder);
    pip.env("PIP_USER", "0")
        .env("PIP_ROOT_USER_ACTION", "ignore");
    command::output(pip).unwrap_or_else(|error| panic!("{error:#}"));
    fs::write(done, wanted).expect("a file");
    folder
}
