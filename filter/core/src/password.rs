//! One stored password hash: its format, what verifying it costs, and the verification.
//!
//! The strings are read by an own strict parser and verified with raw primitives: everything has
//! exactly one spelling, and a digest has its full length. Nothing here does I/O, nothing panics
//! on any input, and what a verification may cost is bounded when the string is parsed.

mod argon2;
mod bcrypt;
mod check;
mod constant_time;
mod cost;
mod crypt;
mod encoding;
mod error;
mod fields;
mod format;
mod htpasswd;
mod known_answer;
mod ldap;
mod md5_crypt;
mod pbkdf2;
mod scrypt;
mod sha_crypt;

use core::fmt;
use core::time::Duration;

pub use check::{Check, Progress};
pub use cost::{Cost, HashCostCaps};
pub use error::{HashError, Part};
pub use format::Format;
pub use htpasswd::{HtpasswdError, HtpasswdProblem, parse_htpasswd, parse_htpasswd_line};
pub use known_answer::known_answer_holds;

use argon2::Argon2;
use bcrypt::Bcrypt;
use ldap::{Plain, SaltedDigest};
use md5_crypt::Md5Crypt;
use pbkdf2::Pbkdf2;
use check::Work;
use scrypt::Scrypt;
use sha2::{Digest, Sha256};
use sha_crypt::ShaCrypt;
use zeroize::Zeroizing;

/// The longest password in octets that any format takes. SHA-crypt is quadratic in this length.
pub const MAX_PASSWORD_OCTETS: usize = 512;

/// What costs this much is worth remembering and bounding: a lookup in the cache of verified
/// credentials takes well below a microsecond.
const SLOW_FROM: Duration = Duration::from_micros(50);

/// One stored password hash: knows how to verify a password, and what that costs.
#[derive(Clone)]
pub struct Verifier {
    scheme: Scheme,
    identity: [u8; 32],
    /// A dummy does all the work of a verification and never matches.
    is_dummy: bool,
}

#[derive(Clone)]
enum Scheme {
    Argon2(Argon2),
    Bcrypt(Bcrypt),
    Locked,
    Md5Crypt(Md5Crypt),
    Pbkdf2(Pbkdf2),
    Plain(Plain),
    SaltedDigest(SaltedDigest),
    Scrypt(Scrypt),
    ShaCrypt(ShaCrypt),
}

impl Verifier {
    /// Parses a hash as it stands in the second field of an htpasswd line.
    ///
    /// # Errors
    /// [`HashError`] for a format that is unknown, not accepted or malformed, and for a hash whose
    /// verification would take more time than `caps` or more memory than 64 MiB.
    pub fn parse(hash: &[u8], caps: &HashCostCaps) -> Result<Self, HashError> {
        Ok(Self {
            scheme: Scheme::parse(hash, caps)?,
            identity: identity(&[hash]),
            is_dummy: false,
        })
    }

    /// The verifier of a password that is known itself, of any length.
    pub fn plain(password: &[u8]) -> Self {
        Self {
            scheme: Scheme::Plain(Plain::new(password)),
            identity: identity(&[ldap::PLAIN, password]),
            is_dummy: false,
        }
    }

    /// Whether `password` is the one that was hashed. Digests are compared in constant time.
    ///
    /// Some are refused before anything is hashed: over [`MAX_PASSWORD_OCTETS`], unless the stored
    /// password is plain; for bcrypt, over 72 octets or with a NUL, which it would cut so that
    /// other passwords than the right one match; for SHA-crypt, over 128 octets to 512, the fewer
    /// the more rounds.
    #[must_use]
    pub fn verify(&self, password: &[u8]) -> bool {
        match &self.scheme {
            _ if self.is_too_long(password) => false,
            Scheme::Plain(plain) => plain.verify(password) && !self.is_dummy,
            Scheme::SaltedDigest(digest) => digest.verify(password) && !self.is_dummy,
            _ => self.begin(password).finish(),
        }
    }

    fn is_too_long(&self, password: &[u8]) -> bool {
        password.len() > MAX_PASSWORD_OCTETS && self.format() != Format::Plain
    }

    /// The format of the stored hash.
    pub fn format(&self) -> Format {
        match &self.scheme {
            Scheme::Argon2(argon2) => argon2.format(),
            Scheme::Bcrypt(_) => Format::Bcrypt,
            Scheme::Locked => Format::Locked,
            Scheme::Md5Crypt(md5_crypt) => md5_crypt.format(),
            Scheme::Pbkdf2(pbkdf2) => pbkdf2.format(),
            Scheme::Plain(_) => Format::Plain,
            Scheme::SaltedDigest(digest) => digest.format(),
            Scheme::Scrypt(_) => Format::Scrypt,
            Scheme::ShaCrypt(sha_crypt) => sha_crypt.format(),
        }
    }

    /// Whether a verification draws from the verification budget and its success is remembered:
    /// everything from 50 µs on, in practice all formats but `{PLAIN}` and the `{SHA}` family.
    pub fn is_slow(&self) -> bool {
        self.estimated_cost() >= SLOW_FROM
    }

    /// About how long one verification of a usual password takes in the Wasm VM. Comparable across
    /// formats: the costliest of several verifiers has the highest.
    pub fn estimated_cost(&self) -> Duration {
        Duration::from_micros(match &self.scheme {
            Scheme::Argon2(argon2) => argon2.microseconds(),
            Scheme::Bcrypt(bcrypt) => bcrypt.microseconds(),
            Scheme::Locked => 0,
            Scheme::Md5Crypt(_) => md5_crypt::MICROSECONDS,
            Scheme::Pbkdf2(pbkdf2) => pbkdf2.microseconds(),
            Scheme::Plain(_) | Scheme::SaltedDigest(_) => 1,
            Scheme::Scrypt(scrypt) => scrypt.microseconds(),
            Scheme::ShaCrypt(sha_crypt) => sha_crypt.microseconds(),
        })
    }

    /// A verifier of the same format and cost that no password matches, for unknown users.
    #[must_use]
    pub fn dummy(&self) -> Self {
        Self {
            scheme: self.scheme.clone(),
            identity: [0; 32],
            is_dummy: true,
        }
    }

    /// What tells one stored hash from another: the SHA-256 digest of its text.
    pub fn identity(&self) -> &[u8; 32] {
        &self.identity
    }
}

/// Redacted: the format only.
impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("format", &self.format())
            .finish_non_exhaustive()
    }
}

impl Scheme {
    fn parse(hash: &[u8], caps: &HashCostCaps) -> Result<Self, HashError> {
        match hash {
            [] => Err(HashError::Empty),
            [b'*'] | [b'!', ..] => Ok(Self::Locked),
            [b'$', ..] => Self::parse_modular(hash, caps),
            [b'{', ..] => Self::parse_ldap(hash),
            _ => Err(HashError::without_prefix(hash)),
        }
    }

    /// Parses what names its format between two `$`: the modular crypt format and PHC strings.
    fn parse_modular(hash: &[u8], caps: &HashCostCaps) -> Result<Self, HashError> {
        let mut fields = fields::Fields::after_dollar(hash);
        match fields.next().unwrap_or_default() {
            b"2a" | b"2b" | b"2y" => Bcrypt::parse(fields, caps).map(Self::Bcrypt),
            b"argon2id" => Argon2::parse(Format::Argon2id, fields, caps).map(Self::Argon2),
            b"argon2i" => Argon2::parse(Format::Argon2i, fields, caps).map(Self::Argon2),
            b"5" => ShaCrypt::parse(Format::Sha256Crypt, fields, caps).map(Self::ShaCrypt),
            b"6" => ShaCrypt::parse(Format::Sha512Crypt, fields, caps).map(Self::ShaCrypt),
            b"scrypt" => Scrypt::parse_phc(fields, caps).map(Self::Scrypt),
            b"7" => Scrypt::parse_crypt(fields, caps).map(Self::Scrypt),
            b"pbkdf2" | b"pbkdf2-sha1" => {
                Pbkdf2::parse(Format::Pbkdf2Sha1, fields, caps).map(Self::Pbkdf2)
            }
            b"pbkdf2-sha256" => Pbkdf2::parse(Format::Pbkdf2Sha256, fields, caps).map(Self::Pbkdf2),
            b"pbkdf2-sha512" => Pbkdf2::parse(Format::Pbkdf2Sha512, fields, caps).map(Self::Pbkdf2),
            b"apr1" => Md5Crypt::parse(Format::Apr1, fields).map(Self::Md5Crypt),
            b"1" => Md5Crypt::parse(Format::Md5Crypt, fields).map(Self::Md5Crypt),
            name => Err(HashError::with_prefix(name)),
        }
    }

    /// Parses what names its format in braces (RFC 2307, 5.3 and its successors).
    fn parse_ldap(hash: &[u8]) -> Result<Self, HashError> {
        if let Some(password) = hash.strip_prefix(ldap::PLAIN) {
            return Plain::parse(password).map(Self::Plain);
        }
        SaltedDigest::parse(hash).map(Self::SaltedDigest)
    }

    fn begin(&self, password: &[u8]) -> Work {
        match self {
            Self::Bcrypt(bcrypt) => bcrypt.begin(password),
            Self::Md5Crypt(md5_crypt) => md5_crypt.begin(password),
            Self::Pbkdf2(pbkdf2) => pbkdf2.begin(password),
            Self::ShaCrypt(sha_crypt) => sha_crypt.begin(password),
            Self::Argon2(_)
            | Self::Scrypt(_)
            | Self::Locked
            | Self::Plain(_)
            | Self::SaltedDigest(_) => {
                Work::Whole(Box::new(self.clone()), Zeroizing::new(password.to_vec()))
            }
        }
    }

    /// Verifies by what is one step. The others are made of several, see [`Scheme::begin`].
    fn verify_at_once(&self, password: &[u8]) -> bool {
        match self {
            Self::Argon2(argon2) => argon2.verify(password),
            Self::Plain(plain) => plain.verify(password),
            Self::SaltedDigest(digest) => digest.verify(password),
            Self::Scrypt(scrypt) => scrypt.verify(password),
            Self::Locked
            | Self::Bcrypt(_)
            | Self::Md5Crypt(_)
            | Self::Pbkdf2(_)
            | Self::ShaCrypt(_) => false,
        }
    }
}

/// What tells one stored hash from another.
fn identity(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    parts.iter().for_each(|part| hash.update(part));
    hash.finalize().into()
}

#[cfg(test)]
mod tests;
