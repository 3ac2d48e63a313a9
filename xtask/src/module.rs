//! The built module and its checksum, as `dist/` holds them.

use std::fmt;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context as _, bail};
use sha2::{Digest as _, Sha256};

use crate::repository_root;

/// The module's file name, in `dist/` and in URLs.
pub const FILE_NAME: &str = "basic_auth.wasm";

/// The file name of its checksum, in the format of `sha256sum`.
pub const CHECKSUM_FILE_NAME: &str = "basic_auth.wasm.sha256";

/// The folder that `cargo xtask build` writes to.
pub fn dist_folder() -> PathBuf {
    repository_root().join("dist")
}

/// Where `cargo xtask build` writes the module.
pub fn dist_path() -> PathBuf {
    dist_folder().join(FILE_NAME)
}

/// A SHA-256 digest. Displays as 64 lower-case hexadecimal digits, the only form Envoy accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl FromStr for Digest {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            bail!("a SHA-256 digest is 64 hexadecimal digits");
        }
        let mut digest = [0; 32];
        for (byte, position) in digest.iter_mut().zip((0..64).step_by(2)) {
            *byte = u8::from_str_radix(&text[position..position + 2], 16)?;
        }
        Ok(Self(digest))
    }
}

/// The bytes of a module and their digest.
#[derive(Clone, Debug)]
pub struct Module {
    /// What Envoy loads.
    pub bytes: Vec<u8>,
    /// The digest of `bytes`.
    pub digest: Digest,
}

impl From<Vec<u8>> for Module {
    fn from(bytes: Vec<u8>) -> Self {
        let digest = Digest::of(&bytes);
        Self { bytes, digest }
    }
}

impl Module {
    /// Reads the module in `folder`, which must be what the checksum beside it says.
    pub fn open(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join(FILE_NAME);
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                bail!(
                    "{} is missing: run `cargo xtask build` first",
                    path.display()
                )
            }
            read => read.with_context(|| format!("{} cannot be read", path.display()))?,
        };
        let module = Self::from(bytes);
        let checksum = folder.join(CHECKSUM_FILE_NAME);
        let expected = fs::read_to_string(&checksum).with_context(|| {
            format!(
                "{} cannot be read: run `cargo xtask build` again",
                checksum.display()
            )
        })?;
        if expected != module.checksum_line() {
            bail!(
                "{} is not what {CHECKSUM_FILE_NAME} says: run `cargo xtask build` again",
                path.display()
            );
        }
        Ok(module)
    }

    /// The checksum as `sha256sum` prints it, so that `sha256sum --check` understands it.
    pub fn checksum_line(&self) -> String {
        format!("{}  {FILE_NAME}\n", self.digest)
    }

    /// Writes the module and its checksum to `folder`. Neither file is ever half-written: each is
    /// completed under another name first.
    pub fn publish(&self, folder: &Path) -> anyhow::Result<()> {
        fs::create_dir_all(folder)
            .with_context(|| format!("{} cannot be created", folder.display()))?;
        replace(folder, FILE_NAME, &self.bytes)?;
        replace(folder, CHECKSUM_FILE_NAME, self.checksum_line().as_bytes())
    }
}

fn replace(folder: &Path, name: &str, contents: &[u8]) -> anyhow::Result<()> {
    let path = folder.join(name);
    write_atomically(folder, &path, contents)
        .with_context(|| format!("{} cannot be written", path.display()))
}

fn write_atomically(folder: &Path, path: &Path, contents: &[u8]) -> anyhow::Result<()> {
    let mut builder = tempfile::Builder::new();
    // A temporary file is private by default, but the module is there for everyone.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(contents)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_published_can_be_opened() {
        let folder = tempfile::tempdir().unwrap();
        Module::from(b"module".to_vec())
            .publish(folder.path())
            .unwrap();
        let module = Module::open(folder.path()).unwrap();
        assert_eq!(module.bytes, b"module");
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            2,
            "no temporary file is left"
        );
    }

    #[test]
    fn a_module_that_disagrees_with_its_checksum_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        Module::from(b"module".to_vec())
            .publish(folder.path())
            .unwrap();
        fs::write(folder.path().join(FILE_NAME), b"modu").unwrap();
        let error = Module::open(folder.path()).unwrap_err().to_string();
        assert!(error.contains("run `cargo xtask build` again"), "{error}");
    }

    #[test]
    fn a_missing_module_says_what_to_run() {
        let folder = tempfile::tempdir().unwrap();
        let error = Module::open(folder.path()).unwrap_err().to_string();
        assert!(error.contains("run `cargo xtask build` first"), "{error}");
    }

    #[test]
    fn digests_are_64_hexadecimal_digits() {
        let text = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let digest: Digest = text.to_uppercase().parse().unwrap();
        assert_eq!(digest, Digest::of(b""));
        assert_eq!(digest.to_string(), text);
        for malformed in [
            "",
            "e3b0",
            &text.replace('e', "g"),
            &format!("{text}0"),
            &"é".repeat(32),
        ] {
            assert!(malformed.parse::<Digest>().is_err(), "{malformed}");
        }
    }
}
