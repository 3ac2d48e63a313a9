//! Labels in braces, as directory and mail servers and frameworks write them in front of a hash.

use super::cost::HashCostCaps;
use super::error::HashError;
use super::fields::{Fields, split_at};
use super::format::Format;
use super::ldap::{self, Plain, SaltedDigest};
use super::pbkdf2::Pbkdf2;
use super::{Scheme, unsupported};

/// Labels of hashes that name their format themselves, and which formats may stand behind each.
/// Their case does not count.
const OF_HASHES: [(&[u8], &[Format]); 11] = [
    (b"ARGON2", &[Format::Argon2i, Format::Argon2id]),
    (b"ARGON2I", &[Format::Argon2i]),
    (b"ARGON2ID", &[Format::Argon2id]),
    (b"ARGON2@SPRINGSECURITY_V5_8", &[Format::Argon2id]),
    (b"BCRYPT", &[Format::Bcrypt]),
    (b"BLF-CRYPT", &[Format::Bcrypt]),
    (
        b"CRYPT",
        &[
            Format::Bcrypt,
            Format::Md5Crypt,
            Format::Scrypt,
            Format::Sha256Crypt,
            Format::Sha512Crypt,
            Format::Yescrypt,
        ],
    ),
    (b"MD5", &[Format::Md5Crypt]),
    (b"MD5-CRYPT", &[Format::Md5Crypt]),
    (b"SHA256-CRYPT", &[Format::Sha256Crypt]),
    (b"SHA512-CRYPT", &[Format::Sha512Crypt]),
];

/// Parses what starts with `{`.
pub(super) fn parse(hash: &[u8], caps: &HashCostCaps) -> Result<Scheme, HashError> {
    if let Some(password) = hash.strip_prefix(ldap::PLAIN) {
        return Plain::parse(password).map(Scheme::Plain);
    }
    let (label, rest) = split_at(hash, b'}').ok_or(HashError::UnknownScheme)?;
    let label = label.strip_prefix(b"{").unwrap_or_default();
    if let Some(format) = format_of_digest(label) {
        return SaltedDigest::parse(format, rest).map(Scheme::SaltedDigest);
    }
    if let Some(format) = format_of_pbkdf2(label) {
        return parse_pbkdf2(format, rest, caps).map(Scheme::Pbkdf2);
    }
    let mut of_hashes = OF_HASHES.iter();
    match of_hashes.find(|(name, _)| label.eq_ignore_ascii_case(name)) {
        Some((_, formats)) if rest.starts_with(b"$") => {
            Scheme::parse_modular(rest, caps).and_then(|scheme| {
                let is_meant = formats.contains(&scheme.format());
                is_meant.then_some(scheme).ok_or(HashError::OtherLabel)
            })
        }
        Some((b"CRYPT", _)) => {
            Err(unsupported::without_prefix(rest).unwrap_or(HashError::OtherLabel))
        }
        Some((name, _)) if *name != b"MD5" => Err(HashError::OtherLabel),
        _ => Err(unsupported::with_label(label).unwrap_or(HashError::UnknownScheme)),
    }
}

/// One round of SHA, from LDAP (RFC 2307, 5.3) and OpenLDAP's `pw-sha2`; `{SHA1}` is Dovecot's.
fn format_of_digest(label: &[u8]) -> Option<Format> {
    Some(match label {
        b"SHA" | b"SHA1" => Format::Sha,
        b"SSHA" => Format::Ssha,
        b"SHA256" => Format::Sha256,
        b"SSHA256" => Format::Ssha256,
        b"SHA512" => Format::Sha512,
        b"SSHA512" => Format::Ssha512,
        _ => return None,
    })
}

fn format_of_pbkdf2(label: &[u8]) -> Option<Format> {
    Some(match label {
        b"PBKDF2" | b"PBKDF2-SHA1" => Format::Pbkdf2Sha1,
        b"PBKDF2-SHA256" => Format::Pbkdf2Sha256,
        b"PBKDF2-SHA512" => Format::Pbkdf2Sha512,
        _ => return None,
    })
}

/// `{PBKDF2}` is OpenLDAP's, Dovecot's and Elasticsearch's. Dovecot's starts with `$1$`, and only
/// Elasticsearch's has padding.
fn parse_pbkdf2(format: Format, rest: &[u8], caps: &HashCostCaps) -> Result<Pbkdf2, HashError> {
    if format == Format::Pbkdf2Sha1 {
        if let Some(rest) = rest.strip_prefix(b"$1$") {
            return Pbkdf2::parse_dovecot(Fields::of(rest), caps);
        }
        if rest.ends_with(b"=") {
            return Pbkdf2::parse_padded(32, Fields::of(rest), caps);
        }
    }
    Pbkdf2::parse(format, Fields::of(rest), caps)
}
