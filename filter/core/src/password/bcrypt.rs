//! bcrypt: `$2b$12$` salt digest.
//!
//! `$2a$`, `$2b$` and `$2y$` name the same function today. They differ in the faults of the
//! implementations that wrote them: OpenBSD's early `$2a$` counted the length of passwords over 255
//! octets wrongly, which are refused here; crypt_blowfish's `$2a$` (libxcrypt, `mkpasswd -m
//! bcrypt-a`) alters the hash of a few passwords with octets over 0x7F, which do not match here.

use blowfish::Blowfish;
use subtle::ConstantTimeEq;

use super::check::{Check, Verdict, Work};
use super::cost::{Cost, HashCostCaps};
use super::crypt::{Secret, concatenated};
use super::encoding::decode_bcrypt;
use super::error::{HashError, Part};
use super::fields::{Fields, decimal};
use super::format::Format;

/// The key of Blowfish. Most implementations cut a longer password here without a word.
pub(super) const MAX_PASSWORD_OCTETS: usize = 72;

/// How often one step expands key and salt: each takes 25 to 40 µs in the Wasm VM.
const EXPANSIONS_A_STEP: u32 = 2;

/// What is encrypted in the end, `OrpheanBeholderScryDoubt`, as the blocks of Blowfish.
const TEXT: [[u32; 2]; 3] = [
    [0x4f72_7068, 0x6561_6e42],
    [0x6568_6f6c, 0x6465_7253],
    [0x6372_7944, 0x6f75_6274],
];

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

    /// Starts the key expansions. A NUL would end the password, so that others than the right one
    /// match: it never does.
    pub(super) fn begin(&self, password: &[u8]) -> Check {
        if password.contains(&0) {
            return Check::done(Verdict::Mismatch);
        }
        // The NUL at the end of the password belongs to the key, if there is room for it.
        let mut key = concatenated(&[password, &[0]]);
        key.truncate(MAX_PASSWORD_OCTETS);
        let mut state = Blowfish::bc_init_state();
        state.salted_expand_key(&self.salt, &key);
        Check::running(Expansions {
            state,
            key,
            left: 1 << self.cost,
            salt: self.salt,
            digest: self.digest,
        })
    }

    pub(super) fn microseconds(&self) -> u64 {
        52 << self.cost
    }
}

/// The key expansions that make bcrypt slow, over Blowfish of the crate `blowfish`.
struct Expansions {
    /// Overwritten on drop by its crate.
    state: Blowfish,
    key: Secret,
    /// How many are still to be made, each with key and salt.
    left: u32,
    salt: [u8; 16],
    digest: [u8; 23],
}

impl Work for Expansions {
    fn step(&mut self) -> Option<bool> {
        let count = self.left.min(EXPANSIONS_A_STEP);
        for _ in 0..count {
            self.state.bc_expand_key(&self.key);
            self.state.bc_expand_key(&self.salt);
        }
        self.left -= count;
        (self.left == 0).then(|| self.is_match())
    }
}

impl Expansions {
    fn is_match(&self) -> bool {
        let encrypt = |block| (0..64).fold(block, |block, _| self.state.bc_encrypt(block));
        let words = TEXT.map(encrypt);
        let octets = words
            .as_flattened()
            .iter()
            .flat_map(|word| word.to_be_bytes());
        let digest = Secret::new(octets.collect());
        digest
            .get(..self.digest.len())
            .is_some_and(|digest| digest.ct_eq(&self.digest).into())
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
