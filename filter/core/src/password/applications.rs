//! Hashes of web frameworks, which start with the name of their function: Django's and Werkzeug's.

use super::cost::HashCostCaps;
use super::encoding::{decode_hex, decode_padded};
use super::error::HashError;
use super::fields::Fields;
use super::format::Format;
use super::pbkdf2::Pbkdf2;
use super::scrypt::Scrypt;
use super::{Scheme, unsupported};

/// How the forms of PBKDF2 start, and how their digests are encoded.
const PBKDF2: [(&[u8], Format, Decode); 5] = [
    (b"pbkdf2_sha1$", Format::Pbkdf2Sha1, decode_padded),
    (b"pbkdf2_sha256$", Format::Pbkdf2Sha256, decode_padded),
    (b"pbkdf2:sha1:", Format::Pbkdf2Sha1, decode_hex),
    (b"pbkdf2:sha256:", Format::Pbkdf2Sha256, decode_hex),
    (b"pbkdf2:sha512:", Format::Pbkdf2Sha512, decode_hex),
];

type Decode = fn(&[u8]) -> Option<Vec<u8>>;

/// Parses what starts with the name of a function. `None` if it starts with none that is known.
pub(super) fn parse(hash: &[u8], caps: &HashCostCaps) -> Option<Result<Scheme, HashError>> {
    for (prefix, format, decode) in PBKDF2 {
        if let Some(rest) = hash.strip_prefix(prefix) {
            let parsed = Pbkdf2::parse_with_salt_text(format, Fields::of(rest), decode, caps);
            return Some(parsed.map(Scheme::Pbkdf2));
        }
    }
    if let Some(rest) = hash.strip_prefix(b"scrypt:") {
        return Some(Scrypt::parse_werkzeug(Fields::of(rest), caps).map(Scheme::Scrypt));
    }
    if let Some(rest) = hash.strip_prefix(b"scrypt$") {
        return Some(Scrypt::parse_django(Fields::of(rest), caps).map(Scheme::Scrypt));
    }
    // Behind these stands the hash as it is anywhere else, with its own `$` at the start.
    let is_wrapped = |rest: &&[u8], start: &[u8]| rest.starts_with(start);
    if let Some(rest) = hash
        .strip_prefix(b"argon2")
        .filter(|rest| is_wrapped(rest, b"$argon2"))
    {
        return Some(Scheme::parse_modular(rest, caps));
    }
    if let Some(rest) = hash
        .strip_prefix(b"bcrypt$")
        .filter(|rest| is_wrapped(rest, b"$2"))
    {
        return Some(Scheme::parse_modular(rest, caps));
    }
    unsupported::with_name(hash).map(Err)
}

/// How many colons belong to a hash itself, so that what follows the next one is a comment.
pub(super) fn own_colons(hash: &[u8]) -> usize {
    let starts = |start: &[u8]| hash.starts_with(start);
    if starts(b"scrypt:") {
        3
    } else if starts(b"pbkdf2:") {
        2
    } else if starts(b"#jbcrypt:") {
        1
    } else {
        0
    }
}
