//! PBKDF2 (RFC 8018): `$pbkdf2-sha256$i=600000,l=32$` salt `$` digest as a PHC string, and passlib's
//! `$pbkdf2-sha256$29000$` salt `$` digest.

use super::constant_time::is_equal;
use super::cost::{Cost, HashCostCaps};
use super::encoding::{decode_passlib, decode_unpadded};
use super::error::{HashError, Part};
use super::fields::{Fields, decimal, parameters};
use super::format::Format;
use super::check::Work;
use digest::{Key, KeyInit, Mac, Output};

const MAX_DIGEST_OCTETS: usize = 64;

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

impl Pbkdf2 {
    /// Parses what follows the prefix. PBKDF2's output of fewer octets is the start of that of
    /// more, so that the digest has to have the length that `l=` says, and without it that of the
    /// hash function.
    pub(super) fn parse(
        format: Format,
        fields: Fields<'_>,
        caps: &HashCostCaps,
    ) -> Result<Self, HashError> {
        let malformed = |part, expected| HashError::malformed(format, part, expected);
        let [costs, salt, digest] = fields.exactly().ok_or(malformed(
            Part::Fields,
            "three after the prefix: parameters, salt, digest",
        ))?;
        let function = Function::of(format);
        let Spelling {
            iterations,
            digest_octets,
            decode,
        } = Spelling::parse(function, costs).ok_or(malformed(
            Part::Parameters,
            "`i=…`, `i=…,l=…` or a number, with i from 1 and l from 16 to 64",
        ))?;
        let blocks = digest_octets.div_ceil(function.digest_octets());
        caps.check(function.cost(), u64::from(iterations) * blocks as u64)?;
        Ok(Self {
            function,
            iterations,
            salt: decode(salt)
                .filter(|salt| (1..=1024).contains(&salt.len()))
                .ok_or(malformed(
                    Part::Salt,
                    "1 to 1024 octets in base64 without padding",
                ))?
                .into(),
            digest: decode(digest)
                .filter(|digest| digest.len() == digest_octets)
                .ok_or(malformed(
                    Part::Digest,
                    "as long as `l=` says, else as the hash function's, in base64 without padding",
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

    pub(super) fn begin(&self, password: &[u8]) -> Work {
        match self.function {
            Function::Sha1 => Work::Pbkdf2Sha1(Box::new(Pbkdf2Work::new(self, password))),
            Function::Sha256 => Work::Pbkdf2Sha256(Box::new(Pbkdf2Work::new(self, password))),
            Function::Sha512 => Work::Pbkdf2Sha512(Box::new(Pbkdf2Work::new(self, password))),
        }
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

/// PBKDF2 (RFC 8018, 5.2), block by block and iteration by iteration.
pub(super) struct Pbkdf2Work<M: Mac> {
    /// Keyed with the password; it overwrites its state when it is dropped.
    hmac: M,
    salt: Box<[u8]>,
    iterations: u32,
    stored: Box<[u8]>,
    /// What is derived so far, without the block at hand.
    derived: Vec<u8>,
    /// The code of the last iteration, and the sum of all of this block.
    last: Output<M>,
    sum: Output<M>,
    /// How many iterations of this block are done.
    done: u32,
}

impl<M: Mac + KeyInit + Clone> Pbkdf2Work<M> {
    /// The iterations of a step.
    const STEP: u32 = 512;

    fn new(pbkdf2: &Pbkdf2, password: &[u8]) -> Self {
        // HMAC takes keys of any length (RFC 2104, 2): this only fails for other codes.
        let hmac = <M as KeyInit>::new_from_slice(password);
        Self {
            hmac: hmac.unwrap_or_else(|_| <M as KeyInit>::new(&Key::<M>::default())),
            salt: pbkdf2.salt.clone(),
            iterations: pbkdf2.iterations,
            stored: pbkdf2.digest.clone(),
            derived: Vec::new(),
            last: Output::<M>::default(),
            sum: Output::<M>::default(),
            done: 0,
        }
    }

    /// Some iterations; `None` if there are more.
    pub(super) fn step(&mut self) -> Option<bool> {
        let end = self.iterations.min(self.done.saturating_add(Self::STEP));
        for iteration in self.done..end {
            let mut hmac = self.hmac.clone();
            if iteration == 0 {
                hmac.update(&self.salt);
                hmac.update(&self.number_of_block().to_be_bytes());
            } else {
                hmac.update(&self.last);
            }
            self.last = hmac.finalize().into_bytes();
            let octets = self.sum.iter_mut().zip(&self.last);
            octets.for_each(|(sum, code)| *sum ^= code);
        }
        self.done = end;
        if end < self.iterations {
            return None;
        }
        self.derived.extend_from_slice(&self.sum);
        self.sum = Output::<M>::default();
        self.done = 0;
        let derived = self.derived.get(..self.stored.len())?;
        Some(is_equal(derived, &self.stored))
    }

    /// Counted from 1.
    fn number_of_block(&self) -> u32 {
        let octets = M::output_size().max(1);
        // At most 64 octets are derived.
        (self.derived.len() / octets) as u32 + 1
    }
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
