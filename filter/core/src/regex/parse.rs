//! Reads an expression, and writes its steps as it goes: no tree, no recursion.

use super::assertion::Assertion;
use super::error::{Fault, RegexError};
use super::program::{Alternatives, Class, Program, Step};
use super::set::Set;
use alloc::vec::Vec;

type Parsed<T> = Result<T, Fault>;

/// # Errors
/// The first fault, and where it is.
#[inline(never)]
pub(super) fn steps(expression: &str) -> Result<Vec<Step>, RegexError> {
    let program = Program::default();
    let alternatives = program.alternatives();
    let mut parser = Parser {
        cursor: Cursor {
            rest: expression,
            position: 0,
        },
        construct: 0,
        // `.` is any character: a line feed must not end what a rule protects.
        flags: Flags(Flags::DOT_IS_ANY),
        program,
        alternatives,
        last_part: None,
        open_groups: Vec::new(),
    };
    match parser.expression() {
        Ok(()) => Ok(parser.program.into_steps()),
        Err(fault) => Err(RegexError {
            position: parser.construct,
            fault,
        }),
    }
}

#[derive(Clone, Copy)]
struct Cursor<'e> {
    rest: &'e str,
    /// How many characters are in front of the rest.
    position: usize,
}

/// The flags that are set.
#[derive(Clone, Copy)]
struct Flags(u8);

impl Flags {
    /// In the order of their bits. Greed (`U`) makes no difference to a match of the whole text, and
    /// there are no Unicode classes to switch off (`u`).
    const LETTERS: [char; 7] = ['i', 'm', 's', 'x', 'R', 'U', 'u'];
    const ANY_CASE: u8 = 1;
    const LINES: u8 = 2;
    const DOT_IS_ANY: u8 = 4;
    const BLANKS_ARE_NOTHING: u8 = 8;
    const ANY_LINE_END: u8 = 16;

    fn named(letter: char) -> Option<u8> {
        let place = Self::LETTERS.iter().position(|known| *known == letter);
        place.map(|place| 1 << place)
    }

    fn has(self, flag: u8) -> bool {
        self.0 & flag != 0
    }
}

/// A group whose end is not yet read.
struct OpenGroup {
    /// The number of its first character.
    position: usize,
    /// The step that it starts with.
    start: usize,
    /// What holds again behind it.
    flags: Flags,
    alternatives: Alternatives,
}

/// What an escape stands for.
enum Escape {
    Character(char),
    Set(Set),
    Assertion(Assertion),
}

struct Parser<'e> {
    cursor: Cursor<'e>,
    /// The number, from 1, of the first character of what is read: where a fault is.
    construct: usize,
    flags: Flags,
    program: Program,
    /// Those of the innermost group.
    alternatives: Alternatives,
    /// The step that the last part starts with, which a repetition repeats.
    last_part: Option<usize>,
    open_groups: Vec<OpenGroup>,
}

impl Parser<'_> {
    fn expression(&mut self) -> Parsed<()> {
        while let Some(character) = self.start_construct() {
            match character {
                '(' => self.group()?,
                ')' => self.close_group()?,
                '|' => {
                    self.program.next_alternative(&mut self.alternatives)?;
                    self.last_part = None;
                }
                '?' | '*' | '+' | '{' => self.repetition(character)?,
                _ => {
                    self.last_part = Some(self.program.end());
                    self.part(character)?;
                }
            }
        }
        if let Some(group) = self.open_groups.pop() {
            self.construct = group.position;
            return Err(Fault::OpenGroup);
        }
        self.program.end_alternative(self.alternatives);
        Ok(())
    }

    /// What is no group, and nothing that is about groups or other parts.
    fn part(&mut self, character: char) -> Parsed<()> {
        match character {
            '[' => self.class(),
            '.' => self.dot(),
            '^' => self.anchor([
                Assertion::TEXT_START,
                Assertion::LINE_START,
                Assertion::ANY_LINE_START,
            ]),
            '$' => self.anchor([
                Assertion::TEXT_END,
                Assertion::LINE_END,
                Assertion::ANY_LINE_END,
            ]),
            '\\' => match self.escape()? {
                Escape::Character(character) => self.character(character),
                Escape::Assertion(assertion) => self.program.push(Step::Assert(assertion)),
                Escape::Set(set) => self.any_of(set),
            },
            character => self.character(character),
        }
    }

    fn character(&mut self, character: char) -> Parsed<()> {
        self.program.push(if self.flags.has(Flags::ANY_CASE) {
            Step::AnyCase(character)
        } else {
            Step::Character(character)
        })
    }

    fn anchor(&mut self, [text, line, any_line]: [Assertion; 3]) -> Parsed<()> {
        self.program
            .push(Step::Assert(if !self.flags.has(Flags::LINES) {
                text
            } else if self.flags.has(Flags::ANY_LINE_END) {
                any_line
            } else {
                line
            }))
    }

    fn dot(&mut self) -> Parsed<()> {
        self.any_of(if self.flags.has(Flags::DOT_IS_ANY) {
            Set::ANY
        } else if self.flags.has(Flags::ANY_LINE_END) {
            Set::NO_LINE_END
        } else {
            Set::NO_LF
        })
    }

    fn any_of(&mut self, set: Set) -> Parsed<()> {
        let start = self.open_class()?;
        self.set(set)?;
        self.program.close_class(start, Class::default());
        Ok(())
    }

    fn group(&mut self) -> Parsed<()> {
        let position = self.construct;
        let flags = self.flags;
        self.skip_blanks();
        if self.take('?') {
            if ["=", "!", "<=", "<!"]
                .into_iter()
                .any(|look| self.take_text(look))
            {
                return Err(Fault::LookAround);
            }
            if self.take_text("<") || self.take_text("P<") {
                self.name()?;
            } else if self.flags()? == ')' {
                return Ok(());
            }
        }
        // Groups in groups take memory while they are open.
        self.program.reserve(1)?;
        self.open_groups.push(OpenGroup {
            position,
            start: self.program.end(),
            flags,
            alternatives: self.alternatives,
        });
        self.alternatives = self.program.alternatives();
        self.last_part = None;
        Ok(())
    }

    fn close_group(&mut self) -> Parsed<()> {
        let group = self.open_groups.pop().ok_or(Fault::NoGroup)?;
        self.program.end_alternative(self.alternatives);
        self.alternatives = group.alternatives;
        self.flags = group.flags;
        self.last_part = Some(group.start);
        Ok(())
    }

    /// The name of a group, which nothing refers to.
    fn name(&mut self) -> Parsed<()> {
        let mut is_empty = true;
        loop {
            match self.next() {
                Some('>') if !is_empty => return Ok(()),
                Some('_' | 'a'..='z' | 'A'..='Z' | '\u{80}'..) => {}
                Some('0'..='9' | '.' | '[' | ']') if !is_empty => {}
                _ => return Err(Fault::Name),
            }
            is_empty = false;
        }
    }

    /// Sets flags, and returns what they end with: `)` or `:`.
    fn flags(&mut self) -> Parsed<char> {
        let (mut seen, mut is_off, mut last) = (0, false, None);
        loop {
            let character = self.next().ok_or(Fault::Flags)?;
            match (last, character) {
                (Some('-'), ':' | ')') | (None, ')') => return Err(Fault::Flags),
                (_, ':' | ')') => return Ok(character),
                (_, '-') if !is_off => is_off = true,
                _ => {
                    let flag = Flags::named(character).ok_or(Fault::Flags)?;
                    if seen & flag != 0 {
                        return Err(Fault::Flags);
                    }
                    seen |= flag;
                    self.flags.0 |= flag;
                    if is_off {
                        self.flags.0 ^= flag;
                    }
                }
            }
            last = Some(character);
        }
    }

    fn repetition(&mut self, operator: char) -> Parsed<()> {
        let part = self.last_part.ok_or(Fault::NothingRepeated)?;
        let (least, most) = match operator {
            '?' => (0, Some(1)),
            '*' => (0, None),
            '+' => (1, None),
            _ => self.bounds()?,
        };
        // Lazy or not is the same for a match of the whole text.
        self.take('?');
        self.program.repeat(part, least, most)
    }

    /// What follows `{`.
    fn bounds(&mut self) -> Parsed<(usize, Option<usize>)> {
        let least = self.number()?;
        let mut most = Some(least);
        if self.take(',') {
            self.skip_blanks();
            most = if self.peek() == Some('}') {
                None
            } else {
                Some(self.number()?)
            };
        }
        if !self.take('}') || most.is_some_and(|most| least > most) {
            return Err(Fault::Repetition);
        }
        self.skip_blanks();
        Ok((least, most))
    }

    /// A decimal number, with blanks around it; one that is too large for anything is the largest.
    fn number(&mut self) -> Parsed<usize> {
        let mut number = None;
        self.skip_blanks();
        self.skip_whitespace();
        while let Some(digit @ '0'..='9') = self.peek() {
            self.next();
            self.skip_blanks();
            let digit = digit as usize - '0' as usize;
            number = Some(
                number
                    .unwrap_or(0_usize)
                    .saturating_mul(10)
                    .saturating_add(digit),
            );
        }
        self.skip_whitespace();
        number.ok_or(Fault::Repetition)
    }

    /// What follows `[`.
    fn class(&mut self) -> Parsed<()> {
        let position = self.construct;
        let start = self.open_class()?;
        self.skip_blanks();
        let is_negated = self.take('^');
        self.skip_blanks();
        while self.take('-') {
            self.program.push(Step::Range('-', '-'))?;
            self.skip_blanks();
        }
        if self.program.end() == start + 1 && self.take(']') {
            self.program.push(Step::Range(']', ']'))?;
        }
        loop {
            match self.start_construct() {
                Some(']') => break,
                Some('[') => {
                    let set = self.posix().ok_or(Fault::NestedClass)?;
                    self.set(set)?;
                }
                Some(operator @ ('&' | '-' | '~')) if self.peek() == Some(operator) => {
                    return Err(Fault::NestedClass);
                }
                Some(character) => self.range(character)?,
                None => {
                    self.construct = position;
                    return Err(Fault::OpenClass);
                }
            }
        }
        let class = Class {
            is_negated,
            is_any_case: self.flags.has(Flags::ANY_CASE),
            ..Class::default()
        };
        self.program.close_class(start, class);
        Ok(())
    }

    /// A place for the class whose ranges follow.
    fn open_class(&mut self) -> Parsed<usize> {
        let start = self.program.end();
        self.program.push(Step::Jump(0))?;
        Ok(start)
    }

    fn set(&mut self, set: Set) -> Parsed<()> {
        set.ranges(|first, last| self.program.push(Step::Range(first, last)))
    }

    /// What follows `[` in a class: `:alpha:]` or `:^alpha:]`.
    fn posix(&mut self) -> Option<Set> {
        if !self.take(':') {
            return None;
        }
        let is_negated = self.take('^');
        Set::all_named(is_negated).find_map(|(name, set)| self.take_text(name).then_some(set))
    }

    /// A character of a class, a set, or a range.
    fn range(&mut self, character: char) -> Parsed<()> {
        let first = self.member(character)?;
        self.skip_blanks();
        let dash = self.cursor;
        let last = if self.take('-') {
            self.skip_blanks();
            self.peek().filter(|next| !matches!(next, ']' | '-'))
        } else {
            None
        };
        match (first, last) {
            (Escape::Character(first), Some(last)) => {
                self.next();
                match self.member(last)? {
                    Escape::Character(last) if first <= last => {
                        self.program.push(Step::Range(first, last))
                    }
                    _ => Err(Fault::Range),
                }
            }
            (_, Some(_)) => Err(Fault::Range),
            (first, None) => {
                self.cursor = dash;
                match first {
                    Escape::Character(character) => {
                        self.program.push(Step::Range(character, character))
                    }
                    Escape::Set(set) => self.set(set),
                    Escape::Assertion(_) => Err(Fault::Escape),
                }
            }
        }
    }

    fn member(&mut self, character: char) -> Parsed<Escape> {
        if character == '\\' {
            self.escape()
        } else {
            Ok(Escape::Character(character))
        }
    }

    /// What follows `\`.
    fn escape(&mut self) -> Parsed<Escape> {
        let character = self.next().ok_or(Fault::Escape)?;
        Ok(match character {
            'x' => Escape::Character(self.hexadecimal(2)?),
            'u' => Escape::Character(self.hexadecimal(4)?),
            'U' => Escape::Character(self.hexadecimal(8)?),
            'a' => Escape::Character('\x07'),
            'f' => Escape::Character('\x0c'),
            'n' => Escape::Character('\n'),
            'r' => Escape::Character('\r'),
            't' => Escape::Character('\t'),
            'v' => Escape::Character('\x0b'),
            'A' => Escape::Assertion(Assertion::TEXT_START),
            'B' => Escape::Assertion(Assertion::NO_BOUNDARY),
            'b' => Escape::Assertion(self.boundary()),
            'z' => Escape::Assertion(Assertion::TEXT_END),
            '<' => Escape::Assertion(Assertion::WORD_START),
            '>' => Escape::Assertion(Assertion::WORD_END),
            '0'..='9' => return Err(Fault::BackReference),
            'p' | 'P' => return Err(Fault::UnicodeClass),
            character if character.is_ascii_alphabetic() => {
                Escape::Set(Set::of_escape(character).ok_or(Fault::Escape)?)
            }
            character if character.is_ascii() => Escape::Character(character),
            _ => return Err(Fault::Escape),
        })
    }

    /// What follows `\b`.
    fn boundary(&mut self) -> Assertion {
        let kinds = [
            ("{start}", Assertion::WORD_START),
            ("{end}", Assertion::WORD_END),
            ("{start-half}", Assertion::NO_WORD_BEFORE),
            ("{end-half}", Assertion::NO_WORD_AFTER),
        ];
        let kind = kinds
            .into_iter()
            .find_map(|(text, kind)| self.take_text(text).then_some(kind));
        kind.unwrap_or(Assertion::BOUNDARY)
    }

    /// A character by its number: so many digits, or any number of them in braces.
    fn hexadecimal(&mut self, digits: usize) -> Parsed<char> {
        self.skip_blanks();
        let is_braced = self.take('{');
        let (mut number, mut count) = (0_u32, 0);
        while is_braced || count < digits {
            self.skip_blanks();
            if is_braced && count > 0 && self.take('}') {
                break;
            }
            let digit = self.next().and_then(|character| character.to_digit(16));
            number = number
                .saturating_mul(16)
                .saturating_add(digit.ok_or(Fault::Number)?);
            count += 1;
        }
        char::from_u32(number).ok_or(Fault::Number)
    }

    /// The first character of the next construct.
    fn start_construct(&mut self) -> Option<char> {
        self.skip_blanks();
        let character = self.next()?;
        self.construct = self.cursor.position;
        Some(character)
    }

    // Decoding is code: once is enough.
    #[inline(never)]
    fn peek(&self) -> Option<char> {
        self.cursor.rest.chars().next()
    }

    #[inline(never)]
    fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.cursor.rest = self.cursor.rest.get(next.len_utf8()..)?;
        self.cursor.position += 1;
        Some(next)
    }

    fn take(&mut self, character: char) -> bool {
        let is_next = self.peek() == Some(character);
        if is_next {
            self.next();
        }
        is_next
    }

    /// Takes an ASCII text, all of it or nothing.
    fn take_text(&mut self, text: &str) -> bool {
        let rest = self.cursor.rest.strip_prefix(text);
        if let Some(rest) = rest {
            self.cursor.rest = rest;
            self.cursor.position += text.len();
        }
        rest.is_some()
    }

    /// Skips blanks and comments, if flags say that they mean nothing.
    fn skip_blanks(&mut self) {
        if !self.flags.has(Flags::BLANKS_ARE_NOTHING) {
            return;
        }
        self.skip_whitespace();
        while self.take('#') {
            while self.next().is_some_and(|character| character != '\n') {}
            self.skip_whitespace();
        }
    }

    fn skip_whitespace(&mut self) {
        while self.peek().is_some_and(is_blank) {
            self.next();
        }
    }
}

/// Whether a character is white space, as `char::is_whitespace` has it, without its table.
fn is_blank(character: char) -> bool {
    matches!(
        character,
        '\t'..='\r'
            | ' '
            | '\u{85}'
            | '\u{a0}'
            | '\u{1680}'
            | '\u{2000}'..='\u{200a}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{202f}'
            | '\u{205f}'
            | '\u{3000}'
    )
}

#[cfg(test)]
mod tests {
    #[test]
    fn blanks_are_those_of_unicode() {
        for character in '\0'..=char::MAX {
            assert_eq!(
                super::is_blank(character),
                character.is_whitespace(),
                "{character:?}"
            );
        }
    }
}
