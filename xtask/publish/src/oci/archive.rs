//! Layers: the same files give the same octets, on any day and machine.

use std::io::{self, Write as _};

use flate2::{Compression, GzBuilder};

/// What a layer has at one path.
#[derive(Clone, Debug)]
pub enum Entry<'a> {
    /// A folder.
    Folder(Access),
    /// A file.
    File(&'a [u8], Access),
}

/// Who may do what with an entry.
#[derive(Clone, Copy, Debug)]
pub struct Access {
    /// Permissions.
    pub mode: u32,
    /// Owner, and group of the same number.
    pub owner: u32,
}

impl Access {
    /// A file that everybody may read, of root.
    pub const READ: Self = Self {
        mode: 0o644,
        owner: 0,
    };
}

/// A tar archive of `entries`, without any time, in the order that is given.
///
/// # Errors
/// When a path is longer than the format allows.
pub fn tar(entries: &[(&str, Entry<'_>)]) -> io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, entry) in entries {
        let mut header = tar::Header::new_ustar();
        let (kind, access, content): (_, _, &[u8]) = match entry {
            Entry::Folder(access) => (tar::EntryType::Directory, access, &[]),
            Entry::File(content, access) => (tar::EntryType::Regular, access, content),
        };
        header.set_entry_type(kind);
        header.set_mode(access.mode);
        header.set_uid(access.owner.into());
        header.set_gid(access.owner.into());
        header.set_mtime(0);
        header.set_size(content.len() as u64);
        archive.append_data(&mut header, path, content)?;
    }
    archive.into_inner()
}

/// `content` compressed, without a time or a name.
///
/// # Errors
/// Never, in memory.
pub fn gzip(content: &[u8]) -> io::Result<Vec<u8>> {
    // 255: no operating system is named (RFC 1952, 2.3.1).
    let builder = GzBuilder::new().mtime(0).operating_system(255);
    let mut encoder = builder.write(Vec::new(), Compression::best());
    encoder.write_all(content)?;
    encoder.finish()
}
