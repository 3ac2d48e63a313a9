//! htpasswd text: one `user:hash` per line, and after another `:` a comment.
//!
//! Spaces and tabs at both ends of a line do not count, as in Apache httpd. A line that is then
//! empty or starts with `#` says nothing. Lines end with LF or CRLF, the last one may end without,
//! and a byte order mark at the start of a line is skipped.

mod error;

pub use error::{HtpasswdError, HtpasswdProblem};

use super::cost::HashCostCaps;
use super::diagnosis::{
    decoded_base64, has_visible_ends, is_bare_text, is_hexadecimal_digest, is_placeholder,
    starts_like_hash, starts_with_curly_quote,
};
use super::error::HashError;
use super::fields::split_at;
use super::{Verifier, applications, ldap};

/// How many characters of a user name an error shows.
const SHOWN_CHARACTERS: usize = 64;

/// What may stand between users who should have a line each.
const SEPARATORS: &[u8] = b" \t,;\\";

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// A user of an htpasswd text.
#[derive(Clone, Debug)]
pub struct HtpasswdUser {
    /// The line that names the user, counted from 1.
    pub line: usize,
    /// The user name, in octets.
    pub name: Vec<u8>,
    /// Of the user's password.
    pub verifier: Verifier,
}

/// Parses an htpasswd text: its users in order. The same user may be in it more than once.
///
/// # Errors
/// [`HtpasswdError`] for the first line that is wrong.
pub fn parse_htpasswd_users(
    text: &[u8],
    caps: &HashCostCaps,
) -> Result<Vec<HtpasswdUser>, HtpasswdError> {
    let mut users = Vec::new();
    for (index, text) in text.split(|octet| *octet == b'\n').enumerate() {
        let line = index + 1;
        let user = parse_htpasswd_line(text, line, caps)?;
        users.extend(user.map(|(name, verifier)| HtpasswdUser {
            line,
            name,
            verifier,
        }));
    }
    Ok(users)
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
    let users = parse_htpasswd_users(text, caps)?.into_iter();
    Ok(users.map(|user| (user.name, user.verifier)).collect())
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
    let entry = trim(ended);
    if entry.is_empty() || entry.starts_with(b"#") {
        return Ok(None);
    }
    let error = |user, problem| HtpasswdError {
        line: number,
        user,
        problem,
    };
    let (user, field) = split_entry(entry).map_err(|problem| error(None, problem))?;
    let ends_with_blank = ended.last().is_some_and(is_blank);
    check_user_name(user)
        .and_then(|()| parse_field(field, ends_with_blank, caps))
        .map(|verifier| Some((user.to_vec(), verifier)))
        .map_err(|problem| error(shown(user), problem))
}

/// The user name, and what follows its colon. Refuses what has no user name that could be told.
fn split_entry(entry: &[u8]) -> Result<(&[u8], &[u8]), HtpasswdProblem> {
    if entry.contains(&b'\r') {
        return Err(HtpasswdProblem::CarriageReturn);
    }
    if is_quoted(entry) {
        return Err(HtpasswdProblem::Quoted);
    }
    if is_placeholder(entry) {
        return Err(HtpasswdProblem::Hash(HashError::Placeholder));
    }
    if is_file_name(entry) {
        return Err(HtpasswdProblem::FileName);
    }
    let Some((user, field)) = split_at(entry, b':') else {
        return Err(without_colon(entry));
    };
    // Werkzeug's hashes have colons: what looks like a user may be the start of one.
    let is_split = applications::own_colons(entry) > 0 && !starts_like_hash(field);
    if starts_like_hash(user) || is_split && starts_like_hash(entry) {
        return Err(HtpasswdProblem::HashFirst);
    }
    if has_hash_inside(user) {
        return Err(HtpasswdProblem::MissingColon);
    }
    if user.starts_with(b"- ") {
        return Err(HtpasswdProblem::ListMarker);
    }
    if is_assignment(user) {
        return Err(HtpasswdProblem::Assignment);
    }
    Ok((user, field))
}

/// Where other servers are told the name of the file with their users.
fn is_file_name(entry: &[u8]) -> bool {
    match entry {
        [b'/', ..] | [b'.' | b'~' | b'@', b'/', ..] => !entry.contains(&b':'),
        _ => entry.starts_with(b"file:/"),
    }
}

/// The variable of an env file or a shell in front of the user: `USERS=alice`, `export U=alice`. Shorter ones
/// may be of a distinguished name, such as `UID=alice`.
fn is_assignment(user: &[u8]) -> bool {
    if user.starts_with(b"export ") {
        return true;
    }
    split_at(user, b'=').is_some_and(|(variable, _)| {
        variable.len() > 3
            && variable.first().is_some_and(u8::is_ascii_uppercase)
            && variable
                .iter()
                .all(|octet| octet.is_ascii_uppercase() || octet.is_ascii_digit() || *octet == b'_')
    })
}

/// Whether a hash, or a password after its label, stands behind something else.
fn has_hash_inside(user: &[u8]) -> bool {
    let start = user.iter().position(|octet| b"${".contains(octet));
    let from = start.and_then(|start| user.get(start..));
    from.is_some_and(starts_like_hash)
}

/// Quotes around a whole entry, which env files keep, or around its user name. It may be in brackets, and
/// a comma may follow, as in a list.
fn is_quoted(entry: &[u8]) -> bool {
    let inside = match entry {
        [b'[' | b'{', inside @ ..] => inside.trim_ascii_start(),
        _ => entry,
    };
    let [quote @ (b'"' | b'\'' | b'`'), rest @ ..] = inside else {
        return starts_with_curly_quote(entry);
    };
    let end = rest.iter().rposition(|octet| !b",]} ".contains(octet));
    let rest = end.and_then(|end| rest.get(..=end)).unwrap_or_default();
    let user = split_at(rest, b':').map(|(user, _)| user);
    rest.ends_with(&[*quote]) || user.is_some_and(|user| user.ends_with(&[*quote]))
}

fn without_colon(entry: &[u8]) -> HtpasswdProblem {
    let is_text = |octets: Vec<u8>| {
        let mut lines = octets.split(|octet| *octet == b'\n');
        lines.any(|line| split_at(line, b':').is_some_and(|(_, field)| starts_like_hash(field)))
    };
    if starts_like_hash(entry) {
        HtpasswdProblem::HashFirst
    } else if decoded_base64(entry).is_some_and(is_text) {
        HtpasswdProblem::Base64
    } else {
        HtpasswdProblem::NoColon
    }
}

fn check_user_name(user: &[u8]) -> Result<(), HtpasswdProblem> {
    if user.is_empty() || user.last().is_some_and(is_blank) {
        return Err(HtpasswdProblem::UserName);
    }
    if user.iter().any(u8::is_ascii_control) {
        return Err(HtpasswdProblem::ControlCharacter);
    }
    if !has_visible_ends(user) {
        return Err(HtpasswdProblem::Invisible);
    }
    Ok(())
}

/// Parses what follows the user's colon. A plain password may hold colons, and a blank at its end
/// may belong to it or not. What follows the colon of a hash is a comment.
fn parse_field(
    field: &[u8],
    ends_with_blank: bool,
    caps: &HashCostCaps,
) -> Result<Verifier, HtpasswdProblem> {
    if field.first().is_some_and(is_blank) {
        return Err(HtpasswdProblem::Blank);
    }
    let (stored, rest) = if let Some(password) = field.strip_prefix(ldap::PLAIN) {
        if ends_with_blank {
            return Err(HtpasswdProblem::Blank);
        }
        if !password.is_empty() && !has_visible_ends(password) {
            return Err(HtpasswdProblem::Invisible);
        }
        (field, split_at(password, b':').map(|(_, rest)| rest))
    } else {
        split_comment(field)
    };
    if stored.is_empty() && rest.is_some() {
        return Err(HtpasswdProblem::TwoColons);
    }
    if rest.is_some_and(starts_like_hash) && is_bare_text(stored) && separator(stored).is_none() {
        return Err(HtpasswdProblem::Hash(HashError::Before));
    }
    if let Some(before) = rest.and_then(|rest| another_user(field, rest)) {
        return Err(HtpasswdProblem::SeveralUsers(before));
    }
    Verifier::parse(stored, caps).map_err(|error| match rest {
        Some(digest) if error == HashError::BareText && is_hexadecimal_digest(digest) => {
            // MD5 of user, realm and password (RFC 7616, 3.4.2), after the realm.
            if digest.len() == 32 {
                HtpasswdProblem::Htdigest
            } else {
                HtpasswdProblem::Hash(HashError::Hexadecimal)
            }
        }
        // A damaged hash of Werkzeug, which has colons.
        Some(rest) if error == HashError::BareText && rest.contains(&b'$') => {
            HtpasswdProblem::Hash(HashError::UnknownPrefix)
        }
        _ => HtpasswdProblem::Hash(error),
    })
}

/// The hash, and what follows its colon.
fn split_comment(field: &[u8]) -> (&[u8], Option<&[u8]>) {
    let colons = field
        .iter()
        .enumerate()
        .filter(|(_, octet)| **octet == b':');
    let end = colons
        .map(|(at, _)| at)
        .nth(applications::own_colons(field));
    let split = end.and_then(|end| field.split_at_checked(end));
    split.map_or((field, None), |(hash, rest)| {
        (hash, rest.strip_prefix(b":"))
    })
}

/// What stands before the name of another user on the same line, if there is one: a hash follows a
/// colon again, or behind a separator the mark of a locked user. `rest` is what follows the first
/// colon of the field.
fn another_user(field: &[u8], mut rest: &[u8]) -> Option<&'static str> {
    loop {
        let before = field.len().checked_sub(rest.len());
        let separator = before.and_then(|end| separator(field.get(..end)?));
        if starts_like_hash(rest) {
            return Some(separator.unwrap_or("no line end"));
        }
        if separator.is_some() && starts_with_lock(rest) {
            return separator;
        }
        (_, rest) = split_at(rest, b':')?;
    }
}

/// Whether a text is the mark of a locked user, up to its end or to what separates it from the next.
fn starts_with_lock(text: &[u8]) -> bool {
    let mut parts = text.split(|octet| SEPARATORS.contains(octet));
    matches!(parts.next(), Some(b"*" | b"!" | b"!!" | b"!*"))
}

/// The last of the separators in a text, in words.
fn separator(text: &[u8]) -> Option<&'static str> {
    let found = text.iter().rev().find(|octet| SEPARATORS.contains(octet))?;
    Some(match found {
        b',' => "a comma",
        b';' => "a semicolon",
        b' ' | b'\t' => "a blank",
        _ => "a `\\n` that is no line end",
    })
}

/// Nothing of what could be a hash or its remains: the columns may have been swapped.
fn shown(user: &[u8]) -> Option<String> {
    let is_name =
        !user.is_empty() && !user.iter().any(|octet| b"${}".contains(octet)) && is_bare_text(user);
    let user = String::from_utf8_lossy(user);
    is_name.then(|| user.chars().take(SHOWN_CHARACTERS).collect())
}

fn is_blank(octet: &u8) -> bool {
    matches!(octet, b' ' | b'\t')
}

/// Without blanks at both ends, and without byte order marks at the start.
fn trim(mut text: &[u8]) -> &[u8] {
    loop {
        text = match text {
            [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] => rest,
            _ => match text.strip_prefix(BYTE_ORDER_MARK) {
                Some(rest) => rest,
                None => return text,
            },
        };
    }
}

#[cfg(test)]
mod tests;
