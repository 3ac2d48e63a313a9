//! What an expression can ask of the place between two characters.

/// All pairs of sides between which it holds, as bits: a place for each pair.
#[derive(Clone, Copy, Debug)]
pub(super) struct Assertion(u32);

/// The kinds of what stands at a side of a place, as bits.
type Sides = u32;

const NOTHING: Sides = 1;
const LF: Sides = 2;
const CR: Sides = 4;
const WORD: Sides = 8;
const OTHER: Sides = 16;
const ANY: Sides = NOTHING | LF | CR | WORD | OTHER;
const NO_WORD: Sides = ANY & !WORD;
const KINDS: u32 = ANY.count_ones();

impl Assertion {
    pub(super) const TEXT_START: Self = Self::between(NOTHING, ANY);
    pub(super) const TEXT_END: Self = Self::between(ANY, NOTHING);
    /// Lines end with LF.
    pub(super) const LINE_START: Self = Self::between(NOTHING | LF, ANY);
    pub(super) const LINE_END: Self = Self::between(ANY, NOTHING | LF);
    /// Lines end with CR, LF or both.
    pub(super) const ANY_LINE_START: Self =
        Self::between(NOTHING | LF, ANY).or(Self::between(CR, ANY & !LF));
    pub(super) const ANY_LINE_END: Self =
        Self::between(ANY, NOTHING | CR).or(Self::between(ANY & !CR, LF));
    pub(super) const WORD_START: Self = Self::between(NO_WORD, WORD);
    pub(super) const WORD_END: Self = Self::between(WORD, NO_WORD);
    pub(super) const BOUNDARY: Self = Self::WORD_START.or(Self::WORD_END);
    pub(super) const NO_BOUNDARY: Self =
        Self::between(WORD, WORD).or(Self::between(NO_WORD, NO_WORD));
    pub(super) const NO_WORD_BEFORE: Self = Self::between(NO_WORD, ANY);
    pub(super) const NO_WORD_AFTER: Self = Self::between(ANY, NO_WORD);

    const fn between(before: Sides, after: Sides) -> Self {
        let mut pairs = 0;
        let mut kind = 0;
        while kind < KINDS {
            if before & (1 << kind) != 0 {
                pairs |= after << (kind * KINDS);
            }
            kind += 1;
        }
        Self(pairs)
    }

    const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn holds(self, before: Option<char>, after: Option<char>) -> bool {
        let pair = kind(before).trailing_zeros() * KINDS + kind(after).trailing_zeros();
        self.0 & (1 << pair) != 0
    }
}

fn kind(side: Option<char>) -> Sides {
    match side {
        None => NOTHING,
        Some('\n') => LF,
        Some('\r') => CR,
        Some('a'..='z' | 'A'..='Z' | '0'..='9' | '_') => WORD,
        Some(_) => OTHER,
    }
}
