//! What is wrong with a configuration, and what would be right.

use crate::matching::{ExpressionError, HostError};
use crate::password::{Format, HtpasswdError};
use crate::quoted::Quoted;
use alloc::string::String;
use core::fmt;

/// A configuration is refused: the first fault, its place and the cure.
///
/// Holds nothing of the configuration's values, so that it can be logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigurationError {
    pub(super) place: String,
    pub(super) problem: Problem,
}

impl ConfigurationError {
    /// Where, such as `basic_auth_rules[2].prefix`.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// What is wrong there.
    #[must_use]
    pub fn problem(&self) -> &Problem {
        &self.problem
    }
}

/// What can be wrong at a place of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// Over 16 MiB.
    TooLarge,
    /// Not JSON (RFC 8259), from this line and column on, both counted from 1.
    NotJson {
        /// The line.
        line: usize,
        /// The column, in octets.
        column: usize,
    },
    /// A value of another type.
    WrongType {
        /// What it must be.
        expected: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// A key that does not exist here, and the nearest that does.
    UnknownKey(Option<&'static str>),
    /// A key that is there twice.
    RepeatedKey,
    /// A string or a list that must have something in it.
    Empty,
    /// A rule without a path.
    NoPath,
    /// A rule with several paths.
    SeveralPaths,
    /// A path with a control character, or with escapes that an upstream could take for anything.
    CouldBeAnyPath,
    /// A pattern that no host can match, or that opens more than it says.
    NotAHost(HostError),
    /// A method that is no token (RFC 9110, 9.1).
    NotAMethod,
    /// A header name that is no token (RFC 9110, 5.1), or one that the filter must not touch.
    NotAHeaderName,
    /// A regular expression that does not compile: where and why.
    Regex(ExpressionError),
    /// More regular expressions than are accepted.
    TooManyExpressions,
    /// Neither `user:password` nor the base64 of that.
    NotACredential,
    /// Credentials with an empty user name or password, or a control character in them, which no
    /// request can send.
    UnsendableCredential,
    /// The same user as before, with another password.
    OtherPassword,
    /// This user as before, with another password.
    OtherPasswordOf(String),
    /// A line of htpasswd text that is refused.
    Htpasswd(HtpasswdError),
    /// No VM environment variable of this name.
    NoSuchVariable,
    /// A user whom no list knows.
    NoSuchUser,
    /// A group that is not among the `groups`.
    NoSuchGroup,
    /// A rule that accepts nobody.
    AcceptsNobody,
    /// An `allow` that lets nobody pass.
    AllowsNobody,
    /// A number that is not whole, or not within these bounds.
    OutOfBounds {
        /// The least that is accepted.
        least: u32,
        /// The most that is accepted.
        most: u32,
    },
    /// The known-answer check of a password format failed: this build or host computes wrongly.
    WrongAnswer(Format),
    /// A realm with a control character.
    ControlCharacterInRealm,
    /// None of the words that may stand here.
    UnknownWord(&'static str),
    /// A key that has no meaning beside this one.
    NotBeside(&'static str),
}

impl fmt::Display for ConfigurationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.problem {
            // The line is part of the place.
            Problem::Htpasswd(error) => write!(f, "{}, {error}", self.place),
            problem => write!(f, "{}: {problem}", self.place),
        }
    }
}

impl core::error::Error for ConfigurationError {}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::TooLarge => f.write_str("is over 16 MiB; leave out what is not needed"),
            Problem::NotJson { line, column } => {
                write!(f, "not JSON, from line {line}, column {column} on")
            }
            Problem::WrongType { expected, found } => write!(f, "must be {expected}, is {found}"),
            Problem::UnknownKey(Some(nearest)) => {
                write!(f, "unknown key; did you mean `{nearest}`?")
            }
            Problem::UnknownKey(None) => f.write_str("unknown key; see docs/configuration.md"),
            Problem::RepeatedKey => f.write_str("given twice; keep one"),
            Problem::Empty => f.write_str("must not be empty"),
            Problem::NoPath => f.write_str(
                "needs one of `exact`, `prefix`, `suffix`, `path_separated_prefix`, `regex`",
            ),
            Problem::SeveralPaths => f.write_str(
                "has several of `exact`, `prefix`, `suffix`, `path_separated_prefix`, `regex`; \
                 write a rule for each",
            ),
            Problem::CouldBeAnyPath => f.write_str(
                "could mean any path; write it without escapes and control characters",
            ),
            Problem::NotAHost(why) => f.write_str(match why {
                HostError::Url => "has a scheme or a path; write the host alone",
                HostError::Port => {
                    "has a port, and hosts are compared without theirs; leave it out, or write the \
                     beginning of an IPv6 address as `[2001:db8:*`"
                }
                HostError::NotAscii => {
                    "has letters beyond ASCII; write them as `xn--…`, as clients send them"
                }
                HostError::NotAHost => {
                    "is not a host; write `example.com`, `*.example.com`, `example.*` or `*`"
                }
            }),
            Problem::NotAMethod => f.write_str("is not a method; write one such as `GET`"),
            Problem::NotAHeaderName => f.write_str(
                "is not a header name that can be used here; write one such as `x-user`",
            ),
            Problem::Regex(why) => write!(f, "does not compile: {why}"),
            Problem::TooManyExpressions => f.write_str(
                "is one regular expression too many; 256 are accepted, since each is tried on every request",
            ),
            Problem::NotACredential => {
                f.write_str("must be `user:password` or the base64 of that")
            }
            Problem::UnsendableCredential => f.write_str(
                "has an empty user name, an empty password or a control character, or is longer \
                 than 6 KB, and would match no request",
            ),
            Problem::OtherPassword => {
                f.write_str("has a user who is there already with another password; keep one")
            }
            Problem::OtherPasswordOf(user) => {
                write!(
                    f,
                    "user {} is there twice with different passwords; keep one",
                    Quoted(user)
                )
            }
            Problem::Htpasswd(error) => write!(f, "{error}"),
            Problem::NoSuchVariable => f.write_str(
                "names a VM environment variable that is not set; add it to \
                 `environment_variables` (Envoy) or `vmConfig.env` (Istio)",
            ),
            Problem::NoSuchUser => f.write_str("is no user of this list"),
            Problem::NoSuchGroup => f.write_str("is none of the `groups`"),
            Problem::AcceptsNobody => f.write_str(
                "accepts nobody; add `users` or `credentials` here, or `users` to the configuration",
            ),
            Problem::AllowsNobody => f.write_str("lets nobody pass; name a user or a group"),
            Problem::OutOfBounds { least, most } => {
                write!(f, "must be a whole number from {least} to {most}")
            }
            Problem::WrongAnswer(format) => write!(
                f,
                "the known-answer check of {format} failed; this module or its host is broken"
            ),
            Problem::ControlCharacterInRealm => f.write_str("must not have a control character"),
            Problem::UnknownWord(words) => write!(f, "must be {words}"),
            Problem::NotBeside(key) => write!(f, "has no meaning beside `{key}`; remove one"),
        }
    }
}
