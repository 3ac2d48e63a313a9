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
    /// What is accepted in another spelling.
    OtherSpelling {
        /// What is there.
        name: &'static str,
        /// What to write.
        cure: &'static str,
    },
    /// `{…}` in front of a hash of another format.
    OtherLabel,
    /// A password hash where a password as it is should be: whoever knows the hash would log in by it.
    HashAsPlain,
    /// `!` in front of what is no hash.
    LockedText,
    /// `$` doubled, as Compose has it in its files.
    DoubledDollars,
    /// `\$` for `$`.
    EscapedDollars,
    /// What a shell leaves of a hash in double quotes: it takes `$…` for variables.
    Expanded,
    /// What a template or a shell should have replaced: `${…}`, `{{…}}`, `<…>`.
    Placeholder,
    /// `%24` or `&#36;` for `$`.
    EncodedDollars,
    /// Quotes around a hash.
    Quoted,
    /// Something between the colon and a hash.
    Before,
    /// Something behind a hash: a comment, a comma, a blank.
    Behind,
    /// A character around a hash that nobody sees.
    Invisible,
    /// The base64 of a hash.
    Base64,
    /// A digest in hexadecimal.
    Hexadecimal,
    /// A digest in base64 without its label.
    NoLabel,
    /// The `x` of `/etc/passwd`.
    Passwd,
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
    /// One verification needs more than 65 MiB. Every worker would keep them for good.
    TooMuchMemory {
        /// The format that the prefix names.
        format: Format,
        /// How much, in MiB.
        needed_mib: u64,
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

const REHASH: &str = "re-hash with bcrypt, e.g. by `htpasswd -nB -C 10`";

impl HashError {
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
            Self::BareText => write!(
                f,
                "not a password hash; {REHASH}, or write a password as it is after `{{PLAIN}}`"
            ),
            Self::UnknownPrefix => write!(f, "password hash of an unknown format; {REHASH}"),
            Self::Hexadecimal => write!(
                f,
                "a digest in hexadecimal does not say how it was made; {REHASH}"
            ),
            Self::Unsupported { name, reason } => {
                write!(f, "{name} is not accepted: {reason}; {REHASH}")
            }
            Self::OtherSpelling { name, cure } => write!(f, "{name} is not accepted; {cure}"),
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
            Self::TooMuchMemory { format, needed_mib } => write!(
                f,
                "{format} with these parameters needs {needed_mib} MiB of memory on every worker, \
                 and may have 65; re-hash with less"
            ),
            other => f.write_str(other.sentence()),
        }
    }
}

impl HashError {
    /// Whether the text is a whole hash of a known format, which is refused for what it is.
    pub(super) fn is_of_whole_hash(self) -> bool {
        matches!(
            self,
            Self::AboveCap { .. }
                | Self::AboveMaximum { .. }
                | Self::TooMuchMemory { .. }
                | Self::Unsupported { .. }
        )
    }

    /// The text of the errors that are always the same.
    fn sentence(self) -> &'static str {
        match self {
            Self::Empty => "there is no password hash; `*` stands for a locked user",
            Self::UnknownScheme => {
                "password hash of an unknown format in braces; known are {SHA}, {SSHA}, {SHA256}, \
                 {SSHA256}, {SHA512}, {SSHA512} and {PLAIN}, in upper case, and {CRYPT}, {BLF-CRYPT}, \
                 {ARGON2} and {PBKDF2} with their kin"
            }
            Self::OtherLabel => {
                "the label in braces is not that of what stands behind it; remove the label, or \
                 re-hash"
            }
            Self::HashAsPlain => {
                "what stands after `{PLAIN}` is a password hash, and would be the password itself; \
                 remove `{PLAIN}`"
            }
            Self::LockedText => {
                "not a password hash behind `!`; a locked user is `*`, or `!` alone or before a hash"
            }
            Self::DoubledDollars => {
                "every `$` is doubled, which only a Compose file needs; write each once"
            }
            Self::EscapedDollars => "there is a backslash before each `$`; remove the backslashes",
            Self::Expanded => {
                "this is what is left of a password hash, perhaps by a shell, which takes `$` for \
                 variables; put the hash into single quotes"
            }
            Self::Placeholder => {
                "this is a placeholder that nothing has filled in; write the password hash"
            }
            Self::EncodedDollars => {
                "each `$` of the password hash is encoded, as for a URL or HTML; write `$`"
            }
            Self::Quoted => "there are quotes around the password hash; remove them",
            Self::Before => "there is something in front of the password hash; remove it",
            Self::Behind => {
                "there is something behind the password hash; a comment follows after a `:`"
            }
            Self::Invisible => {
                "there is an invisible character around the password hash; remove it"
            }
            Self::Base64 => "this is the base64 of a password hash; write what it decodes to",
            Self::NoLabel => {
                "this is a digest without its label, such as `{SHA}`, or the base64 of something else"
            }
            Self::Passwd => {
                "`x` stands for a password hash in /etc/shadow; take the user's line from there"
            }
            _ => "",
        }
    }
}

impl core::error::Error for HashError {}
