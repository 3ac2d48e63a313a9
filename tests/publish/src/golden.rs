//! The manifests of `envoy/`, and the commands that make them.

use std::path::{Path, PathBuf};

use crate::program::run;

/// What `golden.txt` calls an image's digest and a module's checksum.
const DIGEST: &str = "9c56cc51b374c3ba189210d5b6d4bf57790d351c96c47c02190ecf1e430635ab";
const CHECKSUM: &str = "f734ecc3a9d2d3a1d2c6d5e0c7a7e46c21b8a55c4c9f3a6f2b1f7f9f5c1e5c5b";

/// A folder of `envoy/` and how it is made.
pub struct Golden {
    /// Below `envoy/`.
    pub folder: String,
    /// What the program gets, without where to write.
    pub arguments: Vec<String>,
}

impl Golden {
    /// All of them.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let lines = include_str!("../golden.txt").lines();
        let lines = lines.filter(|line| !line.starts_with('#'));
        lines.filter_map(Self::parse).collect()
    }

    fn parse(line: &str) -> Option<Self> {
        let (folder, arguments) = line.split_once(": ")?;
        let arguments = arguments
            .replace("DIGEST", DIGEST)
            .replace("CHECKSUM", CHECKSUM);
        let example = |name: &str| format!("{}/{name}", envoy_folder().join("example").display());
        let mut all: Vec<_> = arguments.split(' ').map(str::to_owned).collect();
        all.insert(0, "manifests".to_owned());
        all.extend([
            "--offline".to_owned(),
            "--config".to_owned(),
            example("config.json"),
        ]);
        all.extend(["--users".to_owned(), example("users.htpasswd")]);
        Some(Self {
            folder: folder.to_owned(),
            arguments: all,
        })
    }

    /// Makes it once more in `folder`.
    ///
    /// # Panics
    /// If the program refuses.
    pub fn make(&self, folder: &Path) {
        let path = folder.to_str().expect("a readable path");
        let arguments = self.arguments.iter().map(String::as_str);
        let arguments: Vec<_> = arguments.chain(["-o", path]).collect();
        run(&arguments).expect_success();
    }
}

/// The folder of what a user copies.
#[must_use]
pub fn envoy_folder() -> PathBuf {
    xtask::repository_root().join("envoy")
}

/// Every file below a folder, by its place in it.
///
/// # Panics
/// If it cannot be read.
#[must_use]
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The documents of a YAML text.
///
/// # Panics
/// If it is none.
#[must_use]
pub fn documents(text: &str) -> Vec<serde_json::Value> {
    serde_saphyr::from_multiple(text).expect("YAML")
}
