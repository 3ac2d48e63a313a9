//! An htpasswd file: read, changed, and replaced as a whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use basic_auth::{Format, HashCostCaps, Verifier, parse_htpasswd_line, parse_htpasswd_users};

/// The mode of a file that is made: hashes are for their owner to read.
const MODE_OF_NEW: u32 = 0o600;

/// A user of the file.
pub(super) struct Entry {
    pub(super) line: usize,
    pub(super) name: String,
    pub(super) verifier: Verifier,
}

impl Entry {
    pub(super) fn format(&self) -> Format {
        self.verifier.format()
    }
}

/// The file as it was read, and as it shall be.
pub(super) struct HtpasswdFile {
    shown: PathBuf,
    /// Where the file really is: a link to it stays.
    path: PathBuf,
    /// What was read; `None` if there was no file.
    read: Option<Vec<u8>>,
    /// Its lines with their ends.
    lines: Vec<Vec<u8>>,
    /// Held until the file is replaced: others of these commands wait.
    _lock: File,
}

impl HtpasswdFile {
    /// Reads a file that must be there.
    pub(super) fn open(shown: &Path) -> anyhow::Result<Self> {
        let file = Self::open_or_new(shown)?;
        if file.read.is_none() {
            bail!("{}: there is no such file", shown.display());
        }
        Ok(file)
    }

    /// Reads a file, or begins a new one.
    pub(super) fn open_or_new(shown: &Path) -> anyhow::Result<Self> {
        let path = match fs::canonicalize(shown) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => shown.to_path_buf(),
            path => path.with_context(|| shown.display().to_string())?,
        };
        let lock = File::open(folder_of(&path))
            .and_then(|folder| folder.lock().map(|()| folder))
            .with_context(|| format!("the folder of {} cannot be opened", shown.display()))?;
        let read = read(&path).with_context(|| format!("{} cannot be read", shown.display()))?;
        let text = read.as_deref().unwrap_or_default();
        let lines = text.split_inclusive(|octet| *octet == b'\n');
        Ok(Self {
            shown: shown.to_path_buf(),
            path,
            lines: lines.map(<[u8]>::to_vec).collect(),
            read,
            _lock: lock,
        })
    }

    /// The path as it was given.
    pub(super) fn shown(&self) -> impl std::fmt::Display + '_ {
        self.shown.display()
    }

    /// The users in order; refused where the filter would refuse the file.
    pub(super) fn entries(&self) -> anyhow::Result<Vec<Entry>> {
        let text = self.lines.concat();
        let users = parse_htpasswd_users(&text, &HashCostCaps::MAXIMUM)
            .map_err(|error| anyhow::anyhow!("{}: {error}", self.shown()))?;
        let mut entries: Vec<Entry> = Vec::new();
        for user in users {
            let name = String::from_utf8_lossy(&user.name).into_owned();
            if let Some(first) = entries.iter().find(|entry| entry.name == name)
                && first.verifier.identity() != user.verifier.identity()
            {
                bail!(
                    "{}: line {}: user `{name}` is there already in line {} with another password; keep one",
                    self.shown(),
                    user.line,
                    first.line
                );
            }
            entries.push(Entry {
                line: user.line,
                name,
                verifier: user.verifier,
            });
        }
        Ok(entries)
    }

    /// The lines that name users, without their ends and comments.
    pub(super) fn lines(&self) -> anyhow::Result<Vec<String>> {
        self.entries()?;
        let named = self.lines.iter().filter(|line| names_user(line));
        named
            .map(|line| {
                let line = String::from_utf8(line.trim_ascii().to_vec());
                line.with_context(|| {
                    format!("{}: JSON is UTF-8, and a user's name is not", self.shown())
                })
            })
            .collect()
    }

    /// Gives a user this hash, and tells whether the user is new.
    pub(super) fn put(&mut self, name: &str, hash: &str) -> bool {
        let of_user = self.lines.iter().position(|line| is_of(line, name));
        let has_crlf = self.lines.iter().any(|line| line.ends_with(b"\r\n"));
        let end = if has_crlf { "\r\n" } else { "\n" };
        let line = format!("{name}:{hash}{end}").into_bytes();
        match of_user {
            Some(at) => {
                self.lines[at] = line;
                self.drop_after(at, name);
                false
            }
            None => {
                if let Some(last) = self.lines.last_mut().filter(|last| !last.ends_with(b"\n")) {
                    last.extend(end.as_bytes());
                }
                self.lines.push(line);
                true
            }
        }
    }

    /// The same user once more, further down.
    fn drop_after(&mut self, at: usize, name: &str) {
        let mut index = 0;
        self.lines.retain(|line| {
            index += 1;
            index <= at + 1 || !is_of(line, name)
        });
    }

    /// Removes a user, and tells whether there was one.
    pub(super) fn remove(&mut self, name: &str) -> bool {
        let before = self.lines.len();
        self.lines.retain(|line| !is_of(line, name));
        self.lines.len() < before
    }

    /// Puts a new file into the place of the old one, unless that has become another since it was read.
    pub(super) fn replace(&self) -> anyhow::Result<()> {
        self.entries()
            .context("nothing is written, since the filter would refuse the file")?;
        let mut new = tempfile::NamedTempFile::new_in(folder_of(&self.path))
            .with_context(|| format!("no file can be made in the folder of {}", self.shown()))?;
        new.write_all(&self.lines.concat())?;
        self.take_over_rights(new.as_file())?;
        new.as_file().sync_all()?;
        if read(&self.path)? != self.read {
            bail!(
                "{}: another process has changed the file meanwhile; nothing is written: try again",
                self.shown()
            );
        }
        new.persist(&self.path)
            .with_context(|| format!("{} cannot be replaced", self.shown()))?;
        Ok(())
    }

    /// Mode and owner of the file that is replaced.
    fn take_over_rights(&self, new: &File) -> anyhow::Result<()> {
        let old = match fs::metadata(&self.path) {
            Ok(old) => old,
            Err(_) => {
                new.set_permissions(fs::Permissions::from_mode(MODE_OF_NEW))?;
                return Ok(());
            }
        };
        let own = new.metadata()?;
        if (old.uid(), old.gid()) != (own.uid(), own.gid()) {
            std::os::unix::fs::fchown(new, Some(old.uid()), Some(old.gid())).with_context(
                || {
                    format!(
                        "{} belongs to another user, and would not any more",
                        self.shown()
                    )
                },
            )?;
        }
        // After the owner, whose change may take rights away.
        new.set_permissions(fs::Permissions::from_mode(old.mode() & 0o7777))?;
        Ok(())
    }
}

/// The content of a file; `None` if there is none.
fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        content => content.map(Some),
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn names_user(line: &[u8]) -> bool {
    !matches!(line.trim_ascii(), [] | [b'#', ..])
}

/// Whether a line names this user, also one whose hash the filter refuses.
fn is_of(line: &[u8], name: &str) -> bool {
    match parse_htpasswd_line(line, 1, &HashCostCaps::MAXIMUM) {
        Ok(user) => user.is_some_and(|(user, _)| user == name.as_bytes()),
        Err(_) => line
            .trim_ascii_start()
            .strip_prefix(name.as_bytes())
            .is_some_and(|rest| rest.starts_with(b":")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_process_has_written_meanwhile_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users.htpasswd");
        for (before, meanwhile) in [(Some("alice:*\n"), "alice:*\nbob:*\n"), (None, "bob:*\n")] {
            match before {
                Some(text) => fs::write(&path, text).unwrap(),
                None => fs::remove_file(&path).unwrap(),
            }
            let mut file = HtpasswdFile::open_or_new(&path).unwrap();
            assert!(file.put("carol", "*"));
            fs::write(&path, meanwhile).unwrap();
            assert_eq!(
                file.replace().unwrap_err().to_string(),
                format!(
                    "{}: another process has changed the file meanwhile; nothing is written: try again",
                    path.display()
                )
            );
            assert_eq!(fs::read_to_string(&path).unwrap(), meanwhile);
            // No new file beside it.
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        }
    }
}
