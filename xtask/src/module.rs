//! The built module and its checksum, as `dist/` holds them.

use std::fmt;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::SystemTime;

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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

    /// Writes the module to `folder`: under its digest, where it stays, and as the newest one with
    /// its checksum. No file is ever half-written: each is completed under another name first. What
    /// is there already is left as it is.
    pub fn publish(&self, folder: &Path) -> anyhow::Result<()> {
        let kept = folder.join(self.digest.to_string());
        fs::create_dir_all(&kept)
            .with_context(|| format!("{} cannot be created", kept.display()))?;
        let checksum_line = self.checksum_line();
        for (folder, name, contents) in [
            (kept.as_path(), FILE_NAME, self.bytes.as_slice()),
            (folder, FILE_NAME, &self.bytes),
            (folder, CHECKSUM_FILE_NAME, checksum_line.as_bytes()),
        ] {
            if !fs::read(folder.join(name)).is_ok_and(|there| there == contents) {
                replace(folder, name, contents)?;
            }
        }
        // By its time, `prune` finds out which ones were published last.
        File::open(&kept)
            .and_then(|kept| kept.set_modified(SystemTime::now()))
            .with_context(|| format!("the time of {} cannot be set", kept.display()))
    }
}

/// Removes all but the `keep` modules that were published last from `folder`. The newest stays.
pub fn prune(folder: &Path, keep: usize) -> anyhow::Result<()> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    let mut kept: Vec<(SystemTime, PathBuf)> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let is_digest = entry.file_name().to_str()?.parse::<Digest>().is_ok();
            let published = entry.metadata().ok()?.modified().ok()?;
            is_digest.then(|| (published, entry.path()))
        })
        .collect();
    kept.sort();
    for (_, old) in kept.iter().rev().skip(keep.max(1)) {
        // Only what was published, should something else be there, too.
        fs::remove_file(old.join(FILE_NAME))
            .and_then(|()| fs::remove_dir(old))
            .with_context(|| format!("{} cannot be removed", old.display()))?;
    }
    Ok(())
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
            3,
            "no temporary file is left"
        );
    }

    #[test]
    fn a_bounded_number_of_modules_stays_under_their_digests() {
        let folder = tempfile::tempdir().unwrap();
        let kept = |name: &[u8]| {
            let path = folder.path().join(Digest::of(name).to_string());
            fs::read(path.join(FILE_NAME)).is_ok_and(|bytes| bytes == name)
        };
        let other = folder.path().join("another folder");
        fs::create_dir(&other).unwrap();
        // The first is published again at the end: it is not the oldest.
        for name in [b"1", b"2", b"3", b"4", b"1"] {
            Module::from(name.to_vec()).publish(folder.path()).unwrap();
        }
        prune(folder.path(), 2).unwrap();
        assert_eq!(
            [b"1", b"2", b"3", b"4"].map(|name| kept(name)),
            [true, false, false, true]
        );
        assert_eq!(Module::open(folder.path()).unwrap().bytes, b"1");
        prune(folder.path(), 0).unwrap();
        assert!(kept(b"1") && !kept(b"4") && other.is_dir());
    }

    #[test]
    fn what_is_published_again_keeps_its_time() {
        let folder = tempfile::tempdir().unwrap();
        let module = Module::from(b"module".to_vec());
        module.publish(folder.path()).unwrap();
        let path = folder.path().join(FILE_NAME);
        let old = SystemTime::UNIX_EPOCH;
        File::open(&path).unwrap().set_modified(old).unwrap();
        module.publish(folder.path()).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), old);
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
