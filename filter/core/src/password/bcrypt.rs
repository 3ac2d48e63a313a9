//! bcrypt: `$2b$12$` salt digest.
//!
//! `$2a$`, `$2b$` and `$2y$` name the same function today. They differ in the faults of the
//! implementations that wrote them: OpenBSD's early `$2a$` counted the length of passwords over 255
//! octets wrongly, which are refused here; crypt_blowfish's `$2a$` (libxcrypt, `mkpasswd -m
//! bcrypt-a`) alters the hash of a few passwords with octets over 0x7F, which do not match here.

use super::constant_time::is_equal;
use super::cost::{Cost, HashCostCaps};
use super::encoding::decode_bcrypt;
use super::error::{HashError, Part};
use super::fields::{Fields, decimal};
use super::format::Format;

/// The key of Blowfish. Most implementations cut a longer password here without a word.
const MAX_PASSWORD_OCTETS: usize = 72;

#[derive(Clone)]
pub(super) struct Bcrypt {
    /// From 4 to the cap.
    cost: u32,
    salt: [u8; 16],
    /// bcrypt drops the last octet of the 24.
    digest: [u8; 23],
}

impl Bcrypt {
    pub(super) fn parse(fields: Fields<'_>, caps: &HashCostCaps) -> Result<Self, HashError> {
        let malformed = |part, expected| HashError::malformed(Format::Bcrypt, part, expected);
        let [cost, salted] = fields
            .exactly()
            .ok_or(malformed(Part::Fields, "two after the prefix"))?;
        let cost = parse_cost(cost).ok_or(malformed(
            Part::Parameters,
            "a cost of two digits from 04 to 31",
        ))?;
        caps.check(Cost::Bcrypt, cost.into())?;
        let (salt, digest) = salted.split_at_checked(22).unwrap_or_default();
        Ok(Self {
            cost,
            salt: decode_bcrypt(salt).ok_or(malformed(
                Part::Salt,
                "22 characters of bcrypt's base64, no bits over",
            ))?,
            digest: decode_bcrypt(digest).ok_or(malformed(
                Part::Digest,
                "31 characters of bcrypt's base64, no bits over",
            ))?,
        })
    }

    pub(super) fn verify(&self, password: &[u8]) -> bool {
        let mut key = [0; MAX_PASSWORD_OCTETS];
        // The NUL at the end of the password belongs to the key, if there is room for it.
        let length = (password.len() + 1).min(MAX_PASSWORD_OCTETS);
        let (Some(start), false) = (key.get_mut(..password.len()), password.contains(&0)) else {
            return false;
        };
        start.copy_from_slice(password);
        let digest = ::bcrypt::bcrypt(self.cost, self.salt, key.get(..length).unwrap_or(&key));
        digest
            .get(..23)
            .is_some_and(|digest| is_equal(digest, &self.digest))
    }

    pub(super) fn microseconds(&self) -> u64 {
        52 << self.cost
    }
}

fn parse_cost(text: &[u8]) -> Option<u32> {
    let cost = match text {
        [b'0', digit] => decimal(&[*digit])?,
        [_, _] => decimal(text)?,
        _ => return None,
    };
    (4..=31).contains(&cost).then_some(cost)
}
