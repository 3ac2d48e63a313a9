//! scrypt (RFC 7914): `$scrypt$ln=16,r=8,p=1$` salt `$` digest as a PHC string and from passlib,
//! crypt's `$7$` N r p salt `$` digest, Werkzeug's `scrypt:32768:8:1$` salt `$` digest and Django's
//! `scrypt$` N `$` salt `$` r `$` p `$` digest.

use core::hint::black_box;

use ::scrypt::Params;

use subtle::ConstantTimeEq;

use super::check::Check;
use super::cost::{Cost, HashCostCaps};
use super::encoding::{crypt_number, decode_crypt, decode_hex, decode_padded, decode_unpadded};
use super::error::{HashError, Part};
use super::fields::{Fields, decimal, is_salt_text, parameters};
use super::format::Format;
use super::memory::{check_memory, is_memory_available};

#[derive(Clone)]
pub(super) struct Scrypt {
    params: ScryptParams,
    salt: Box<[u8]>,
    /// scrypt's output of fewer octets is the start of that of more: each form has one length, 32 or
    /// 64, so that no hash is a cut one.
    digest: Box<[u8]>,
}

/// Within the bounds of memory and the cap, so that no product of them overflows.
#[derive(Clone)]
struct ScryptParams {
    log_n: u8,
    r: u32,
    p: u32,
}

impl Scrypt {
    /// Parses what follows `$scrypt$`.
    pub(super) fn parse_phc(fields: Fields<'_>, caps: &HashCostCaps) -> Result<Self, HashError> {
        let [costs, salt, digest] = fields
            .exactly()
            .ok_or(malformed(Part::Fields, "three after the prefix"))?;
        let costs = parameters(costs, [b"ln", b"r", b"p"])
            .ok_or(malformed(Part::Parameters, "`ln=…,r=…,p=…` and no other"))?;
        Ok(Self {
            params: ScryptParams::parse(costs, caps)?,
            salt: decode_unpadded(salt)
                .filter(|salt| (1..=1024).contains(&salt.len()))
                .ok_or(malformed(
                    Part::Salt,
                    "1 to 1024 octets in base64 without padding",
                ))?
                .into(),
            digest: decode_unpadded(digest)
                .filter(|digest| digest.len() == 32)
                .ok_or(malformed(
                    Part::Digest,
                    "32 octets in base64 without padding",
                ))?
                .into(),
        })
    }

    /// Parses what follows `$7$`. The salt is hashed as it is written.
    pub(super) fn parse_crypt(fields: Fields<'_>, caps: &HashCostCaps) -> Result<Self, HashError> {
        let [setting, digest] = fields
            .exactly()
            .ok_or(malformed(Part::Fields, "two after the prefix"))?;
        let (costs, salt) = setting.split_at_checked(11).unwrap_or_default();
        let (log_n, block) = costs.split_at_checked(1).unwrap_or_default();
        let (r, p) = block.split_at_checked(5).unwrap_or_default();
        let costs = [log_n, r, p].map(crypt_number);
        let [Some(log_n), Some(r), Some(p)] = costs else {
            return Err(malformed(
                Part::Parameters,
                "11 characters of crypt's base64",
            ));
        };
        if salt.is_empty() || !is_salt_text(salt, 64) {
            return Err(malformed(
                Part::Salt,
                "1 to 64 printable characters without `:`",
            ));
        }
        Ok(Self {
            params: ScryptParams::parse([log_n, r, p], caps)?,
            salt: salt.into(),
            digest: decode_crypt(digest)
                .filter(|digest| digest.len() == 32)
                .ok_or(malformed(
                    Part::Digest,
                    "43 characters of crypt's base64, no bits over",
                ))?
                .into(),
        })
    }

    /// Parses what follows Werkzeug's `scrypt:`.
    pub(super) fn parse_werkzeug(
        fields: Fields<'_>,
        caps: &HashCostCaps,
    ) -> Result<Self, HashError> {
        let [costs, salt, digest] = fields
            .exactly()
            .ok_or(malformed(Part::Fields, "three: costs, salt, digest"))?;
        let mut numbers = costs.split(|octet| *octet == b':').map(decimal);
        let costs = [numbers.next(), numbers.next(), numbers.next()].map(Option::flatten);
        let ([Some(n), Some(r), Some(p)], None) = (costs, numbers.next()) else {
            return Err(malformed(Part::Parameters, "`N:r:p` and no other"));
        };
        Self::with_salt_text([n, r, p], salt, decode_hex(digest), caps)
    }

    /// Parses what follows Django's `scrypt$`.
    pub(super) fn parse_django(fields: Fields<'_>, caps: &HashCostCaps) -> Result<Self, HashError> {
        let [n, salt, r, p, digest] = fields
            .exactly()
            .ok_or(malformed(Part::Fields, "five: N, salt, r, p, digest"))?;
        let [Some(n), Some(r), Some(p)] = [n, r, p].map(decimal) else {
            return Err(malformed(Part::Parameters, "numbers"));
        };
        Self::with_salt_text([n, r, p], salt, decode_padded(digest), caps)
    }

    /// A hash whose salt is hashed as it is written, with N itself and a digest of 64 octets.
    fn with_salt_text(
        [n, r, p]: [u32; 3],
        salt: &[u8],
        digest: Option<Vec<u8>>,
        caps: &HashCostCaps,
    ) -> Result<Self, HashError> {
        if !n.is_power_of_two() {
            return Err(malformed(Part::Parameters, "a power of two for N"));
        }
        if salt.is_empty() || !is_salt_text(salt, 64) {
            return Err(malformed(
                Part::Salt,
                "1 to 64 printable characters without `:`",
            ));
        }
        Ok(Self {
            params: ScryptParams::parse([n.ilog2(), r, p], caps)?,
            salt: salt.into(),
            digest: digest
                .filter(|digest| digest.len() == 64)
                .ok_or(malformed(Part::Digest, "64 octets"))?
                .into(),
        })
    }

    /// One step: the crate cannot be stopped amid its memory.
    pub(super) fn begin(&self, password: &[u8]) -> Check {
        let stored = self.clone();
        Check::in_one_step(password, move |password| stored.is_match(password))
    }

    fn is_match(&self, password: &[u8]) -> bool {
        let ScryptParams { log_n, r, p } = self.params;
        let Ok(params) = Params::new(log_n, r, p) else {
            return false;
        };
        // Behind a black box, or its loops would be inlined here and compiled for size.
        let scrypt: fn(&[u8], &[u8], &Params, &mut [u8]) -> _ = ::scrypt::scrypt;
        let scrypt = black_box(scrypt);
        let mut output = [0; 64];
        let Some(output) = output.get_mut(..self.digest.len()) else {
            return false;
        };
        is_memory_available(self.params.octets())
            && scrypt(password, &self.salt, &params, output).is_ok()
            && bool::from(output.ct_eq(&self.digest))
    }

    pub(super) fn microseconds(&self) -> u64 {
        self.params.work().unwrap_or(u64::MAX) / 3
    }
}

impl ScryptParams {
    fn parse([log_n, r, p]: [u32; 3], caps: &HashCostCaps) -> Result<Self, HashError> {
        let Some(log_n) = u8::try_from(log_n)
            .ok()
            .filter(|log_n| (1..=31).contains(log_n) && r >= 1 && p >= 1)
        else {
            return Err(malformed(
                Part::Parameters,
                "N from 2^1 to 2^31, and r and p from 1",
            ));
        };
        let params = Self { log_n, r, p };
        let (table, buffers) = (params.table_octets(), params.buffer_octets());
        check_memory(Format::Scrypt, Some(table), buffers)?;
        caps.check(
            Cost::ScryptLogN,
            params.work().map_or(u64::MAX, log_n_of_work),
        )?;
        Ok(params)
    }

    /// The octets of the table V, 128 × r × N. From N = 2^24 on it is over the bound anyway, so that
    /// a higher N need not count, and nothing overflows.
    fn table_octets(&self) -> u64 {
        (128 * u64::from(self.r)) << self.log_n.min(24)
    }

    /// The octets of p blocks and of two more.
    fn buffer_octets(&self) -> Option<u64> {
        (128 * u64::from(self.r)).checked_mul(u64::from(self.p) + 2)
    }

    /// All octets that a verification allocates, and something for the allocator.
    fn octets(&self) -> u64 {
        self.table_octets() + self.buffer_octets().unwrap_or_default() + 4096
    }

    /// N × r × p.
    fn work(&self) -> Option<u64> {
        (u64::from(self.r) << self.log_n).checked_mul(u64::from(self.p))
    }
}

/// The `ln` that costs at least as much with r = 8 and p = 1.
fn log_n_of_work(work: u64) -> u64 {
    work.div_ceil(8).next_power_of_two().ilog2().into()
}

fn malformed(part: Part, expected: &'static str) -> HashError {
    HashError::malformed(Format::Scrypt, part, expected)
}
