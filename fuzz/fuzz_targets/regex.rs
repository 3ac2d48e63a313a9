//! Any expression and any text, with a NUL between them: accepted and matched as by `regex-lite`.

#![no_main]

use libfuzzer_sys::fuzz_target;

/// What the references may take for a compiled expression.
const REFERENCE_OCTETS: usize = 1 << 18;

fuzz_target!(|input: &[u8]| {
    let mut parts = input.splitn(2, |octet| *octet == 0);
    let (Some(expression), Some(text)) = (parts.next(), parts.next()) else {
        return;
    };
    let Ok(expression) = str::from_utf8(expression) else {
        return;
    };
    match (basic_auth::Regex::parse(expression), lite(expression)) {
        (Ok(own), Ok(reference)) => {
            let is_match = own.is_match(text);
            let text = String::from_utf8_lossy(text);
            assert!(
                is_match == reference.is_match(&text)
                    || may_match_otherwise(expression, &text, is_match),
                "{expression:?} on {text:?}: {is_match}"
            );
        }
        (Err(error), Ok(_)) => assert!(
            may_refuse(expression, &error.to_string()),
            "{expression:?}: {error}"
        ),
        (Ok(_), Err(error)) => assert!(may_accept(&error), "{expression:?}: {error}"),
        (Err(_), Err(_)) => {}
    }
});

/// The expression alone, and then for the whole of a text: `a)(b` must not become valid.
fn lite(expression: &str) -> Result<regex_lite::Regex, String> {
    let build = |expression: &str| {
        regex_lite::RegexBuilder::new(expression)
            .dot_matches_new_line(true)
            .size_limit(REFERENCE_OCTETS)
            .build()
            .map_err(|error| error.to_string())
    };
    build(expression)?;
    // A comment without an end would swallow the parenthesis.
    build(&format!("^(?:{expression})$")).or_else(|_| build(&format!("^(?:{expression}\n)$")))
}

/// What is counted otherwise here, and what is nothing but a condition on blanks in braces.
fn may_refuse(expression: &str, error: &str) -> bool {
    let has_blanks = expression.contains('x');
    error.contains("compiles to more than")
        || has_blanks && expression.contains(r"\b{")
        || has_blanks && has_comment_in_range(expression)
}

/// What is about captures, counted otherwise here, or a fault of the reference.
fn may_accept(error: &str) -> bool {
    [
        "too much nesting",
        "exceeded size limit",
        "duplicate capture group name",
        "invalid group name",
        // `\x41` is a class there if it is without case.
        "must start and end with a single character",
    ]
    .iter()
    .any(|reason| error.contains(reason))
}

/// The reference takes what follows the `#` for the end of the range.
fn has_comment_in_range(expression: &str) -> bool {
    expression
        .split('#')
        .rev()
        .skip(1)
        .any(|before| before.trim_end().ends_with('-'))
}

/// Without case, `regex-lite` misses letters of a class from an upper case letter to a lower case one.
/// `regex` does not; it knows more letters, but not in ASCII.
fn may_match_otherwise(expression: &str, text: &str, is_match: bool) -> bool {
    if has_comment_in_range(expression) {
        return true;
    }
    if !expression.contains('i') || !expression.contains('[') {
        return false;
    }
    let regex = regex::RegexBuilder::new(&format!("^(?:{expression})$"))
        .dot_matches_new_line(true)
        .size_limit(16 * REFERENCE_OCTETS)
        .build();
    // It refuses a repetition behind flags.
    !text.is_ascii() || regex.map_or(true, |regex| regex.is_match(text) == is_match)
}
