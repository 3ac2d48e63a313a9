//! Argon2 (RFC 9106) as a PHC string: `$argon2id$v=19$m=65536,t=3,p=4$` salt `$` digest.

use ::argon2::{Algorithm, Params, Version};

use subtle::ConstantTimeEq;

use super::check::Check;
use super::cost::{Cost, HashCostCaps};
use super::encoding::decode_unpadded;
use super::error::{HashError, Part};
use super::fields::{Fields, parameters_in_any_order};
use super::format::Format;
use super::memory::check_memory;

const MAX_DIGEST_OCTETS: usize = 64;

#[derive(Clone)]
pub(super) struct Argon2 {
    algorithm: Algorithm,
    version: Version,
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    salt: Box<[u8]>,
    /// From 16 to 64 octets. Its length goes into every octet of it, so that a part of a digest is
    /// never the digest of the part's length.
    digest: Box<[u8]>,
}

impl Argon2 {
    /// Parses what follows `$argon2id$` or `$argon2i$`. Without `v=` it is version 16, as the PHC
    /// string format has it.
    pub(super) fn parse(
        format: Format,
        mut fields: Fields<'_>,
        caps: &HashCostCaps,
    ) -> Result<Self, HashError> {
        let malformed = |part, expected| HashError::malformed(format, part, expected);
        let version = match fields.next_if(b"v=") {
            Some(b"19") => Version::V0x13,
            Some(b"16") | None => Version::V0x10,
            Some(_) => return Err(malformed(Part::Version, "19 or 16")),
        };
        let [costs, salt, digest] = fields.exactly().ok_or(malformed(
            Part::Fields,
            "three after the version: parameters, salt, digest",
        ))?;
        let [memory_kib, passes, lanes] = parameters_in_any_order(costs, [b"m", b"t", b"p"])
            .filter(|[memory, passes, lanes]| {
                *passes >= 1 && (1..=255).contains(lanes) && *memory >= 8 * lanes
            })
            .ok_or(malformed(
                Part::Parameters,
                "`m=…,t=…,p=…` in any order, with t from 1, p from 1 to 255, m from 8 times p, and no other",
            ))?;
        check_memory(format, Some(u64::from(memory_kib) * 1024), Some(0))?;
        caps.check(Cost::Argon2Memory, memory_kib.into())?;
        caps.check(
            Cost::Argon2MemoryTimesPasses,
            u64::from(memory_kib) * u64::from(passes),
        )?;
        Ok(Self {
            algorithm: match format {
                Format::Argon2i => Algorithm::Argon2i,
                _ => Algorithm::Argon2id,
            },
            version,
            memory_kib,
            passes,
            lanes,
            salt: decode_unpadded(salt)
                .filter(|salt| (8..=64).contains(&salt.len()))
                .ok_or(malformed(
                    Part::Salt,
                    "8 to 64 octets in base64 without padding",
                ))?
                .into(),
            digest: decode_unpadded(digest)
                .filter(|digest| (16..=MAX_DIGEST_OCTETS).contains(&digest.len()))
                .ok_or(malformed(
                    Part::Digest,
                    "16 to 64 octets in base64 without padding",
                ))?
                .into(),
        })
    }

    pub(super) fn format(&self) -> Format {
        match self.algorithm {
            Algorithm::Argon2i => Format::Argon2i,
            _ => Format::Argon2id,
        }
    }

    /// One step: the crate cannot be stopped amid its memory.
    pub(super) fn begin(&self, password: &[u8]) -> Check {
        let stored = self.clone();
        Check::in_one_step(password, move |password| stored.is_match(password))
    }

    fn is_match(&self, password: &[u8]) -> bool {
        let mut output = [0; MAX_DIGEST_OCTETS];
        let Some(output) = output.get_mut(..self.digest.len()) else {
            return false;
        };
        let params = Params::new(self.memory_kib, self.passes, self.lanes, Some(output.len()));
        // A failed allocation is an error here and no trap.
        let is_computed = params.is_ok_and(|params| {
            ::argon2::Argon2::new(self.algorithm, self.version, params)
                .hash_password_into(password, &self.salt, output)
                .is_ok()
        });
        is_computed && bool::from(output.ct_eq(&self.digest))
    }

    pub(super) fn microseconds(&self) -> u64 {
        u64::from(self.memory_kib) * u64::from(self.passes) * 62 / 100
    }
}
