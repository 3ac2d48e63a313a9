//! MD5-crypt (Poul-Henning Kamp's for FreeBSD): `$1$` salt `$` digest, and Apache's `$apr1$`, which
//! differs in the prefix only.

use super::check::Work;
use super::crypt::{self, Stretching};
use super::encoding::decode_crypt;
use super::error::{HashError, Part};
use super::fields::{Fields, is_salt_text};
use super::format::Format;
use md5::{Digest, Md5};
use zeroize::Zeroizing;

/// Which octet of the digest is written where.
const ORDER: [u8; 16] = [12, 6, 0, 13, 7, 1, 14, 8, 2, 15, 9, 3, 5, 10, 4, 11];

pub(super) const MICROSECONDS: u64 = 200;

#[derive(Clone)]
pub(super) struct Md5Crypt {
    /// Hashed with the password: `$1$` or `$apr1$`.
    prefix: &'static [u8],
    salt: Box<[u8]>,
    /// In the order in which it is written.
    digest: [u8; 16],
}

impl Md5Crypt {
    /// Parses what follows `$1$` or `$apr1$`.
    pub(super) fn parse(format: Format, fields: Fields<'_>) -> Result<Self, HashError> {
        let malformed = |part, expected| HashError::malformed(format, part, expected);
        let [salt, digest] = fields.exactly().ok_or(malformed(
            Part::Fields,
            "two after the prefix: salt, digest",
        ))?;
        if !is_salt_text(salt, 8) {
            return Err(malformed(
                Part::Salt,
                "at most 8 printable characters without `:`",
            ));
        }
        let digest = decode_crypt(digest)
            .and_then(|digest| digest.try_into().ok())
            .ok_or(malformed(
                Part::Digest,
                "22 characters of crypt's base64, no bits over",
            ))?;
        let prefix: &[u8] = if format == Format::Apr1 {
            b"$apr1$"
        } else {
            b"$1$"
        };
        Ok(Self {
            prefix,
            salt: salt.into(),
            digest,
        })
    }

    pub(super) fn format(&self) -> Format {
        if self.prefix == b"$apr1$" {
            Format::Apr1
        } else {
            Format::Md5Crypt
        }
    }

    pub(super) fn begin(&self, password: &[u8]) -> Work {
        let Self {
            prefix,
            salt,
            digest,
        } = self;
        let alternate = Md5::new()
            .chain_update(password)
            .chain_update(salt)
            .chain_update(password)
            .finalize();
        // A one is a NUL and a zero the first octet of the password: not what its author intended,
        // but what everyone does since.
        let first_octet = password.get(..1).unwrap_or_default();
        let inputs = [password, prefix, &**salt];
        let first = crypt::first_digest::<Md5>(inputs, &alternate, [&[0], first_octet]);
        let texts = [password, &**salt].map(|text| Zeroizing::new(text.to_vec()));
        Work::Md5Crypt(Stretching::new(first, texts, 1000, &ORDER, *digest))
    }
}
