//! Made-up expressions and texts: `regex-lite` accepts and matches the same.

use super::super::Regex;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// What `regex-lite` makes of an expression that must match a whole text.
fn reference(expression: &str) -> Result<regex_lite::Regex, String> {
    regex_lite::Regex::new(expression).map_err(|error| error.to_string())?;
    let build = |end: &str| {
        regex_lite::RegexBuilder::new(&format!("^(?:{expression}{end})$"))
            .dot_matches_new_line(true)
            .size_limit(1 << 18)
            .build()
    };
    // A comment would swallow the parenthesis.
    build("")
        .or_else(|_| build("\n"))
        .map_err(|error| error.to_string())
}

/// Both, if both accept the expression.
///
/// # Panics
/// One refuses it, and there is no reason why they may differ.
fn both(expression: &str) -> Option<(Regex, regex_lite::Regex)> {
    let why = match (Regex::parse(expression), reference(expression)) {
        (Ok(own), Ok(reference)) => return Some((own, reference)),
        (Err(_), Err(_)) => return None,
        (Err(error), Ok(_)) => error.to_string(),
        (Ok(_), Err(error)) => error,
    };
    let may_differ = [
        // Each counts the size and the depth in its own way, and names of groups are for captures.
        "compiles to more than",
        "exceeded size limit",
        "too much nesting",
        "duplicate capture group name",
        // `regex-lite` makes a class of `\x41` if it is without case.
        "must start and end with a single character",
    ];
    assert!(
        may_differ.iter().any(|reason| why.contains(reason)),
        "{expression:?}: {why}"
    );
    None
}

fn compare(expression: &str, (own, reference): &(Regex, regex_lite::Regex), text: &str) -> bool {
    let expected = reference.is_match(text);
    assert_eq!(
        own.is_match(text.as_bytes()),
        expected,
        "{expression:?} on {text:?}"
    );
    expected
}

/// Xorshift: the same numbers in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    fn one_of<'t>(&mut self, texts: &[&'t str]) -> &'t str {
        texts[self.below(texts.len())]
    }
}

/// A part of an expression, and a text that it probably matches.
#[derive(Clone)]
struct Part {
    expression: String,
    text: String,
}

fn part(expression: &str, text: &str) -> Part {
    let (expression, text) = (expression.to_string(), text.to_string());
    Part { expression, text }
}

/// One character or a place between two.
const ATOMS: &[(&str, &[&str])] = &[
    ("a", &["a"]),
    ("b", &["b"]),
    ("/", &["/"]),
    ("é", &["é"]),
    ("-", &["-"]),
    (".", &["a", "\n", "€"]),
    (r"\d", &["0", "7"]),
    (r"\D", &["a", ":"]),
    (r"\w", &["_", "Z"]),
    (r"\W", &["-", "é"]),
    (r"\s", &[" ", "\x0b"]),
    (r"\S", &["a", "\0"]),
    (r"\.", &["."]),
    (r"\x61", &["a", "A"]),
    (r"\u{e9}", &["é"]),
    (r"\n", &["\n"]),
    (r"\r", &["\r"]),
    ("^", &[""]),
    ("$", &[""]),
    (r"\A", &[""]),
    (r"\z", &[""]),
    (r"\b", &["", " "]),
    (r"\B", &[""]),
    (r"\b{start}", &["", "a"]),
    (r"\b{end}", &["", " "]),
    (r"\b{start-half}", &["", "a"]),
    (r"\b{end-half}", &["", " "]),
    ("(?i)", &[""]),
    ("(?-i)", &[""]),
    ("(?m)", &[""]),
    ("(?-s)", &[""]),
    ("(?R)", &[""]),
    ("(?x)", &[""]),
    ("(?U-x)", &[""]),
    (" ", &["", " "]),
    ("", &[""]),
    ("# b\n", &["", "# b\n"]),
];

/// What may stand in a class. No range from an upper case letter to a lower case one, alone or joined
/// with another: without case, the reference does not find all letters of it.
const MEMBERS: &[(&str, &[&str])] = &[
    ("a", &["a", "A"]),
    ("b-d", &["c", "C"]),
    ("X-Z", &["Z", "y"]),
    ("0-9", &["5"]),
    ("à-ÿ", &["é"]),
    (r"\d", &["3"]),
    (r"\D", &["a"]),
    (r"\W", &["-"]),
    (r"\n", &["\n"]),
    (r"\]", &["]"]),
    (r"!-\-", &["$"]),
    ("[:alpha:]", &["q"]),
    ("[:^alpha:]", &["0"]),
    ("[:^upper:]", &["A", "a"]),
    ("[:punct:]", &["~"]),
    (" ", &[" "]),
    ("/", &["/"]),
    ("^", &["^"]),
];

fn any_part(numbers: &mut Numbers, depth: usize) -> Part {
    match numbers.below(if depth == 0 { 6 } else { 12 }) {
        0..4 => {
            let (expression, texts) = ATOMS[numbers.below(ATOMS.len())];
            part(expression, numbers.one_of(texts))
        }
        4..6 => class(numbers),
        6..8 => {
            let first = any_part(numbers, depth - 1);
            let second = any_part(numbers, depth - 1);
            part(
                &[first.expression, second.expression].concat(),
                &[first.text, second.text].concat(),
            )
        }
        8 => {
            let mut parts = Vec::new();
            for _ in 0..2 + numbers.below(2) {
                parts.push(any_part(numbers, depth - 1));
            }
            let expressions: Vec<&str> = parts.iter().map(|part| &*part.expression).collect();
            let text = &parts[numbers.below(parts.len())].text;
            group(numbers, &part(&expressions.join("|"), text))
        }
        9 => {
            let inner = any_part(numbers, depth - 1);
            group(numbers, &inner)
        }
        _ => repetition(numbers, depth),
    }
}

fn class(numbers: &mut Numbers) -> Part {
    let mut expression = numbers
        .one_of(&["[", "[", "[^", "[]", "[-", "[^-"])
        .to_string();
    let mut text = "";
    for _ in 0..1 + numbers.below(3) {
        let (member, texts) = MEMBERS[numbers.below(MEMBERS.len())];
        expression += member;
        text = numbers.one_of(texts);
    }
    part(&(expression + numbers.one_of(&["]", "]", "-]"])), text)
}

fn group(numbers: &mut Numbers, inner: &Part) -> Part {
    let start = numbers.one_of(&[
        "(", "(?:", "(?i:", "(?<n>", "(?m-s:", "(?mR:", "(?x:", "(?-i:",
    ]);
    part(&format!("{start}{})", inner.expression), &inner.text)
}

fn repetition(numbers: &mut Numbers, depth: usize) -> Part {
    let mut inner = any_part(numbers, depth - 1);
    if numbers.below(2) == 0 {
        inner = group(numbers, &inner);
    }
    let operators = [
        ("?", 0),
        ("?", 1),
        ("*", 0),
        ("*", 3),
        ("+", 1),
        ("+", 2),
        ("*?", 1),
        ("{2}", 2),
        ("{0}", 0),
        ("{1,}", 2),
        ("{2,}?", 3),
        ("{1,3}", 2),
        ("{0,2}", 2),
        ("{ 3 }", 3),
    ];
    let (operator, count) = operators[numbers.below(operators.len())];
    part(&(inner.expression + operator), &inner.text.repeat(count))
}

/// A text that is a little different.
fn changed(numbers: &mut Numbers, text: &str) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    let place = numbers.below(characters.len() + 1);
    let other = numbers.one_of(&["a", "A", "b", "0", "/", "\n", "\r", "é", "-", " ", "_"]);
    match numbers.below(4) {
        0 if place < characters.len() => drop(characters.remove(place)),
        1 => {
            for character in &mut characters {
                *character = character.to_ascii_uppercase();
            }
        }
        _ => characters
            .splice(place..place, other.chars())
            .for_each(drop),
    }
    characters.into_iter().collect()
}

#[test]
fn well_formed_expressions_match_what_they_match_in_the_reference() {
    let mut numbers = Numbers(7617);
    let (mut accepted, mut compared, mut matched) = (0, 0, 0);
    for _ in 0..14_000 {
        let Part { expression, text } = any_part(&mut numbers, 5);
        let Some(pair) = both(&expression) else {
            continue;
        };
        accepted += 1;
        let mut texts = Vec::from([text.clone()]);
        for _ in 0..7 {
            let last = texts[numbers.below(texts.len())].clone();
            texts.push(changed(&mut numbers, &last));
        }
        for text in texts {
            matched += usize::from(compare(&expression, &pair, &text));
            compared += 1;
        }
    }
    // Otherwise this compares nothing.
    assert!(accepted > 10_000, "{accepted} accepted");
    assert!(matched * 5 > compared, "{matched} of {compared} matched");
}

#[test]
fn ill_formed_expressions_are_refused_where_the_reference_does() {
    const TOKENS: &[&str] = &[
        "a",
        "b",
        "-",
        "^",
        "$",
        "|",
        "(",
        ")",
        "(?:",
        "(?i)",
        "(?x)",
        "(?",
        "?",
        "*",
        "+",
        "{",
        "}",
        "{2}",
        "{1,2}",
        "{1,",
        "2",
        ",",
        "[",
        "]",
        "[^",
        "[a-c]",
        ":",
        "[:alpha:]",
        "&&",
        "~",
        "\\",
        "\\d",
        "\\b",
        "\\b{start}",
        "\\x",
        "41",
        "\\x{",
        " ",
        "<",
        ">",
        "(?<n>",
        "P",
        "i",
        "=",
        "!",
        "é",
        "#\n",
        "U",
        "R",
        "s",
        ".",
    ];
    let mut numbers = Numbers(2617);
    let mut counts = [0; 2];
    for _ in 0..40_000 {
        let mut expression = String::new();
        for _ in 0..1 + numbers.below(8) {
            expression += numbers.one_of(TOKENS);
        }
        // The reference looks wrongly for the end of a range behind a comment.
        if expression.contains("-#") {
            continue;
        }
        let pair = both(&expression);
        counts[usize::from(pair.is_some())] += 1;
        if let Some(pair) = pair {
            for text in ["", "a", "ab", "A2", "-", "aa\n", "é", &expression] {
                compare(&expression, &pair, text);
            }
        }
    }
    assert!(counts.iter().all(|count| *count > 10_000), "{counts:?}");
}
