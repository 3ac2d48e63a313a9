//! bcrypt: `$2b$12$` salt digest.
//!
//! `$2a$`, `$2b$` and `$2y$` name the same function today. They differ in the faults of the
//! implementations that wrote them: OpenBSD's early `$2a$` counted the length of passwords over 255
//! octets wrongly, which are refused here; crypt_blowfish's `$2a$` (libxcrypt, `mkpasswd -m
//! bcrypt-a`) alters the hash of a few passwords with octets over 0x7F, which do not match here.

use super::check::Work;
use super::constant_time::is_equal;
use super::cost::{Cost, HashCostCaps};
use super::encoding::decode_bcrypt;
use super::error::{HashError, Part};
use super::fields::{Fields, decimal};
use super::format::Format;
use blowfish::Blowfish;
use zeroize::Zeroizing;

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

    pub(super) fn begin(&self, password: &[u8]) -> Work {
        let mut key = Zeroizing::new(password.to_vec());
        // The NUL at the end of the password belongs to the key, if there is room for it.
        key.push(0);
        key.truncate(MAX_PASSWORD_OCTETS);
        if password.len() > MAX_PASSWORD_OCTETS || password.contains(&0) {
            return Work::Known(false);
        }
        let mut blowfish = Blowfish::bc_init_state();
        blowfish.salted_expand_key(&self.salt, &key);
        Work::Bcrypt(Box::new(BcryptWork {
            blowfish,
            key,
            bcrypt: self.clone(),
            expansions: 0,
        }))
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

/// bcrypt, key expansion by key expansion.
pub(super) struct BcryptWork {
    blowfish: Blowfish,
    key: Zeroizing<Vec<u8>>,
    bcrypt: Bcrypt,
    expansions: u32,
}

impl BcryptWork {
    /// The expansions of a step, each with the key and with the salt.
    const STEP: u32 = 4;

    /// Some expansions; `None` if there are more.
    pub(super) fn step(&mut self) -> Option<bool> {
        let all = 1_u32.checked_shl(self.bcrypt.cost).unwrap_or(u32::MAX);
        let end = all.min(self.expansions + Self::STEP);
        for _ in self.expansions..end {
            self.blowfish.bc_expand_key(&self.key);
            self.blowfish.bc_expand_key(&self.bcrypt.salt);
        }
        self.expansions = end;
        (end == all).then(|| is_equal(&self.digest(), &self.bcrypt.digest))
    }

    /// "OrpheanBeholderScryDoubt", encrypted 64 times.
    fn digest(&self) -> [u8; 23] {
        let text: [[u32; 2]; 3] = [
            [0x4f72_7068, 0x6561_6e42],
            [0x6568_6f6c, 0x6465_7253],
            [0x6372_7944, 0x6f75_6274],
        ];
        let encrypted = text.map(|block| (0..64).fold(block, |block, _| self.blowfish.bc_encrypt(block)));
        let mut octets = encrypted.into_iter().flatten().flat_map(u32::to_be_bytes);
        [(); 23].map(|()| octets.next().unwrap_or_default())
    }
}
