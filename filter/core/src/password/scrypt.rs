//! scrypt (RFC 7914): `$scrypt$ln=16,r=8,p=1$` salt `$` digest as a PHC string and from passlib, and
//! crypt's `$7$` N r p salt `$` digest.

use core::hint::black_box;

use ::scrypt::Params;

use super::constant_time::is_equal;
use super::cost::{Cost, HashCostCaps, check_memory};
use super::encoding::{crypt_number, decode_crypt, decode_unpadded};
use super::error::{HashError, Part};
use super::fields::{Fields, is_salt_text, parameters};
use super::format::Format;

#[derive(Clone)]
pub(super) struct Scrypt {
    params: ScryptParams,
    salt: Box<[u8]>,
    /// scrypt's output of fewer octets is the start of that of more: only 32 are accepted, so that
    /// no hash is a cut one.
    digest: [u8; 32],
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
                .and_then(|digest| digest.try_into().ok())
                .ok_or(malformed(
                    Part::Digest,
                    "32 octets in base64 without padding",
                ))?,
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
                .and_then(|digest| digest.try_into().ok())
                .ok_or(malformed(
                    Part::Digest,
                    "43 characters of crypt's base64, no bits over",
                ))?,
        })
    }

    pub(super) fn verify(&self, password: &[u8]) -> bool {
        let ScryptParams { log_n, r, p } = self.params;
        let Ok(params) = Params::new(log_n, r, p) else {
            return false;
        };
        // Behind a black box, or its loops would be inlined here and compiled for size.
        let scrypt: fn(&[u8], &[u8], &Params, &mut [u8]) -> _ = ::scrypt::scrypt;
        let scrypt = black_box(scrypt);
        let mut output = [0; 32];
        is_memory_available(self.params.octets())
            && scrypt(password, &self.salt, &params, &mut output).is_ok()
            && is_equal(&output, &self.digest)
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
        check_memory(
            Format::Scrypt,
            Some(params.table_octets()),
            params.buffer_octets(),
        )?;
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

/// Whether so many octets can be had. The scrypt crate aborts when its own request for them fails,
/// and in a Wasm VM that ends the VM. The VM has one thread: what was free just now still is.
fn is_memory_available(octets: u64) -> bool {
    let mut table = Vec::<u8>::new();
    usize::try_from(octets)
        .is_ok_and(|octets| black_box(&mut table).try_reserve_exact(octets).is_ok())
}

fn malformed(part: Part, expected: &'static str) -> HashError {
    HashError::malformed(Format::Scrypt, part, expected)
}
