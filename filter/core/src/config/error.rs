//! What is wrong with a configuration, and what would be right.

use super::hint::KeyHint;
use super::path::PathProblem;
use crate::matching::{BlockError, ExpressionError, HostError};
use crate::password::{Format, HtpasswdError};
use crate::quoted::Quoted;
use alloc::format;
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
    /// Neither JSON (RFC 8259) nor a `google.protobuf.Struct`.
    NotJson(NotJson),
    /// A value of another type.
    WrongType {
        /// What it must be.
        expected: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// A key that does not exist here, and which was meant.
    UnknownKey(KeyHint),
    /// A key that is there twice.
    RepeatedKey,
    /// A string or a list that must have something in it.
    Empty,
    /// A rule without a path.
    NoPath,
    /// A rule with several paths.
    SeveralPaths,
    /// A text that cannot stand in a path, or does not say what it seems to.
    NotAPath(PathProblem),
    /// What is no address and no block of addresses.
    NotABlock(BlockError),
    /// All addresses of IPv4 and none of IPv6, or the other way round, where that protects.
    OneFamily,
    /// A rule that decides no request, since this one decides all that it could.
    Covered(usize),
    /// A rule that decides no request, since others decide all that it could.
    DecidesNothing,
    /// A pattern that no host can match, or that opens more than it says.
    NotAHost(HostError),
    /// A method that is no token (RFC 9110, 9.1), or stands for others.
    NotAMethod,
    /// A header name that is no token (RFC 9110, 5.1).
    NotAHeaderName,
    /// A header that the filter must not touch.
    ReservedHeader,
    /// The user's name in the field that credentials are read from.
    CredentialsField,
    /// A regular expression that does not compile: where and why.
    Regex(ExpressionError),
    /// More regular expressions than are accepted.
    TooManyExpressions,
    /// Neither `user:password` nor the base64 of that.
    NotACredential,
    /// Quotes around credentials.
    Quoted,
    /// What a template or a shell should have replaced by a user or a password.
    Placeholder,
    /// Credentials with nothing but a colon, a control character, or more octets than a request can
    /// send.
    UnsendableCredential,
    /// A password hash where a plain password is due.
    HashAsPassword,
    /// This user as before, with another password.
    OtherPassword {
        /// The user.
        user: String,
        /// The line that names the user again, counted from 1.
        line: usize,
        /// Where the user was named first.
        first: String,
    },
    /// `users` as an object.
    UsersAsMap,
    /// A line of htpasswd text that is refused.
    Htpasswd(HtpasswdError),
    /// No VM environment variable of this name.
    NoSuchVariable,
    /// A user whom no list knows.
    NoSuchUser,
    /// A group that is not among the `groups`.
    NoSuchGroup,
    /// A group, named like a user.
    GroupAsUser,
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
    /// What cannot be part of a counter's name.
    NotAStatPrefix,
    /// A realm with a control character.
    ControlCharacterInRealm,
    /// None of the words that may stand here.
    UnknownWord(&'static str),
    /// A key that has no meaning beside this one.
    NotBeside(&'static str),
}

/// Where a text ceases to be JSON, what is there, and what is expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotJson {
    /// Counted from 1.
    line: usize,
    /// In octets, counted from 1.
    column: usize,
    /// The character there; `None` at the end.
    found: Option<char>,
    /// In the words of `serde_json`, which name nothing of the text.
    expected: String,
}

impl NotJson {
    /// Counted from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        self.line
    }

    /// In octets, counted from 1.
    #[must_use]
    pub fn column(&self) -> usize {
        self.column
    }

    pub(super) fn of(error: &serde_json::Error, text: &[u8]) -> Self {
        let (line, column) = (error.line(), error.column());
        let mut lines = text.split(|octet| *octet == b'\n');
        let rest = lines
            .nth(line.saturating_sub(1))
            .and_then(|line| line.get(column.saturating_sub(1)..));
        let found = rest.and_then(|rest| String::from_utf8_lossy(rest).chars().next());
        let message = format!("{error}");
        let expected = message.split(" at line ").next().unwrap_or_default();
        Self {
            line,
            column,
            found,
            expected: expected.into(),
        }
    }
}

impl fmt::Display for NotJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            line,
            column,
            expected,
            ..
        } = self;
        write!(f, "not JSON at line {line}, column {column}: {expected}, ")?;
        match self.found {
            Some(character) => write!(f, "found {}", Quoted(character.encode_utf8(&mut [0; 4]))),
            None => f.write_str("found the end"),
        }
    }
}

impl fmt::Display for ConfigurationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.problem {
            // The line is part of the place.
            Problem::Htpasswd(error) => write!(f, "{}, {error}", self.place),
            Problem::OtherPassword { line, .. } => {
                write!(f, "{}, line {line}: {}", self.place, self.problem)
            }
            problem => write!(f, "{}: {problem}", self.place),
        }
    }
}

impl core::error::Error for ConfigurationError {}

const ALL_ADDRESSES: &str = "write `0.0.0.0/0` and `::/0` for all, or leave `remote_ips` out";

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::TooLarge => f.write_str("is over 16 MiB; leave out what is not needed"),
            Problem::NotJson(why) => why.fmt(f),
            Problem::WrongType { expected, found } => write!(f, "must be {expected}, is {found}"),
            Problem::UnknownKey(hint) => write!(f, "unknown key; {hint}"),
            Problem::RepeatedKey => f.write_str("given twice; keep one"),
            Problem::Empty => f.write_str("must not be empty"),
            Problem::NoPath => f.write_str(
                "needs one of `exact`, `prefix`, `suffix`, `path_separated_prefix`, `regex`",
            ),
            Problem::SeveralPaths => f.write_str(
                "has several of `exact`, `prefix`, `suffix`, `path_separated_prefix`, `regex`; \
                 write a rule for each",
            ),
            Problem::NotAPath(why) => f.write_str(match why {
                PathProblem::Url => {
                    "has a host; write the path here, from its `/` on, and the host in `hosts`"
                }
                PathProblem::Query => {
                    "has a query or a fragment, which rules do not see; leave out `?` or `#` and what \
                     follows, or write `%3F` or `%23` for the character itself"
                }
                PathProblem::Wildcard => {
                    "has `*`, `.+` or `...`, which stand for nothing else here; leave that out with \
                     `path_separated_prefix` or `suffix`, use `regex`, or write `%2A`, `%2B` or `%2E` for \
                     the characters themselves"
                }
                PathProblem::Expression => {
                    "has a character that no path has; use `regex` for an expression or a template, or \
                     write the character percent-encoded, such as `%5B` for `[`"
                }
                PathProblem::Template => {
                    "has a parameter of a route, such as `/:id`; use `regex`, or write `%3A` for the colon itself"
                }
                PathProblem::Anchor => {
                    "ends with `$`, which is no anchor here; leave it out, or write `%24` for the character itself"
                }
                PathProblem::Several => {
                    "seems to have several paths; write a rule for each, or `%20` and `%2C` for a blank and a \
                     comma themselves"
                }
                PathProblem::BlankAtEnd => {
                    "has a blank, or a character that nobody sees, at an end of a segment; leave it out, or \
                     write it as `%20` and the like"
                }
                PathProblem::CouldBeAny => {
                    "could mean any path; write it without escapes, control characters, dot segments and `;`"
                }
                PathProblem::Escape => {
                    "has an escape that means another path when it is decoded, and must not open that \
                     too; write the path without it"
                }
                PathProblem::Ambiguous => {
                    "has dots, slashes or a `;` that servers read in several ways, so that it would exempt \
                     nothing; write the path in its plain form"
                }
                PathProblem::NoSlash => "must begin with `/`, as every path does",
            }),
            Problem::NotABlock(BlockError::NotABlock) => f.write_str(
                "is neither an address nor a block such as `10.0.0.0/8` or `2001:db8::/32`",
            ),
            Problem::NotABlock(BlockError::BitsBehindPrefix) => f.write_str(
                "has bits set behind its prefix; write the first address of the block, or leave out \
                 the `/` and what follows for one address",
            ),
            Problem::NotABlock(BlockError::Unspecified) => {
                write!(f, "is the address of no client; {ALL_ADDRESSES}")
            }
            Problem::OneFamily => {
                write!(f, "has every address of IPv4 and none of IPv6, or the reverse; {ALL_ADDRESSES}")
            }
            Problem::Covered(by) => write!(
                f,
                "decides no request, since basic_auth_rules[{by}] decides all that it could; make that one \
                 narrower, put this one in front under `rule_selection: first`, or remove one of them"
            ),
            Problem::DecidesNothing => f.write_str(
                "decides no request, since other rules decide all that it could; make them narrower, or \
                 remove this one",
            ),
            Problem::NotAHost(why) => f.write_str(match why {
                HostError::Url => "has a scheme or a path; write the host alone",
                HostError::Block => "is a block of addresses; where clients are belongs into `remote_ips`",
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
            Problem::NotAMethod => f.write_str("is not a method; write one such as `GET`, or leave `request_methods` out for all"),
            Problem::NotAHeaderName => {
                f.write_str("is not a header name; write one such as `x-user`")
            }
            Problem::ReservedHeader => f.write_str(
                "is a header that connections, hosts or cookies depend on, and is left alone; write \
                 another, such as `x-user`",
            ),
            Problem::CredentialsField => f.write_str(
                "is the header that credentials are read from; write another, such as `x-user`",
            ),
            Problem::Regex(why) => write!(f, "{why}"),
            Problem::TooManyExpressions => f.write_str(
                "is one regular expression too many; 256 are accepted, since each is tried on every request",
            ),
            Problem::NotACredential => {
                f.write_str("must be `user:password` or the base64 of that")
            }
            Problem::Quoted => f.write_str("has quotes around it, which would belong to it; remove them"),
            Problem::Placeholder => f.write_str(
                "is a placeholder that nothing has filled in, and would itself be the password",
            ),
            Problem::UnsendableCredential => f.write_str(
                "is a colon alone, has a control character (such as the line end of `echo`), or is longer than 6138 \
                 octets, and would match no request",
            ),
            Problem::HashAsPassword => f.write_str(
                "is a password hash, or has a label such as `{PLAIN}`, and would itself be the password; put it \
                 into `users`",
            ),
            Problem::OtherPassword { user, first, .. } => write!(
                f,
                "user {} is there already in {first} with another password; keep one",
                Quoted(user)
            ),
            Problem::UsersAsMap => f.write_str(
                "must be a string or a list of lines, is an object; write each user as a line, such as \
                 `\"alice:hash\"`",
            ),
            Problem::Htpasswd(error) => write!(f, "{error}"),
            Problem::NoSuchVariable => f.write_str(
                "names a VM environment variable that is not set; add it to \
                 `environment_variables` (Envoy) or `vmConfig.env` (Istio)",
            ),
            Problem::NoSuchUser => f.write_str("is no user of this list; add it to `users` as `NAME:HASH`"),
            Problem::NoSuchGroup => f.write_str("is none of the `groups`, which are named without `@` there"),
            Problem::GroupAsUser => f.write_str("is a group; write it with `@` in front"),
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
            Problem::NotAStatPrefix => f.write_str(
                "must be at most 64 letters of ASCII, digits and `_`; write it such as `staging_admin`",
            ),
            Problem::ControlCharacterInRealm => f.write_str("must not have a control character"),
            Problem::UnknownWord(words) => write!(f, "must be {words}"),
            Problem::NotBeside(key) => write!(f, "has no meaning beside `{key}`; remove one"),
        }
    }
}
