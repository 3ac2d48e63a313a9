//! What is wrong with an htpasswd text. No text here ever holds a piece of a hash or a password.

use core::fmt;

use crate::password::error::HashError;
use crate::quoted::Quoted;

/// The first line of an htpasswd text that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HtpasswdError {
    /// The line, counted from 1.
    pub line: usize,
    /// The first 64 characters of the user name, if there is one. Nothing that could be a password
    /// or a hash is shown: no line without `:`, and no name with `$`, `{` or `}`.
    pub user: Option<String>,
    /// What is wrong with it.
    pub problem: HtpasswdProblem,
}

/// What is wrong with a line of an htpasswd text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HtpasswdProblem {
    /// No `:`.
    NoColon,
    /// No `:` before the hash, but one behind it.
    MissingColon,
    /// `user::…`.
    TwoColons,
    /// A hash, or a password after its label, where the user name should be.
    HashFirst,
    /// A line of an htdigest file.
    Htdigest,
    /// The base64 of an htpasswd text.
    Base64,
    /// Several users on one line. What stands between them.
    SeveralUsers(&'static str),
    /// A carriage return amid the line.
    CarriageReturn,
    /// Quotes around the whole line or the user name.
    Quoted,
    /// `- ` in front of the line.
    ListMarker,
    /// The name of a file where its lines should be.
    FileName,
    /// The name of a variable in front.
    Assignment,
    /// A user name that is empty or ends with a blank.
    UserName,
    /// A control character in the user name (RFC 7617, 2).
    ControlCharacter,
    /// A character that nobody sees, at an end of the user name or of a plain password.
    Invisible,
    /// A blank between `:` and the hash, or after a password in plain text.
    Blank,
    /// The hash is refused.
    Hash(HashError),
}

impl fmt::Display for HtpasswdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        if let Some(user) = &self.user {
            write!(f, " (user {})", Quoted(user))?;
        }
        write!(f, ": {}", self.problem)
    }
}

impl core::error::Error for HtpasswdError {}

impl fmt::Display for HtpasswdProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoColon => "there is no `:`; a line is `user:hash`",
            Self::MissingColon => {
                "there is no `:` between the user name and what follows it; a line is `user:hash`"
            }
            Self::TwoColons => "there are two colons; a line is `user:hash`",
            Self::HashFirst => {
                "it starts with what should follow the user's name; a line is `user:hash`"
            }
            Self::Htdigest => {
                "this is a line of an htdigest file, for another scheme; make one by `htpasswd -B`"
            }
            Self::Base64 => "this is the base64 of a user list; write what it decodes to",
            Self::SeveralUsers(between) => {
                return write!(
                    f,
                    "there are several users, with {between} between them; each has a line of its own"
                );
            }
            Self::CarriageReturn => {
                "there is a carriage return amid the line; lines end with LF or CRLF"
            }
            Self::Quoted => "there are quotes around it, which belong to it; remove them",
            Self::ListMarker => "it starts with `- `; a line is `user:hash`",
            Self::FileName => "this is the name of a file; write the lines that are in it",
            Self::Assignment => "it starts with the name of a variable; a line is `user:hash`",
            Self::UserName => "the user name is empty or ends with a blank",
            Self::ControlCharacter => "the user name has a control character",
            Self::Invisible => {
                "an invisible character is at an end of the user name or the plain password; remove it"
            }
            Self::Blank => "there is a blank before the hash or after a plain password",
            Self::Hash(error) => return error.fmt(f),
        })
    }
}
