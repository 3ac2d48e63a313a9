//! htpasswd text: one `user:hash` per line.
//!
//! Spaces and tabs at both ends of a line do not count, as in Apache httpd. A line that is then
//! empty or starts with `#` says nothing. Lines end with LF or CRLF, the last one may end without,
//! and a byte order mark at the start of the text is skipped.

use core::fmt;

use crate::quoted::Quoted;

use super::cost::HashCostCaps;
use super::error::HashError;
use super::fields::split_at;
use super::{Verifier, ldap};

/// How many characters of a user name an error shows.
const SHOWN_CHARACTERS: usize = 64;

/// The first line of an htpasswd text that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HtpasswdError {
    /// The line, counted from 1.
    pub line: usize,
    /// The first 64 characters of the user name, if there is one. A line without `:` has none:
    /// it may be a password.
    pub user: Option<String>,
    /// What is wrong with it.
    pub problem: HtpasswdProblem,
}

/// What is wrong with a line of an htpasswd text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HtpasswdProblem {
    /// No `:`.
    NoColon,
    /// A third field, as in `/etc/shadow` or an htdigest file.
    ThirdField,
    /// A user name that is empty or ends with a blank.
    UserName,
    /// A control character in the user name (RFC 7617, 2).
    ControlCharacter,
    /// A blank between `:` and the hash, or after a password in plain text.
    Blank,
    /// The hash is refused.
    Hash(HashError),
}

impl fmt::Display for HtpasswdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        if let Some(user) = &self.user {
            write!(f, " (user {})", Quoted(user))?;
        }
        write!(f, ": {}", self.problem)
    }
}

impl core::error::Error for HtpasswdError {}

impl fmt::Display for HtpasswdProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoColon => "there is no `:`; a line is `user:hash`",
            Self::ThirdField => {
                "there is a third field; a line is `user:hash` and nothing after it"
            }
            Self::UserName => "the user name is empty or ends with a blank",
            Self::ControlCharacter => "the user name has a control character",
            Self::Blank => "there is a blank before the hash or after a plain password",
            Self::Hash(error) => return error.fmt(f),
        })
    }
}

/// Parses an htpasswd text: user names and the verifiers of their passwords, in order. The same
/// user may be in it more than once.
///
/// # Errors
/// [`HtpasswdError`] for the first line that is wrong.
pub fn parse_htpasswd(
    text: &[u8],
    caps: &HashCostCaps,
) -> Result<Vec<(Vec<u8>, Verifier)>, HtpasswdError> {
    let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
    let mut users = Vec::new();
    for (index, line) in text.split(|octet| *octet == b'\n').enumerate() {
        users.extend(parse_htpasswd_line(line, index + 1, caps)?);
    }
    Ok(users)
}

/// Parses one line, with or without its line end. `Ok(None)` for a comment or a blank line.
///
/// # Errors
/// [`HtpasswdError`] with `number` as its line.
pub fn parse_htpasswd_line(
    line: &[u8],
    number: usize,
    caps: &HashCostCaps,
) -> Result<Option<(Vec<u8>, Verifier)>, HtpasswdError> {
    let ended = line.strip_suffix(b"\n").unwrap_or(line);
    let ended = ended.strip_suffix(b"\r").unwrap_or(ended);
    let entry = trim_blanks(ended);
    if entry.is_empty() || entry.starts_with(b"#") {
        return Ok(None);
    }
    let error = |user, problem| HtpasswdError {
        line: number,
        user,
        problem,
    };
    let Some((user, hash)) = split_at(entry, b':') else {
        return Err(error(None, HtpasswdProblem::NoColon));
    };
    let ends_with_blank = ended.last().is_some_and(is_blank);
    check_user_name(user)
        .and_then(|()| check_hash_field(hash, ends_with_blank))
        .and_then(|()| Verifier::parse(hash, caps).map_err(HtpasswdProblem::Hash))
        .map(|verifier| Some((user.to_vec(), verifier)))
        .map_err(|problem| error(shown(user), problem))
}

fn check_user_name(user: &[u8]) -> Result<(), HtpasswdProblem> {
    if user.is_empty() || user.last().is_some_and(is_blank) {
        return Err(HtpasswdProblem::UserName);
    }
    if user.iter().any(u8::is_ascii_control) {
        return Err(HtpasswdProblem::ControlCharacter);
    }
    Ok(())
}

/// A plain password may hold `:`, and a blank at its end may belong to it or not. No hash holds
/// either.
fn check_hash_field(hash: &[u8], ends_with_blank: bool) -> Result<(), HtpasswdProblem> {
    let is_plain = hash.starts_with(ldap::PLAIN);
    if hash.first().is_some_and(is_blank) || is_plain && ends_with_blank {
        return Err(HtpasswdProblem::Blank);
    }
    if !is_plain && hash.contains(&b':') {
        return Err(HtpasswdProblem::ThirdField);
    }
    Ok(())
}

fn shown(user: &[u8]) -> Option<String> {
    let user = String::from_utf8_lossy(user);
    (!user.is_empty()).then(|| user.chars().take(SHOWN_CHARACTERS).collect())
}

fn is_blank(octet: &u8) -> bool {
    matches!(octet, b' ' | b'\t')
}

fn trim_blanks(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}
