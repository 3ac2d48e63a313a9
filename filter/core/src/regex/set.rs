//! The sets of ASCII characters that have a name.

/// The characters from each at an even place to the next, in ascending order.
type Pairs = &'static [u8];

const DIGIT: Pairs = b"09";
const SPACE: Pairs = b"\t\r  ";
const WORD: Pairs = b"09AZ__az";

/// By the names that POSIX gives them, and `word`, as they end.
const NAMED: [(&str, Pairs); 14] = [
    ("alnum:]", b"09AZaz"),
    ("alpha:]", b"AZaz"),
    ("ascii:]", b"\0\x7f"),
    ("blank:]", b"\t\t  "),
    ("cntrl:]", b"\0\x1f\x7f\x7f"),
    ("digit:]", DIGIT),
    ("graph:]", b"!~"),
    ("lower:]", b"az"),
    ("print:]", b" ~"),
    ("punct:]", b"!/:@[`{~"),
    ("space:]", SPACE),
    ("upper:]", b"AZ"),
    ("word:]", WORD),
    ("xdigit:]", b"09AFaf"),
];

const NONE: Pairs = b"";
const LF: Pairs = b"\n\n";
const LINE_ENDS: Pairs = b"\n\n\r\r";

/// A set, or all other characters.
#[derive(Clone, Copy)]
pub(super) struct Set {
    pairs: Pairs,
    is_negated: bool,
}

impl Set {
    pub(super) const ANY: Self = Self::not(NONE);
    pub(super) const NO_LF: Self = Self::not(LF);
    pub(super) const NO_LINE_END: Self = Self::not(LINE_ENDS);

    const fn not(pairs: Pairs) -> Self {
        Self {
            pairs,
            is_negated: true,
        }
    }

    /// `d`, `s`, `w`; in upper case what is not in them.
    pub(super) fn of_escape(letter: char) -> Option<Self> {
        let pairs = match letter.to_ascii_lowercase() {
            'd' => DIGIT,
            's' => SPACE,
            'w' => WORD,
            _ => return None,
        };
        Some(Self {
            pairs,
            is_negated: letter.is_ascii_uppercase(),
        })
    }

    /// All that have a name such as `alpha:]`, or what is not in them.
    pub(super) fn all_named(is_negated: bool) -> impl Iterator<Item = (&'static str, Self)> {
        let set = move |(name, pairs): &(&'static str, Pairs)| {
            let set = Self { pairs, is_negated };
            (*name, set)
        };
        NAMED.iter().map(set)
    }

    /// Calls `push` with each range of characters, until it fails.
    pub(super) fn ranges<E>(
        self,
        mut push: impl FnMut(char, char) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut gap = 0;
        for [first, last] in self.pairs.as_chunks().0 {
            if !self.is_negated {
                push(char::from(*first), char::from(*last))?;
            } else if gap < *first {
                push(char::from(gap), char::from(first - 1))?;
            }
            gap = last + 1;
        }
        if self.is_negated {
            push(char::from(gap), char::MAX)?;
        }
        Ok(())
    }
}
