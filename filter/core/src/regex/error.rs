//! Why an expression is refused. No text here ever holds a piece of the expression.

use core::fmt;

/// Why an expression is refused, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegexError {
    /// Counted in characters, from 1.
    pub(super) position: usize,
    pub(super) fault: Fault,
}

/// What can be wrong with an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// `)` without a group.
    NoGroup,
    /// A group without `)`.
    OpenGroup,
    /// A class without `]`.
    OpenClass,
    /// A set operation, or a class in a class that is none of POSIX.
    NestedClass,
    /// A range whose ends are no characters, or in the wrong order.
    Range,
    /// A repetition with nothing in front of it.
    NothingRepeated,
    /// What follows `{` is no repetition.
    Repetition,
    /// `(?=`, `(?!`, `(?<=` or `(?<!`.
    LookAround,
    /// `\1`.
    BackReference,
    /// `\p{…}`.
    UnicodeClass,
    /// `\` before what it has no meaning for here.
    Escape,
    /// What follows `\x`, `\u` or `\U` is no character's number.
    Number,
    /// What follows `(?` are no flags.
    Flags,
    /// What follows `(?<` is no name.
    Name,
    /// More steps than are accepted.
    TooLarge,
}

impl core::error::Error for RegexError {}

impl fmt::Display for RegexError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at character {}: ", self.position)?;
        f.write_str(match self.fault {
            Fault::NoGroup => r"no group is open here; write `\)` for the character",
            Fault::OpenGroup => r"the group has no end; add `)`, or write `\(` for the character",
            Fault::OpenClass => r"the class has no end; add `]`, or write `\[` for the character",
            Fault::NestedClass => {
                r"no class or `&&`, `--`, `~~` can stand in a class; write `\` before the character"
            }
            Fault::Range => r"must be a range such as `a-z`; write `\-` for the character",
            Fault::NothingRepeated => r"nothing is repeated; write `\` before the character",
            Fault::Repetition => {
                r"must be a repetition such as `{3}`, `{3,}` or `{3,5}`; write `\{` for the character"
            }
            Fault::LookAround => {
                "look-around is not supported; write a rule for what matches and one that exempts"
            }
            Fault::BackReference => "back-references are not supported; write the group again",
            Fault::UnicodeClass => {
                "Unicode classes are not supported; write ranges such as `[à-ÿ]`"
            }
            Fault::Escape => r"has no such escape; leave out the `\`, or write `\\`",
            Fault::Number => r"must be a character such as `\x41`, `\u00e9` or `\x{20ac}`",
            Fault::Flags => "must be flags such as `(?i)`, `(?s-m)` or `(?i:`; they are imsxRUu",
            Fault::Name => "must be a name of letters, digits and `_`, and `>`",
            Fault::TooLarge => "compiles to more than 5000 steps; repeat less, or write several rules",
        })
    }
}
