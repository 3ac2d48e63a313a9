//! Takes a module out of gzip, zstd and tar, told by their first octets and not by names. Nothing is ever
//! written under a name from an archive.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Chain, Cursor, Read, Write};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Component, Path, PathBuf};

use flate2::read::MultiGzDecoder;
use ruzstd::decoding::StreamingDecoder;

use super::sink::Limits;
use super::validation::MAGIC;

/// More boxes in boxes than this are no way to deliver a module.
const MOST_BOXES: usize = 4;
/// As much as `zstd -d` allows.
const MOST_ZSTD_WINDOW: u64 = 128 << 20;
/// Longer names, or descriptions with names, no file needs.
const MOST_NAME: u64 = 1 << 20;
/// Where tar has its magic.
const TAR_MAGIC: std::ops::Range<usize> = 257..262;

/// Why there is no module in it.
#[derive(Debug)]
pub(super) enum UnboxError {
    /// The archive is broken, or there is none in it.
    Invalid(String),
    /// More than the limit.
    TooLarge,
    /// The module cannot be written.
    Write(io::Error),
}

/// What is left when compression is taken off.
pub(super) enum Contents<'a> {
    /// Something that is no archive: a module, or nothing of use.
    Plain(Box<dyn Read + 'a>),
    /// An archive of files.
    Tar(Box<dyn Read + 'a>),
}

/// Reads `file` from where it stands, without the compression that is around it.
pub(super) fn open(file: File, limits: Limits) -> Result<Contents<'static>, UnboxError> {
    let mut reader: Box<dyn Read> = Box::new(file);
    for _ in 0..=MOST_BOXES {
        let (head, whole) = peek(reader).map_err(read_failure)?;
        reader = match head.as_slice() {
            [0x1f, 0x8b, ..] => bounded(MultiGzDecoder::new(BufReader::new(whole)), limits),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => bounded(ZstdFrames::new(whole), limits),
            head if head.starts_with(MAGIC) => return Ok(Contents::Plain(Box::new(whole))),
            head if head.get(TAR_MAGIC) == Some(b"ustar") => {
                return Ok(Contents::Tar(Box::new(whole)));
            }
            _ => return Ok(Contents::Plain(Box::new(whole))),
        };
    }
    Err(UnboxError::Invalid(format!(
        "it is packed more than {MOST_BOXES} times"
    )))
}

/// Writes the module in `contents` to `module`.
///
/// Of an archive that is the file `plugin.wasm`, else the first `*.wasm`, else the first file.
pub(super) fn extract(
    contents: Contents<'_>,
    module: &mut impl Target,
    limits: Limits,
) -> Result<(), UnboxError> {
    match contents {
        Contents::Plain(reader) => copy(reader, module, limits),
        Contents::Tar(reader) => extract_best(reader, module, limits),
    }
}

/// Where a module is written to, from the start as often as need be.
pub(super) trait Target: Write {
    /// Forgets what was written.
    fn restart(&mut self) -> io::Result<()>;
}

fn extract_best(
    reader: Box<dyn Read + '_>,
    module: &mut impl Target,
    limits: Limits,
) -> Result<(), UnboxError> {
    let mut best = None;
    let mut passed_over = None;
    for_each_entry(reader, |path, content| {
        let Some(content) = content else {
            return Ok(Next::Continue);
        };
        let Some(path) = path.filter(|path| is_plain(path)) else {
            passed_over =
                Some("; names that are absolute or lead out of the archive are passed over");
            return Ok(Next::Continue);
        };
        let rank = rank(&path);
        if best.is_none_or(|best| rank > best) {
            module.restart().map_err(UnboxError::Write)?;
            copy(content, module, limits)?;
            best = Some(rank);
        }
        Ok(Next::Continue)
    })?;
    match best {
        Some(_) => Ok(()),
        None => Err(UnboxError::Invalid(format!(
            "there is no file in the archive{}",
            passed_over.unwrap_or_default()
        ))),
    }
}

/// Whether to look at further entries of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Continue,
    Stop,
}

/// Shows each entry of a tar to `see`: its path, `None` for a name that is none, and its content, `None` for what is no
/// regular file, such as a link.
pub(super) fn for_each_entry(
    reader: impl Read,
    mut see: impl FnMut(Option<PathBuf>, Option<&mut dyn Read>) -> Result<Next, UnboxError>,
) -> Result<(), UnboxError> {
    let mut archive = tar::Archive::new(reader);
    let mut long_name = None;
    // Raw, since the reader itself would take a name of any length into memory.
    for entry in archive.entries().map_err(read_failure)?.raw(true) {
        let mut entry = entry.map_err(read_failure)?;
        let kind = entry.header().entry_type();
        if kind.is_gnu_longname() || kind.is_pax_local_extensions() {
            long_name = name_before(&mut entry)?.or(long_name);
        }
        if is_about_the_next(kind) {
            continue;
        }
        let path = match long_name.take() {
            Some(name) => Some(PathBuf::from(OsString::from_vec(name))),
            None => entry.path().ok().map(std::borrow::Cow::into_owned),
        };
        let content: Option<&mut dyn Read> = match kind.is_file() {
            true => Some(&mut entry),
            false => None,
        };
        if see(path, content)? == Next::Stop {
            break;
        }
    }
    Ok(())
}

/// Whether an entry is no file but says something of one that follows.
fn is_about_the_next(kind: tar::EntryType) -> bool {
    kind.is_gnu_longname()
        || kind.is_gnu_longlink()
        || kind.is_pax_local_extensions()
        || kind.is_pax_global_extensions()
}

/// The name that an entry gives to the file behind it.
fn name_before(entry: &mut tar::Entry<'_, impl Read>) -> Result<Option<Vec<u8>>, UnboxError> {
    let size = entry.size();
    if size > MOST_NAME {
        return Err(UnboxError::Invalid(format!(
            "the archive has a name of {size} bytes"
        )));
    }
    let mut octets = Vec::new();
    entry.read_to_end(&mut octets).map_err(read_failure)?;
    if entry.header().entry_type().is_gnu_longname() {
        let end = octets.iter().position(|octet| *octet == 0);
        octets.truncate(end.unwrap_or(octets.len()));
        return Ok(Some(octets));
    }
    let path = tar::PaxExtensions::new(&octets)
        .filter_map(Result::ok)
        .find(|extension| extension.key_bytes() == b"path");
    Ok(path.map(|extension| extension.value_bytes().to_owned()))
}

/// Whether a path stays in the archive.
pub(super) fn is_plain(path: &Path) -> bool {
    path.components()
        .all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

fn rank(path: &Path) -> u8 {
    if path.file_name().is_some_and(|name| name == "plugin.wasm") {
        2
    } else {
        u8::from(
            path.extension()
                .is_some_and(|extension| extension == "wasm"),
        )
    }
}

/// Copies a module of at most the limit.
pub(super) fn copy(
    mut from: impl Read,
    to: &mut impl Write,
    limits: Limits,
) -> Result<(), UnboxError> {
    let mut buffer = vec![0; 64 << 10];
    let mut left = limits.module;
    loop {
        let count = match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(read_failure(error)),
        };
        left = left.checked_sub(count as u64).ok_or(UnboxError::TooLarge)?;
        to.write_all(&buffer[..count]).map_err(UnboxError::Write)?;
    }
}

/// An error that only a limit makes.
#[derive(Debug)]
struct OverLimit;

impl std::fmt::Display for OverLimit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("larger than the limit")
    }
}

impl std::error::Error for OverLimit {}

pub(super) fn read_failure(error: io::Error) -> UnboxError {
    let mut cause: Option<&dyn std::error::Error> = error.get_ref().map(|inner| inner as _);
    while let Some(inner) = cause {
        if inner.is::<OverLimit>() {
            return UnboxError::TooLarge;
        }
        // The tar reader puts an `io::Error` in another: its payload is no source of it.
        cause = match inner
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
        {
            Some(payload) => Some(payload),
            None => inner.source(),
        };
    }
    UnboxError::Invalid(format!("the archive is broken: {error}"))
}

type Whole = Chain<Cursor<Vec<u8>>, Box<dyn Read>>;

/// The first octets, and the reader with them.
fn peek(mut reader: Box<dyn Read>) -> io::Result<(Vec<u8>, Whole)> {
    let mut head = Vec::new();
    reader.by_ref().take(512).read_to_end(&mut head)?;
    Ok((head.clone(), Cursor::new(head).chain(reader)))
}

/// Fails once more comes out of a box than any container may have.
struct Bounded<R> {
    reader: R,
    left: u64,
}

fn bounded(reader: impl Read + 'static, limits: Limits) -> Box<dyn Read> {
    Box::new(Bounded {
        reader,
        left: limits.container,
    })
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.left = self
            .left
            .checked_sub(count as u64)
            .ok_or_else(|| io::Error::other(OverLimit))?;
        Ok(count)
    }
}

type Frame = StreamingDecoder<BufReader<Whole>, ruzstd::decoding::FrameDecoder>;

/// All frames of a zstd stream, one after the other.
enum ZstdFrames {
    Before(BufReader<Whole>),
    Inside(Box<Frame>),
    End,
}

impl ZstdFrames {
    fn new(reader: Whole) -> Self {
        Self::Before(BufReader::new(reader))
    }

    /// The next frame of `reader`, if there is one.
    fn next(mut reader: BufReader<Whole>) -> io::Result<Self> {
        if reader.fill_buf()?.is_empty() {
            return Ok(Self::End);
        }
        let frame = StreamingDecoder::new_with_max_window_size(reader, MOST_ZSTD_WINDOW);
        Ok(Self::Inside(Box::new(frame.map_err(io::Error::other)?)))
    }
}

impl Read for ZstdFrames {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            *self = match std::mem::replace(self, Self::End) {
                Self::End => return Ok(0),
                Self::Before(reader) => Self::next(reader)?,
                Self::Inside(mut decoder) => match decoder.read(buffer)? {
                    0 => Self::Before(decoder.into_inner()),
                    count => {
                        *self = Self::Inside(decoder);
                        return Ok(count);
                    }
                },
            };
        }
    }
}
