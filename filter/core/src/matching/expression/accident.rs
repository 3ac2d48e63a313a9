//! Expressions that compile, and mean less than their writer meant.

/// Why an expression is refused.
const GLOB: &str = "has `/*` as a glob has it, which means slashes alone here; write `/.*`";
const WORD_GLOB: &str = "has a `*` behind a word, which repeats its last letter alone; write `.*`";
pub(super) const LIST: &str =
    "has words with `|` in brackets, which mean one character; write `(css|js)`";
const SLASHES: &str = "begins with two slashes, which servers take for one; write one, and no delimiters \
                       around the expression";
const CONTROL: &str =
    "has a control character, such as the line end of a block of YAML; leave it out";
const ESCAPE: &str = "has an escape such as `%20`, which paths have no more when they are decoded; write the \
                      character itself, such as `\\x20`";
const TEMPLATE: &str =
    "has a parameter of a route, such as `/:id`; write `/[^/]+`, or `/[:]` for the colon itself";
const BLANK: &str = "ends with a blank, which paths do not; leave it out, or write `\\x20`";
const SEVERAL: &str = "seems to have several paths; write `|` between them, and no blanks";

/// What an expression seems to be besides what it is.
pub(super) fn find(expression: &str) -> Option<&'static str> {
    if expression.chars().any(char::is_control) && !ignores_blanks(expression) {
        return Some(CONTROL);
    }
    let text = expression.strip_prefix('^').unwrap_or(expression);
    let text = text.strip_prefix('\\').unwrap_or(text);
    if text.starts_with("//") || text.starts_with(r"/\/") {
        return Some(SLASHES);
    }
    if has_glob(expression) {
        return Some(GLOB);
    }
    if has_word_glob(expression) {
        return Some(WORD_GLOB);
    }
    if has_outside_of_class(expression, "%", is_escape) {
        return Some(ESCAPE);
    }
    let begins_name = |rest: &str| rest.starts_with(|c: char| c.is_ascii_alphabetic());
    if ["/:", "/<"]
        .iter()
        .any(|start| has_outside_of_class(expression, start, begins_name))
    {
        return Some(TEMPLATE);
    }
    if expression.ends_with(' ') && !ignores_blanks(expression) {
        return Some(BLANK);
    }
    let is_list = !ignores_blanks(expression)
        && [" /", ",/", " |"].iter().any(|between| {
            has_outside_of_class(expression.trim_start_matches(' '), between, |_| true)
        });
    is_list.then_some(SEVERAL)
}

/// Whether a text stands in an expression, not in brackets, and what follows it is meant.
fn has_outside_of_class(expression: &str, text: &str, is_meant: fn(&str) -> bool) -> bool {
    expression.match_indices(text).any(|(at, _)| {
        let (before, rest) = expression.split_at_checked(at).unwrap_or_default();
        // An escaped bracket may stand for itself: then nothing is taken to be in brackets.
        let is_in_class = before.rfind('[') > before.rfind(']') && !before.contains(r"\[");
        !is_in_class && rest.get(text.len()..).is_some_and(is_meant)
    })
}

/// Two hexadecimal digits, but for those of a slash: some upstreams leave `%2F` as it is.
fn is_escape(rest: &str) -> bool {
    let digits = rest.get(..2).unwrap_or_default();
    let is_hexadecimal = digits.len() == 2 && digits.bytes().all(|octet| octet.is_ascii_hexdigit());
    is_hexadecimal && !digits.eq_ignore_ascii_case("2f")
}

/// Whether a flag lets blanks and comments stand in it.
fn ignores_blanks(expression: &str) -> bool {
    let mut groups = expression.split("(?").skip(1);
    groups.any(|group| {
        let flags = group.split([')', ':', '<']).next().unwrap_or_default();
        flags.contains('x')
    })
}

/// `/*` where a glob has it: at the end, before another slash, or before the ending of a name, as in `/*.php`.
fn has_glob(expression: &str) -> bool {
    expression.match_indices("/*").any(|(at, _)| {
        let rest = expression.get(at + 1..).unwrap_or_default();
        let rest = rest.trim_start_matches('*');
        let ending = rest.strip_prefix('\\').unwrap_or(rest).strip_prefix('.');
        let is_name = |name: &str| name.starts_with(|c: char| c.is_ascii_alphanumeric());
        rest.is_empty() || rest.starts_with(['/', '$', '|']) || ending.is_some_and(is_name)
    })
}

/// `*` where a glob has it: behind a word of three letters or more, at the end or before a slash.
fn has_word_glob(expression: &str) -> bool {
    // How long the word in front is; below zero, if a backslash is in front of it.
    let (mut word, mut is_starred) = (0_i8, false);
    for octet in expression.bytes() {
        if is_starred && matches!(octet, b'/' | b'$' | b'|' | b')') {
            return true;
        }
        is_starred = octet == b'*' && (is_starred || word >= 3);
        word = match octet {
            b'\\' => -99,
            octet if octet.is_ascii_alphanumeric() => word.saturating_add(1),
            _ => 0,
        };
    }
    is_starred
}

/// Words with `|` between them in a class, such as `[css|js]`: parts of letters alone, or with three in a row.
pub(super) fn is_list(class: &str) -> bool {
    let (mut letters, mut octets, mut longest, mut parts) = (0, 0, 0, 0);
    for octet in class.bytes() {
        let is_end = matches!(octet, b'|' | b']');
        if octet == b':' || is_end && longest < 3 && (octets < 2 || letters < octets) {
            return false;
        }
        if is_end {
            (letters, octets, longest, parts) = (0, 0, 0, parts + 1);
        } else if !matches!(octet, b'[' | b'^') {
            octets += 1;
            letters = if octet.is_ascii_alphabetic() {
                letters + 1
            } else {
                0
            };
            longest = letters.max(longest);
        }
    }
    parts > 1
}
