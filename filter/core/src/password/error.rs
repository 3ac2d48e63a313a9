//! Why a stored hash is refused. No text here ever holds a piece of a hash or a password.

use core::fmt;

use super::cost::Cost;
use super::format::Format;

/// Why a stored hash is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HashError {
    /// Nothing where a hash should be.
    Empty,
    /// No prefix of a format: probably a password as it is.
    BareText,
    /// `$…$` of a format that nobody here knows.
    UnknownPrefix,
    /// `{…}` of a format that nobody here knows.
    UnknownScheme,
    /// A format that is known and not accepted, and why.
    Unsupported {
        /// What the format is called.
        name: &'static str,
        /// Why it is not accepted.
        reason: &'static str,
    },
    /// A part is not as the format has it.
    Malformed {
        /// The format that the prefix names.
        format: Format,
        /// The first part that is wrong.
        part: Part,
        /// What it has to be; completes "must be".
        expected: &'static str,
    },
    /// One verification costs more than configured.
    AboveCap {
        /// What is counted.
        cost: Cost,
        /// What the hash asks for.
        value: u64,
        /// What the configuration allows.
        cap: u32,
    },
    /// One verification costs more than any configuration may allow.
    AboveMaximum {
        /// What is counted.
        cost: Cost,
        /// What the hash asks for.
        value: u64,
        /// The highest cap that can be configured.
        maximum: u32,
    },
    /// One verification needs more than 64 MiB. Every worker would keep them for good.
    TooMuchMemory {
        /// The format that the prefix names.
        format: Format,
    },
}

/// A part of a stored hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part {
    /// The number of fields.
    Fields,
    /// The version of the algorithm.
    Version,
    /// The cost parameters.
    Parameters,
    /// The salt.
    Salt,
    /// The digest.
    Digest,
    /// The password, where it stands itself.
    Password,
}

impl Part {
    fn name(self) -> &'static str {
        match self {
            Self::Fields => "number of fields",
            Self::Version => "version",
            Self::Parameters => "parameters",
            Self::Salt => "salt",
            Self::Digest => "digest",
            Self::Password => "password",
        }
    }
}

const REHASH: &str = "re-hash with bcrypt, e.g. by `htpasswd -nB`";

impl HashError {
    /// The error for a text that starts with none of `$ { * !`.
    pub(super) fn without_prefix(hash: &[u8]) -> Self {
        let is_crypt = hash
            .iter()
            .all(|octet| octet.is_ascii_alphanumeric() || b"./".contains(octet));
        match hash {
            [b'_', rest @ ..] if rest.len() == 19 => Self::Unsupported {
                name: "bsdicrypt",
                reason: "it is DES",
            },
            _ if hash.len() == 13 && is_crypt => Self::Unsupported {
                name: "DES crypt, or a bare password of 13 characters,",
                reason: "DES crypt cuts passwords at 8 octets",
            },
            _ => Self::BareText,
        }
    }

    /// The error for `$name$…` of none of the accepted formats.
    pub(super) fn with_prefix(name: &[u8]) -> Self {
        let (name, reason) = match name {
            b"2" => (
                "the first bcrypt, `$2$`,",
                "it mishandles the end of the password",
            ),
            b"2x" => (
                "bcrypt's `$2x$`",
                "it stands for hashes by a broken implementation",
            ),
            b"3" => ("the NT hash `$3$`", "it is one round of MD4 without salt"),
            b"argon2d" => ("argon2d", "argon2id is the variant for passwords"),
            b"gy" => ("gost-yescrypt", "there is no verifier for it here"),
            b"md5" => ("SunMD5", "there is no verifier for it here"),
            b"sha1" => ("`$sha1$` crypt", "there is no verifier for it here"),
            b"y" => ("yescrypt", "there is no verifier for it here"),
            // SunMD5 has its rounds in the same field.
            [b'm', b'd', b'5', b',', ..] => ("SunMD5", "there is no verifier for it here"),
            _ => return Self::UnknownPrefix,
        };
        Self::Unsupported { name, reason }
    }

    /// A part of the hash is not as the format has it. `expected` completes "must be".
    pub(super) fn malformed(format: Format, part: Part, expected: &'static str) -> Self {
        Self::Malformed {
            format,
            part,
            expected,
        }
    }
}

impl fmt::Display for HashError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("there is no password hash; `*` stands for a locked user"),
            Self::BareText => write!(
                f,
                "not a password hash; {REHASH}, or write a password as it is after `{{PLAIN}}`"
            ),
            Self::UnknownPrefix => write!(f, "password hash of an unknown format; {REHASH}"),
            Self::UnknownScheme => f.write_str(
                "password hash of an unknown format in braces; known are {SHA}, {SSHA}, {SHA256}, \
                 {SSHA256}, {SHA512}, {SSHA512} and {PLAIN}, in upper case; what follows {CRYPT} \
                 stands without it",
            ),
            Self::Unsupported { name, reason } => {
                write!(f, "{name} is not accepted: {reason}; {REHASH}")
            }
            Self::Malformed {
                format,
                part,
                expected,
            } => {
                write!(
                    f,
                    "malformed {format} hash: the {} must be {expected}",
                    part.name()
                )
            }
            Self::AboveCap { cost, value, cap } => write!(
                f,
                "{} {value} is above the cap of {cap}; raise max_hash_cost.{} or re-hash",
                cost.name(),
                cost.key()
            ),
            Self::AboveMaximum {
                cost,
                value,
                maximum,
            } => write!(
                f,
                "{} {value} is above {maximum}, the most that max_hash_cost.{} can be raised to; \
                 re-hash",
                cost.name(),
                cost.key()
            ),
            Self::TooMuchMemory { format } => {
                write!(
                    f,
                    "{format} with these parameters needs more than 64 MiB of memory; re-hash"
                )
            }
        }
    }
}

impl core::error::Error for HashError {}
