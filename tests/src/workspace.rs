//! Where things are in this repository.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The folder with the workspace's `Cargo.toml`.
///
/// # Panics
/// When this crate is in no folder, which Cargo does not allow.
#[must_use]
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent()
        .expect("this crate is a folder of the workspace")
        .to_path_buf()
}

/// The built module.
///
/// # Panics
/// Says what to run when it is not built.
#[must_use]
pub fn module() -> Vec<u8> {
    let path = root().join("dist/basic_auth.wasm");
    fs::read(&path).unwrap_or_else(|error| {
        panic!("{}: {error}: run `cargo xtask build` first", path.display())
    })
}
