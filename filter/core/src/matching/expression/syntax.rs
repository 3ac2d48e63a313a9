//! What the syntax of an expression tells about the paths that match it: how they begin, whether one
//! is searched for, and an example.
//!
//! Reads what compiles only. Where the syntax is beyond it, it knows nothing, and so refuses nothing.

use alloc::string::String;
use core::iter::Peekable;
use core::str::Chars;

/// What an expression tells.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outline {
    /// An alternative that is anchored at one end and stops short at the other.
    pub(super) is_searched: bool,
    /// Every path that matches has a `?` or a `#`.
    pub(super) needs_query: bool,
    /// Some path that matches may begin with `/`.
    pub(super) may_begin_with_slash: bool,
    /// A path that may match.
    pub(super) example: String,
}

/// What a part of an expression tells.
#[derive(Clone, Default)]
struct Part {
    /// It may match nothing.
    may_be_empty: bool,
    may_begin_with_slash: bool,
    needs_query: bool,
    /// It goes on for as long as there is something: `.*`.
    is_open: bool,
    /// The same at its beginning.
    begins_open: bool,
    is_start: bool,
    is_end: bool,
    /// `(^|/)`: where a word starts, in a path that is searched.
    is_word_start: bool,
    /// `(/|$)`
    is_word_end: bool,
    example: String,
}

struct Reader<'e> {
    rest: Peekable<Chars<'e>>,
    /// An alternative is anchored at one end and stops short at the other.
    is_searched: bool,
}

/// `None` if the syntax is beyond this.
pub(super) fn outline(expression: &str) -> Option<Outline> {
    let mut reader = Reader {
        rest: expression.chars().peekable(),
        is_searched: false,
    };
    let whole = reader.alternatives(true)?;
    if reader.rest.next().is_some() {
        return None;
    }
    Some(Outline {
        needs_query: whole.needs_query,
        may_begin_with_slash: whole.may_begin_with_slash,
        example: whole.example,
        is_searched: reader.is_searched,
    })
}

impl Reader<'_> {
    /// Alternatives up to the end of the group or of the expression.
    fn alternatives(&mut self, is_whole: bool) -> Option<Part> {
        let mut all = self.concatenation(is_whole)?;
        while self.rest.next_if_eq(&'|').is_some() {
            let other = self.concatenation(is_whole)?;
            all.is_word_start |= other.is_word_start
                || all.is_start && !other.begins_open
                || other.is_start && !all.begins_open;
            all.is_word_end |=
                other.is_word_end || all.is_end && !other.is_open || other.is_end && !all.is_open;
            if !all.may_begin_with_slash || all.needs_query {
                all.example = other.example;
            }
            all.may_be_empty |= other.may_be_empty;
            all.may_begin_with_slash |= other.may_begin_with_slash;
            all.needs_query &= other.needs_query;
            all.is_open &= other.is_open;
            all.begins_open &= other.begins_open;
            all.is_start &= other.is_start;
            all.is_end &= other.is_end;
        }
        Some(all)
    }

    fn concatenation(&mut self, is_whole: bool) -> Option<Part> {
        let mut sum = Part {
            may_be_empty: true,
            ..Part::default()
        };
        let (mut starts, mut ends) = (false, false);
        let (mut is_first_open, mut is_last_open) = (None, false);
        while !matches!(self.rest.peek(), None | Some('|' | ')')) {
            let Some(part) = self.repeated()? else {
                continue;
            };
            if part.is_start {
                starts = true;
                continue;
            }
            if part.is_end {
                ends = true;
                continue;
            }
            if is_first_open.is_none() {
                is_first_open = Some(part.is_open);
                sum.is_word_start = part.is_word_start;
            }
            is_last_open = part.is_open;
            sum.is_word_end = part.is_word_end;
            sum.may_begin_with_slash |= sum.may_be_empty && part.may_begin_with_slash;
            sum.may_be_empty &= part.may_be_empty;
            sum.needs_query |= part.needs_query;
            sum.example += &part.example;
        }
        sum.is_open = is_last_open;
        if is_whole {
            self.is_searched |= starts && !ends && !is_last_open
                || ends && !starts && is_first_open != Some(true)
                || sum.is_word_start
                || sum.is_word_end;
        } else {
            let is_anchor = is_first_open.is_none();
            sum.is_start = starts && is_anchor;
            sum.is_end = ends && is_anchor;
            sum.begins_open = starts || is_first_open == Some(true);
            sum.is_open |= ends;
        }
        Some(sum)
    }

    /// A part and how often it is repeated; `Some(None)` for flags.
    fn repeated(&mut self) -> Option<Option<Part>> {
        let Some(mut part) = self.part()? else {
            return Some(None);
        };
        loop {
            match self.rest.peek() {
                Some('*') => part = Self::optional(part),
                Some('?') => {
                    let is_open = false;
                    part = Part {
                        is_open,
                        ..Self::optional(part)
                    };
                }
                Some('+') => {}
                Some('{') => {
                    self.rest.next();
                    let bounds: String = self.rest.by_ref().take_while(|c| *c != '}').collect();
                    part = Self::counted(part, &bounds)?;
                    self.laziness();
                    continue;
                }
                _ => return Some(Some(part)),
            }
            self.rest.next();
            self.laziness();
        }
    }

    fn laziness(&mut self) {
        self.rest.next_if_eq(&'?');
    }

    fn optional(part: Part) -> Part {
        Part {
            may_be_empty: true,
            needs_query: false,
            example: String::new(),
            ..part
        }
    }

    fn counted(part: Part, bounds: &str) -> Option<Part> {
        let (least, is_bounded) = match bounds.split_once(',') {
            Some((least, most)) => (least, !most.trim().is_empty()),
            None => (bounds, true),
        };
        let least: usize = match least.trim() {
            "" => 0,
            least => least.parse().ok()?,
        };
        let example = part.example.repeat(least.min(1024));
        let is_open = part.is_open && !is_bounded;
        let part = Part { is_open, ..part };
        Some(if least == 0 {
            Self::optional(part)
        } else {
            Part { example, ..part }
        })
    }

    fn part(&mut self) -> Option<Option<Part>> {
        let part = match self.rest.next()? {
            '(' => return self.group(),
            '[' => self.class()?,
            '^' => Part {
                is_start: true,
                may_be_empty: true,
                ..Part::default()
            },
            '$' => Part {
                is_end: true,
                may_be_empty: true,
                ..Part::default()
            },
            '.' => Part {
                may_begin_with_slash: true,
                is_open: matches!(self.rest.peek(), Some('*' | '+' | '{')),
                example: "x".into(),
                ..Part::default()
            },
            '\\' => self.escape()?,
            literal => Part::literal(literal),
        };
        Some(Some(part))
    }

    fn group(&mut self) -> Option<Option<Part>> {
        if self.rest.next_if_eq(&'?').is_some() {
            match self.rest.next()? {
                'P' => {
                    self.rest.next_if_eq(&'<')?;
                    self.rest.by_ref().find(|c| *c == '>')?;
                }
                '<' => {
                    self.rest.by_ref().find(|c| *c == '>')?;
                }
                first => {
                    let mut flag = first;
                    while flag != ':' && flag != ')' {
                        // With comments or lines, nothing is what it looks like.
                        if matches!(flag, 'x' | 'm' | 'R') {
                            return None;
                        }
                        flag = self.rest.next()?;
                    }
                    if flag == ')' {
                        return Some(None);
                    }
                }
            }
        }
        let part = self.alternatives(false)?;
        self.rest.next_if_eq(&')')?;
        Some(Some(part))
    }

    fn class(&mut self) -> Option<Part> {
        let mut text = String::from("[");
        loop {
            let character = self.rest.next()?;
            text.push(character);
            if character == '\\' {
                text.push(self.rest.next()?);
            }
            if character == ']'
                && let Ok(class) = regex_lite::Regex::new(&text)
            {
                let is_in = |text: &str| class.is_match(text);
                let example = ["x", "X", "1", "-", "_", "a", ".", "~", "0", "/"]
                    .into_iter()
                    .find(|text| is_in(text));
                let needs_query = example.is_none() && (is_in("?") || is_in("#"));
                return Some(Part {
                    may_begin_with_slash: is_in("/"),
                    needs_query,
                    example: example.unwrap_or("%").into(),
                    ..Part::default()
                });
            }
        }
    }

    fn escape(&mut self) -> Option<Part> {
        let part = |example: &str, may_begin_with_slash| Part {
            may_begin_with_slash,
            example: example.into(),
            ..Part::default()
        };
        Some(match self.rest.next()? {
            'A' => Part {
                is_start: true,
                may_be_empty: true,
                ..Part::default()
            },
            'z' => Part {
                is_end: true,
                may_be_empty: true,
                ..Part::default()
            },
            'b' | 'B' | '<' | '>' => return None,
            'd' => part("1", false),
            'w' => part("x", false),
            's' => part(" ", false),
            'D' | 'W' | 'S' => part("/", true),
            'x' | 'u' | 'U' => return None,
            't' | 'n' | 'r' | 'f' | 'v' | 'a' => return None,
            literal => Part::literal(literal),
        })
    }
}

impl Part {
    fn literal(character: char) -> Self {
        Self {
            may_begin_with_slash: character == '/',
            needs_query: matches!(character, '?' | '#'),
            example: character.into(),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests;
