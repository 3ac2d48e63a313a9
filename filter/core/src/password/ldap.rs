//! One round of SHA, or the password itself: `{SHA}`, `{SSHA}` and their kin from LDAP (RFC 2307,
//! 5.3; OpenLDAP's `pw-sha2`), and `{PLAIN}`.

use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use subtle::ConstantTimeEq;

use super::MAX_PASSWORD_OCTETS;
use super::constant_time::is_stored;
use super::diagnosis::{is_unfilled, looks_like_hash};
use super::encoding::decode_padded;
use super::error::{HashError, Part};
use super::format::Format;

/// What precedes a password as it is.
pub(super) const PLAIN: &[u8] = b"{PLAIN}";

/// A digest of password and salt.
#[derive(Clone)]
pub(super) struct SaltedDigest {
    format: Format,
    digest: Box<[u8]>,
    /// Empty for the formats without.
    salt: Box<[u8]>,
}

impl SaltedDigest {
    /// Parses what follows the label of the format.
    pub(super) fn parse(format: Format, text: &[u8]) -> Result<Self, HashError> {
        let (digest_octets, is_salted) = match format {
            Format::Ssha => (20, true),
            Format::Sha256 => (32, false),
            Format::Ssha256 => (32, true),
            Format::Sha512 => (64, false),
            Format::Ssha512 => (64, true),
            _ => (20, false),
        };
        let malformed = |part, expected| HashError::malformed(format, part, expected);
        let octets = decode_padded(text).ok_or(malformed(
            Part::Digest,
            "in base64 with padding, no bits over",
        ))?;
        let (digest, salt) = octets
            .split_at_checked(digest_octets)
            .ok_or(malformed(Part::Digest, "of its full length"))?;
        match salt.len() {
            4..=64 if is_salted => {}
            0 if !is_salted => {}
            _ if is_salted => {
                return Err(malformed(Part::Salt, "4 to 64 octets after the digest"));
            }
            _ => {
                return Err(malformed(
                    Part::Digest,
                    "of exactly its length; it has no salt",
                ));
            }
        }
        Ok(Self {
            format,
            digest: digest.into(),
            salt: salt.into(),
        })
    }

    /// Parses what follows Mosquitto's `$6$`: SHA-512 of password and salt, as in `{SSHA512}`.
    pub(super) fn parse_mosquitto(salt: &[u8], digest: &[u8]) -> Result<Self, HashError> {
        let malformed = |part, expected| HashError::malformed(Format::Ssha512, part, expected);
        Ok(Self {
            format: Format::Ssha512,
            salt: decode_padded(salt)
                .filter(|salt| (4..=64).contains(&salt.len()))
                .ok_or(malformed(Part::Salt, "4 to 64 octets in base64"))?
                .into(),
            digest: decode_padded(digest)
                .filter(|digest| digest.len() == 64)
                .ok_or(malformed(Part::Digest, "64 octets in base64"))?
                .into(),
        })
    }

    pub(super) fn format(&self) -> Format {
        self.format
    }

    pub(super) fn is_match(&self, password: &[u8]) -> bool {
        match self.format {
            Format::Sha | Format::Ssha => self.is_digest_of::<Sha1>(password),
            Format::Sha256 | Format::Ssha256 => self.is_digest_of::<Sha256>(password),
            _ => self.is_digest_of::<Sha512>(password),
        }
    }

    fn is_digest_of<D: Digest>(&self, password: &[u8]) -> bool {
        let hash = D::new_with_prefix(password).chain_update(&self.salt);
        hash.finalize().ct_eq(&self.digest).into()
    }
}

/// A password that is known itself.
#[derive(Clone)]
pub(super) struct Plain {
    /// Never empty.
    password: Box<[u8]>,
}

impl Plain {
    pub(super) fn new(password: &[u8]) -> Self {
        Self {
            password: password.into(),
        }
    }

    /// Parses what follows `{PLAIN}`.
    pub(super) fn parse(password: &[u8]) -> Result<Self, HashError> {
        if password.is_empty() || password.len() > MAX_PASSWORD_OCTETS {
            return Err(HashError::malformed(
                Format::Plain,
                Part::Password,
                "1 to 512 octets",
            ));
        }
        if password.starts_with(PLAIN) {
            return Err(HashError::OtherSpelling {
                name: "`{PLAIN}` twice",
                cure: "write it once",
            });
        }
        if looks_like_hash(password) {
            return Err(HashError::HashAsPlain);
        }
        if is_unfilled(password) {
            return Err(HashError::Placeholder);
        }
        if password.iter().any(u8::is_ascii_control) {
            let expected = "without control characters (RFC 7617, 2)";
            return Err(HashError::malformed(
                Format::Plain,
                Part::Password,
                expected,
            ));
        }
        Ok(Self::new(password))
    }

    pub(super) fn is_match(&self, password: &[u8]) -> bool {
        is_stored(password, &self.password)
    }
}
