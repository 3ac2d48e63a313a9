//! One stored password hash: its format, what verifying it costs, and the verification.
//!
//! The strings are read by an own strict parser and verified with raw primitives: everything has
//! exactly one spelling, and a digest has its full length. Nothing here does I/O, nothing panics
//! on any input, and what a verification may cost is bounded when the string is parsed.

mod applications;
mod argon2;
mod bcrypt;
mod check;
mod constant_time;
mod cost;
mod crypt;
mod diagnosis;
mod encoding;
mod error;
mod fields;
mod format;
mod htpasswd;
mod known_answer;
mod labels;
mod ldap;
mod md5_crypt;
mod memory;
mod pbkdf2;
mod scrypt;
mod sha_crypt;
mod unsupported;
mod yescrypt;

use core::fmt;
use core::time::Duration;

pub use check::{Check, Progress, Verdict};
pub use cost::{Cost, HashCostCaps};
pub use diagnosis::looks_like_hash;
pub(crate) use diagnosis::{has_visible_ends, is_unfilled, starts_like_hash};
pub use error::{HashError, Part};
pub use format::Format;
pub use htpasswd::{
    HtpasswdError, HtpasswdProblem, HtpasswdUser, parse_htpasswd, parse_htpasswd_line,
    parse_htpasswd_users,
};
pub use known_answer::known_answer_holds;

use sha2::{Digest, Sha256};

use argon2::Argon2;
use bcrypt::Bcrypt;
use fields::Fields;
use ldap::{Plain, SaltedDigest};
use md5_crypt::Md5Crypt;
use pbkdf2::Pbkdf2;
use scrypt::Scrypt;
use sha_crypt::ShaCrypt;
use yescrypt::Yescrypt;

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
    Yescrypt(Yescrypt),
}

impl Verifier {
    /// Parses a hash as it stands in the second field of an htpasswd line.
    ///
    /// # Errors
    /// [`HashError`] for a format that is unknown, not accepted or malformed, and for a hash whose
    /// verification would take more time than `caps` or more memory than 65 MiB.
    pub fn parse(hash: &[u8], caps: &HashCostCaps) -> Result<Self, HashError> {
        Ok(Self {
            scheme: Scheme::parse(hash, caps)
                .map_err(|error| diagnosis::cause(hash, error, caps))?,
            identity: Sha256::digest(hash).into(),
            is_dummy: false,
        })
    }

    /// The verifier of a password that is known itself, of any length.
    pub fn plain(password: &[u8]) -> Self {
        Self {
            scheme: Scheme::Plain(Plain::new(password)),
            identity: Sha256::new_with_prefix(ldap::PLAIN)
                .chain_update(password)
                .finalize()
                .into(),
            is_dummy: false,
        }
    }

    /// Starts the verification of a password, which is worked off by [`Check::step`].
    ///
    /// A quick format is verified here: that costs less than keeping the password would. What a
    /// slow one does here takes no longer than its steps, but for SHA-crypt: for 512 octets, one
    /// millisecond.
    #[must_use]
    pub fn begin(&self, password: &[u8]) -> Check {
        let check = if password.len() > self.scheme.longest_password() {
            Check::done(Verdict::TooLong)
        } else {
            self.scheme.begin(password)
        };
        if self.is_dummy {
            check.into_dummy()
        } else {
            check
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
        self.begin(password).finish() == Verdict::Match
    }

    /// In octets; a longer one is refused before anything is hashed.
    pub(crate) fn longest_password(&self) -> usize {
        self.scheme.longest_password()
    }

    /// The format of the stored hash.
    pub fn format(&self) -> Format {
        self.scheme.format()
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
            Scheme::Yescrypt(yescrypt) => yescrypt.microseconds(),
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
        if let Some(error) = unsupported::other_spelling(hash) {
            return Err(error);
        }
        match hash {
            [] => Err(HashError::Empty),
            b"*" | b"!" | b"!!" | b"!*" => Ok(Self::Locked),
            [b'!', b'!', rest @ ..] | [b'!', rest @ ..] => Self::parse_locked(rest, caps),
            [b'$', ..] => Self::parse_modular(hash, caps),
            [b'{', ..] => labels::parse(hash, caps),
            _ => applications::parse(hash, caps).unwrap_or_else(|| {
                Err(unsupported::without_prefix(hash).unwrap_or(HashError::BareText))
            }),
        }
    }

    /// Parses what follows `!`: a hash that is kept for later, whatever it costs.
    fn parse_locked(hash: &[u8], caps: &HashCostCaps) -> Result<Self, HashError> {
        if !matches!(hash, [b'$' | b'{', ..]) {
            return Err(HashError::LockedText);
        }
        match Self::parse(hash, caps) {
            Err(error) if !error.is_of_whole_hash() => Err(error),
            _ => Ok(Self::Locked),
        }
    }

    /// Parses what names its format between two `$`: the modular crypt format and PHC strings.
    fn parse_modular(hash: &[u8], caps: &HashCostCaps) -> Result<Self, HashError> {
        let mut fields = Fields::after_dollar(hash);
        match fields.next().unwrap_or_default() {
            b"2a" | b"2b" | b"2y" => Bcrypt::parse(fields, caps).map(Self::Bcrypt),
            b"argon2id" => Argon2::parse(Format::Argon2id, fields, caps).map(Self::Argon2),
            b"argon2i" => Argon2::parse(Format::Argon2i, fields, caps).map(Self::Argon2),
            b"5" => ShaCrypt::parse(Format::Sha256Crypt, fields, caps).map(Self::ShaCrypt),
            b"6" => Self::parse_6(fields, caps),
            b"scrypt" => Scrypt::parse_phc(fields, caps).map(Self::Scrypt),
            b"y" => Yescrypt::parse(fields, caps).map(Self::Yescrypt),
            b"7" => Self::parse_7(fields, caps),
            b"pbkdf2" | b"pbkdf2-sha1" => {
                Pbkdf2::parse(Format::Pbkdf2Sha1, fields, caps).map(Self::Pbkdf2)
            }
            b"pbkdf2-sha256" => Pbkdf2::parse(Format::Pbkdf2Sha256, fields, caps).map(Self::Pbkdf2),
            b"pbkdf2-sha512" => Pbkdf2::parse(Format::Pbkdf2Sha512, fields, caps).map(Self::Pbkdf2),
            b"apr1" => Md5Crypt::parse(Format::Apr1, fields).map(Self::Md5Crypt),
            b"1" => Md5Crypt::parse(Format::Md5Crypt, fields).map(Self::Md5Crypt),
            name => Err(unsupported::with_prefix(name).unwrap_or(HashError::UnknownPrefix)),
        }
    }

    /// Parses what follows `$6$`: SHA-crypt, or Mosquitto's salted SHA-512, whose base64 has padding.
    fn parse_6(fields: Fields<'_>, caps: &HashCostCaps) -> Result<Self, HashError> {
        match fields.clone().exactly() {
            Some([salt, digest]) if digest.ends_with(b"==") => {
                SaltedDigest::parse_mosquitto(salt, digest).map(Self::SaltedDigest)
            }
            _ => ShaCrypt::parse(Format::Sha512Crypt, fields, caps).map(Self::ShaCrypt),
        }
    }

    /// Parses what follows `$7$`: crypt's scrypt, or Mosquitto's PBKDF2, which has one field more.
    fn parse_7(fields: Fields<'_>, caps: &HashCostCaps) -> Result<Self, HashError> {
        if fields.clone().count() == 3 {
            Pbkdf2::parse_padded(64, fields, caps).map(Self::Pbkdf2)
        } else {
            Scrypt::parse_crypt(fields, caps).map(Self::Scrypt)
        }
    }

    fn format(&self) -> Format {
        match self {
            Self::Argon2(argon2) => argon2.format(),
            Self::Bcrypt(_) => Format::Bcrypt,
            Self::Locked => Format::Locked,
            Self::Md5Crypt(md5_crypt) => md5_crypt.format(),
            Self::Pbkdf2(pbkdf2) => pbkdf2.format(),
            Self::Plain(_) => Format::Plain,
            Self::SaltedDigest(digest) => digest.format(),
            Self::Scrypt(_) => Format::Scrypt,
            Self::ShaCrypt(sha_crypt) => sha_crypt.format(),
            Self::Yescrypt(_) => Format::Yescrypt,
        }
    }

    /// In octets. A longer one is never hashed.
    fn longest_password(&self) -> usize {
        match self {
            Self::Bcrypt(_) => bcrypt::MAX_PASSWORD_OCTETS,
            Self::Locked | Self::Plain(_) => usize::MAX,
            Self::ShaCrypt(sha_crypt) => sha_crypt.longest_password(),
            _ => MAX_PASSWORD_OCTETS,
        }
    }

    fn begin(&self, password: &[u8]) -> Check {
        let done = |is_match| Check::done(Verdict::of(is_match));
        match self {
            Self::Argon2(argon2) => argon2.begin(password),
            Self::Bcrypt(bcrypt) => bcrypt.begin(password),
            Self::Locked => done(false),
            Self::Md5Crypt(md5_crypt) => md5_crypt.begin(password),
            Self::Pbkdf2(pbkdf2) => pbkdf2.begin(password),
            Self::Plain(plain) => done(plain.is_match(password)),
            Self::SaltedDigest(digest) => done(digest.is_match(password)),
            Self::Scrypt(scrypt) => scrypt.begin(password),
            Self::ShaCrypt(sha_crypt) => sha_crypt.begin(password),
            Self::Yescrypt(yescrypt) => yescrypt.begin(password),
        }
    }
}

#[cfg(test)]
mod tests;
