//! Hostile spellings of a path, composed of what attacks consist of.

mod parts;

use parts::{BEGINNINGS, ENDINGS, SLASHES};

/// Where the choices of a composition come from.
pub trait Choices {
    /// A number below `count`.
    fn below(&mut self, count: usize) -> usize;
}

/// A spelling of a path that some upstream may resolve to that path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spelling(pub Vec<u8>);

impl Spelling {
    /// Every spelling with one change: another beginning, slash, octet or ending.
    pub fn single_changes(path: &str) -> Vec<Self> {
        let mut spellings: Vec<String> = BEGINNINGS
            .iter()
            .map(|beginning| format!("{beginning}{path}"))
            .chain(ENDINGS.iter().map(|ending| format!("{path}{ending}")))
            .collect();
        for (at, octet) in path.bytes().enumerate() {
            let (before, after) = (&path[..at], &path[at + 1..]);
            let changed = |new: String| format!("{before}{new}{after}");
            if octet == b'/' {
                spellings.extend(SLASHES.iter().map(|slash| changed((*slash).to_owned())));
            }
            spellings.extend((0..FORMS).map(|form| changed(spell_as(octet, form))));
        }
        spellings.push(path.to_ascii_uppercase());
        let spellings = spellings.into_iter();
        spellings
            .map(|spelling| Self(spelling.into_bytes()))
            .collect()
    }

    /// Composes a spelling of `path`.
    pub fn compose(path: &str, choices: &mut impl Choices) -> Self {
        let mut spelling = String::new();
        if choices.below(4) == 0 {
            spelling += pick(BEGINNINGS, choices);
        }
        for segment in path.split('/').skip(1) {
            spelling += if choices.below(2) == 0 {
                "/"
            } else {
                pick(SLASHES, choices)
            };
            for octet in segment.bytes() {
                spelling += &spell(octet, choices);
            }
            if choices.below(12) == 0 {
                spelling += ";p=1";
            }
        }
        if choices.below(2) == 0 {
            spelling += pick(ENDINGS, choices);
        }
        if choices.below(6) == 0 {
            spelling = escape_again(&spelling, choices);
        }
        Self(spelling.into_bytes())
    }
}

fn pick(texts: &'static [&'static str], choices: &mut impl Choices) -> &'static str {
    texts[choices.below(texts.len())]
}

/// How many forms of an octet `spell_as` knows.
const FORMS: usize = 16;

/// One octet: as it is most often, or in another form.
fn spell(octet: u8, choices: &mut impl Choices) -> String {
    match choices.below(10) {
        0 => spell_as(octet, choices.below(FORMS)),
        _ => spell_as(octet, FORMS),
    }
}

/// One octet: as an escape, of which a digit or the `%` may be an escape itself, in the other
/// case, behind something that some server drops, or as it is.
fn spell_as(octet: u8, form: usize) -> String {
    let must_be_escaped = octet <= b' ' || octet >= 0x7f;
    let (high, low) = (octet >> 4, octet & 15);
    let character = if must_be_escaped {
        format!("%{octet:02x}")
    } else {
        char::from(octet).to_string()
    };
    match form {
        0..3 => format!("%{octet:02x}"),
        3 => format!("%{octet:02X}"),
        4 => format!("%25{octet:02x}"),
        5 => format!("%%{:02x}{low:x}", digit(high)),
        6 => format!("%{high:x}%{:02x}", digit(low)),
        7 => format!("%u00{octet:02x}"),
        8 => format!("%ff{character}"),
        9 => format!("%zz{character}"),
        10 => format!("%{octet:02x}%c3"),
        11 => match octet {
            b's' => "%c5%bf".to_owned(),
            b'k' => "%e2%84%aa".to_owned(),
            _ => format!("%c3{character}"),
        },
        12 => wide(octet),
        13 | 14 => other_case(octet).unwrap_or(character),
        15 => other_case(octet).map_or(character, |other| {
            format!("%{:02x}", other.as_bytes().first().unwrap_or(&octet))
        }),
        _ => character,
    }
}

/// The full-width form of a visible ASCII octet (U+FF01 and up), which compatibility
/// normalisation turns into it.
fn wide(octet: u8) -> String {
    let wide = char::from_u32(0xfee0 + u32::from(octet)).unwrap_or('/');
    let mut buffer = [0; 4];
    let octets = wide.encode_utf8(&mut buffer).bytes();
    octets.map(|octet| format!("%{octet:02x}")).collect()
}

fn other_case(octet: u8) -> Option<String> {
    let other = if octet.is_ascii_lowercase() {
        octet.to_ascii_uppercase()
    } else {
        octet.to_ascii_lowercase()
    };
    (other != octet).then(|| char::from(other).to_string())
}

fn digit(value: u8) -> u32 {
    u32::from(char::from_digit(u32::from(value), 16).unwrap_or('0'))
}

/// Escapes some octets of a spelling once more.
fn escape_again(spelling: &str, choices: &mut impl Choices) -> String {
    let octets = spelling.bytes();
    octets
        .map(|octet| match choices.below(3) {
            0 if b"/\\;?#.%".contains(&octet) => format!("%{octet:02x}"),
            _ => char::from(octet).to_string(),
        })
        .collect()
}
