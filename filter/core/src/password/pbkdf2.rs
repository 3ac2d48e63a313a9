//! PBKDF2 (RFC 8018): `$pbkdf2-sha256$i=600000,l=32$` salt `$` digest as a PHC string, passlib's
//! `$pbkdf2-sha256$29000$` salt `$` digest, and what OpenLDAP, Dovecot, Elasticsearch, Mosquitto,
//! Django and Werkzeug write.

use digest::{FixedOutputReset, KeyInit, Output, Update};
use hmac::{EagerHash, HmacReset};
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use super::check::{Check, Verdict, Work};
use super::cost::{Cost, HashCostCaps};
use super::crypt::Secret;
use super::encoding::{decode_hex, decode_padded, decode_passlib, decode_unpadded};
use super::error::{HashError, Part};
use super::fields::{Fields, decimal, is_salt_text, parameters};
use super::format::Format;

const MAX_DIGEST_OCTETS: usize = 64;

/// How many iterations one step makes: each takes 0.2 to 0.8 µs in the Wasm VM.
const ITERATIONS_A_STEP: u32 = 256;

#[derive(Clone)]
pub(super) struct Pbkdf2 {
    function: Function,
    iterations: u32,
    salt: Box<[u8]>,
    digest: Box<[u8]>,
}

/// The hash function under HMAC.
#[derive(Clone, Copy)]
enum Function {
    Sha1,
    Sha256,
    Sha512,
}

/// What the two spellings have in common.
struct Spelling {
    iterations: u32,
    digest_octets: usize,
    decode: fn(&[u8]) -> Option<Vec<u8>>,
}

/// The parts of a hash, each `None` if it is not as its form has it.
struct Parts {
    iterations: Option<u32>,
    salt: Option<Vec<u8>>,
    digest: Option<Vec<u8>>,
    /// PBKDF2's output of fewer octets is the start of that of more, so that each form has one
    /// length: what `l=` says, and without it that of the hash function.
    digest_octets: usize,
}

impl Pbkdf2 {
    /// Parses what follows the prefix of a PHC string, or of a hash of passlib or OpenLDAP.
    pub(super) fn parse(
        format: Format,
        fields: Fields<'_>,
        caps: &HashCostCaps,
    ) -> Result<Self, HashError> {
        let [costs, salt, digest] = three(format, fields)?;
        let Spelling {
            iterations,
            digest_octets,
            decode,
        } = Spelling::parse(Function::of(format), costs).ok_or(HashError::malformed(
            format,
            Part::Parameters,
            "`i=…`, `i=…,l=…` or a number, with i from 1 and l from 16 to 64",
        ))?;
        let parts = Parts {
            iterations: Some(iterations),
            salt: decode(salt),
            digest: decode(digest),
            digest_octets,
        };
        Self::of(format, parts, caps)
    }

    /// Parses what follows Mosquitto's `$7$`, with 64 octets, and Elasticsearch's `{PBKDF2}`, with 32:
    /// both HMAC-SHA-512, with padding.
    pub(super) fn parse_padded(
        digest_octets: usize,
        fields: Fields<'_>,
        caps: &HashCostCaps,
    ) -> Result<Self, HashError> {
        let format = Format::Pbkdf2Sha512;
        let [iterations, salt, digest] = three(format, fields)?;
        let parts = Parts {
            iterations: decimal(iterations),
            salt: decode_padded(salt),
            digest: decode_padded(digest),
            digest_octets,
        };
        Self::of(format, parts, caps)
    }

    /// Parses what follows Dovecot's `{PBKDF2}$1$`: HMAC-SHA-1, and the salt as it is written.
    pub(super) fn parse_dovecot(
        fields: Fields<'_>,
        caps: &HashCostCaps,
    ) -> Result<Self, HashError> {
        let format = Format::Pbkdf2Sha1;
        let [salt, iterations, digest] = three(format, fields)?;
        let parts = Parts {
            iterations: decimal(iterations),
            salt: salt_text(salt),
            digest: decode_hex(digest),
            digest_octets: Function::Sha1.digest_octets(),
        };
        Self::of(format, parts, caps)
    }

    /// Parses what follows Django's `pbkdf2_sha256$`, whose digest is in base64, and Werkzeug's
    /// `pbkdf2:sha256:`, whose digest is in hexadecimal. Both hash the salt as it is written.
    pub(super) fn parse_with_salt_text(
        format: Format,
        fields: Fields<'_>,
        decode: fn(&[u8]) -> Option<Vec<u8>>,
        caps: &HashCostCaps,
    ) -> Result<Self, HashError> {
        let [iterations, salt, digest] = three(format, fields)?;
        let parts = Parts {
            iterations: decimal(iterations),
            salt: salt_text(salt),
            digest: decode(digest),
            digest_octets: Function::of(format).digest_octets(),
        };
        Self::of(format, parts, caps)
    }

    fn of(format: Format, parts: Parts, caps: &HashCostCaps) -> Result<Self, HashError> {
        let malformed = |part, expected| HashError::malformed(format, part, expected);
        let function = Function::of(format);
        let iterations = parts
            .iterations
            .filter(|iterations| *iterations >= 1)
            .ok_or(malformed(Part::Parameters, "a number of iterations from 1"))?;
        let blocks = parts.digest_octets.div_ceil(function.digest_octets());
        caps.check(function.cost(), u64::from(iterations) * blocks as u64)?;
        Ok(Self {
            function,
            iterations,
            salt: parts
                .salt
                .filter(|salt| (1..=1024).contains(&salt.len()))
                .ok_or(malformed(
                    Part::Salt,
                    "1 to 1024 octets in the encoding of this form",
                ))?
                .into(),
            digest: parts
                .digest
                .filter(|digest| digest.len() == parts.digest_octets)
                .ok_or(malformed(
                    Part::Digest,
                    "as long as `l=` says, else as this form has it, in the encoding of this form",
                ))?
                .into(),
        })
    }

    pub(super) fn format(&self) -> Format {
        match self.function {
            Function::Sha1 => Format::Pbkdf2Sha1,
            Function::Sha256 => Format::Pbkdf2Sha256,
            Function::Sha512 => Format::Pbkdf2Sha512,
        }
    }

    /// Starts the iterations.
    pub(super) fn begin(&self, password: &[u8]) -> Check {
        match self.function {
            Function::Sha1 => self.begin_with::<Sha1>(password),
            Function::Sha256 => self.begin_with::<Sha256>(password),
            Function::Sha512 => self.begin_with::<Sha512>(password),
        }
    }

    fn begin_with<D: EagerHash + 'static>(&self, password: &[u8]) -> Check {
        // HMAC takes keys of any length.
        let Ok(hmac) = HmacReset::<D>::new_from_slice(password) else {
            return Check::done(Verdict::Mismatch);
        };
        let mut derivation = Derivation {
            hmac,
            code: Output::<HmacReset<D>>::default(),
            sum: Output::<HmacReset<D>>::default(),
            left: 0,
            iterations: self.iterations,
            salt: self.salt.clone(),
            output: Secret::new(Vec::with_capacity(2 * MAX_DIGEST_OCTETS)),
            digest: self.digest.clone(),
        };
        derivation.begin_block();
        Check::running(derivation)
    }

    pub(super) fn microseconds(&self) -> u64 {
        let blocks = self.digest.len().div_ceil(self.function.digest_octets());
        let nanoseconds = match self.function {
            Function::Sha1 => 190,
            Function::Sha256 => 280,
            Function::Sha512 => 600,
        };
        u64::from(self.iterations) * blocks as u64 * nanoseconds / 1000
    }
}

/// The iterations that make PBKDF2 slow, over HMAC of the crate `hmac`.
struct Derivation<D: EagerHash> {
    /// With the password as its key.
    hmac: HmacReset<D>,
    /// The last one.
    code: Output<HmacReset<D>>,
    /// Of all codes of the block that is being derived.
    sum: Output<HmacReset<D>>,
    /// Iterations of this block.
    left: u32,
    iterations: u32,
    salt: Box<[u8]>,
    /// The blocks that are derived.
    output: Secret,
    digest: Box<[u8]>,
}

impl<D: EagerHash> Derivation<D> {
    /// The first iteration of a block, which is over the salt and the number of the block.
    fn begin_block(&mut self) {
        let number = self.output.len() / self.code.len() + 1;
        self.hmac.update(&self.salt);
        self.hmac.update(&(number as u32).to_be_bytes());
        self.hmac.finalize_into_reset(&mut self.code);
        self.sum = self.code.clone();
        self.left = self.iterations - 1;
    }
}

impl<D: EagerHash> Work for Derivation<D> {
    fn step(&mut self) -> Option<bool> {
        let count = self.left.min(ITERATIONS_A_STEP);
        for _ in 0..count {
            self.hmac.update(&self.code);
            self.hmac.finalize_into_reset(&mut self.code);
            for (sum, code) in self.sum.iter_mut().zip(&self.code) {
                *sum ^= code;
            }
        }
        self.left -= count;
        if self.left > 0 {
            return None;
        }
        self.output.extend_from_slice(&self.sum);
        let Some(output) = self.output.get(..self.digest.len()) else {
            self.begin_block();
            return None;
        };
        Some(output.ct_eq(&self.digest).into())
    }
}

impl<D: EagerHash> Drop for Derivation<D> {
    fn drop(&mut self) {
        self.code.as_mut_slice().zeroize();
        self.sum.as_mut_slice().zeroize();
    }
}

/// Iterations, salt and digest, in the order of the form.
fn three(format: Format, fields: Fields<'_>) -> Result<[&[u8]; 3], HashError> {
    fields.exactly().ok_or(HashError::malformed(
        format,
        Part::Fields,
        "three after the prefix: parameters, salt, digest",
    ))
}

/// A salt that is hashed as it is written.
fn salt_text(salt: &[u8]) -> Option<Vec<u8>> {
    is_salt_text(salt, 128).then(|| salt.to_vec())
}

impl Function {
    fn of(format: Format) -> Self {
        match format {
            Format::Pbkdf2Sha1 => Self::Sha1,
            Format::Pbkdf2Sha512 => Self::Sha512,
            _ => Self::Sha256,
        }
    }

    fn digest_octets(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    fn cost(self) -> Cost {
        match self {
            Self::Sha1 => Cost::Pbkdf2Sha1Iterations,
            Self::Sha256 => Cost::Pbkdf2Sha256Iterations,
            Self::Sha512 => Cost::Pbkdf2Sha512Iterations,
        }
    }
}

impl Spelling {
    fn parse(function: Function, costs: &[u8]) -> Option<Self> {
        let own = function.digest_octets() as u32;
        let (iterations, length, decode): (_, _, fn(&[u8]) -> _) =
            if let Some(iterations) = decimal(costs) {
                (iterations, own, decode_passlib)
            } else if let Some([iterations]) = parameters(costs, [b"i"]) {
                (iterations, own, decode_unpadded)
            } else {
                let [iterations, length] = parameters(costs, [b"i", b"l"])?;
                (iterations, length, decode_unpadded)
            };
        let digest_octets = usize::try_from(length).ok()?;
        let is_valid = iterations >= 1 && (16..=MAX_DIGEST_OCTETS).contains(&digest_octets);
        is_valid.then_some(Self {
            iterations,
            digest_octets,
            decode,
        })
    }
}
