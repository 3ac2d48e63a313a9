//! SHA-crypt (Ulrich Drepper's "Unix crypt using SHA-256 and SHA-512"): `$6$rounds=5000$` salt `$`
//! digest.

use super::MAX_PASSWORD_OCTETS;
use super::check::Work;
use super::cost::{Cost, HashCostCaps};
use super::crypt::{self, Stretching};
use super::encoding::decode_crypt;
use super::error::{HashError, Part};
use super::fields::{Fields, decimal, is_salt_text};
use super::format::Format;
use digest::Output;
use sha2::{Sha256, Sha512};
use zeroize::Zeroizing;

/// Which octet of the digest is written where.
const ORDER_SHA256: [u8; 32] = [
    20, 10, 0, 11, 1, 21, 2, 22, 12, 23, 13, 3, 14, 4, 24, 5, 25, 15, 26, 16, 6, 17, 7, 27, 8, 28,
    18, 29, 19, 9, 30, 31,
];

/// Which octet of the digest is written where.
const ORDER_SHA512: [u8; 64] = [
    42, 21, 0, 1, 43, 22, 23, 2, 44, 45, 24, 3, 4, 46, 25, 26, 5, 47, 48, 27, 6, 7, 49, 28, 29, 8,
    50, 51, 30, 9, 10, 52, 31, 32, 11, 53, 54, 33, 12, 13, 55, 34, 35, 14, 56, 57, 36, 15, 16, 58,
    37, 38, 17, 59, 60, 39, 18, 19, 61, 40, 41, 20, 62, 63,
];

const DEFAULT_ROUNDS: u32 = 5000;

#[derive(Clone)]
pub(super) struct ShaCrypt {
    rounds: u32,
    salt: Box<[u8]>,
    digest: Digest,
}

/// The octets of the digest in the order in which they are written.
#[derive(Clone)]
enum Digest {
    Sha256([u8; 32]),
    Sha512(Box<[u8; 64]>),
}

impl ShaCrypt {
    /// Parses what follows `$5$` or `$6$`. Rounds are as crypt prints them: it raises what is
    /// under 1000 and lowers what is over 999,999,999 before it prints, so neither is a hash.
    pub(super) fn parse(
        format: Format,
        mut fields: Fields<'_>,
        caps: &HashCostCaps,
    ) -> Result<Self, HashError> {
        let malformed = |part, expected| HashError::malformed(format, part, expected);
        let rounds = match fields.next_if(b"rounds=") {
            None => DEFAULT_ROUNDS,
            Some(rounds) => decimal(rounds)
                .filter(|rounds| (1000..=999_999_999).contains(rounds))
                .ok_or(malformed(
                    Part::Parameters,
                    "`rounds=` from 1000 to 999999999",
                ))?,
        };
        caps.check(Cost::ShaCryptRounds, rounds.into())?;
        let [salt, digest] = fields.exactly().ok_or(malformed(
            Part::Fields,
            "two after the rounds: salt, digest",
        ))?;
        if !is_salt_text(salt, 16) {
            return Err(malformed(
                Part::Salt,
                "at most 16 printable characters without `:`",
            ));
        }
        Ok(Self {
            rounds,
            salt: salt.into(),
            digest: Digest::parse(format, digest).ok_or(malformed(
                Part::Digest,
                "43 (`$5$`) or 86 (`$6$`) characters of crypt's base64, no bits over",
            ))?,
        })
    }

    pub(super) fn format(&self) -> Format {
        match self.digest {
            Digest::Sha256(_) => Format::Sha256Crypt,
            Digest::Sha512(_) => Format::Sha512Crypt,
        }
    }

    /// The longest password in octets that is hashed: each round hashes the whole of it, so the
    /// more rounds, the fewer. 512 up to 125,000 rounds, 128 from 500,000 on.
    pub(super) fn longest_password(&self) -> usize {
        let octets = 64_000_000 / self.rounds.max(1);
        usize::try_from(octets)
            .unwrap_or(usize::MAX)
            .clamp(128, MAX_PASSWORD_OCTETS)
    }

    pub(super) fn begin(&self, password: &[u8]) -> Work {
        if password.len() > self.longest_password() {
            return Work::Known(false);
        }
        match &self.digest {
            Digest::Sha256(stored) => {
                let (first, texts) = start::<Sha256>(password, &self.salt);
                let stored = *stored;
                Work::Sha256Crypt(Stretching::new(first, texts, self.rounds, &ORDER_SHA256, stored))
            }
            Digest::Sha512(stored) => {
                let (first, texts) = start::<Sha512>(password, &self.salt);
                let stored = **stored;
                let rounds = Stretching::new(first, texts, self.rounds, &ORDER_SHA512, stored);
                Work::Sha512Crypt(Box::new(rounds))
            }
        }
    }

    pub(super) fn microseconds(&self) -> u64 {
        let nanoseconds = match self.digest {
            Digest::Sha256(_) => 430,
            Digest::Sha512(_) => 340,
        };
        u64::from(self.rounds) * nanoseconds / 1000
    }
}

impl Digest {
    fn parse(format: Format, text: &[u8]) -> Option<Self> {
        let octets = decode_crypt(text)?;
        match format {
            Format::Sha256Crypt => octets.try_into().ok().map(Self::Sha256),
            _ => octets.into_boxed_slice().try_into().ok().map(Self::Sha512),
        }
    }
}

/// The steps 1 to 20 of the specification: the digest that the rounds start from, and what stands for
/// password and salt in them.
fn start<D: digest::Digest>(
    password: &[u8],
    salt: &[u8],
) -> (Output<D>, [Zeroizing<Vec<u8>>; 2]) {
    let alternate = D::new()
        .chain_update(password)
        .chain_update(salt)
        .chain_update(password)
        .finalize();
    let parts = [password, &[], salt];
    let first = crypt::first_digest::<D>(parts, &alternate, [&alternate, password]);
    let times = |text: &[u8], count: usize| {
        let mut hash = D::new();
        (0..count).for_each(|_| hash.update(text));
        hash.finalize()
    };
    let of_password = times(password, password.len());
    let of_salt = times(salt, 16 + first.first().copied().map_or(0, usize::from));
    let texts = [
        crypt::repeated(&of_password, password.len()),
        crypt::repeated(&of_salt, salt.len()),
    ];
    (first, texts)
}
