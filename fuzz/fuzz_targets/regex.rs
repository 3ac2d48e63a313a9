//! Any expression and any path in ASCII, with a NUL between them: what is accepted matches exactly as
//! in the crate `regex`, also without case.

#![no_main]

use basic_auth::Expression;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let mut parts = input.splitn(2, |octet| *octet == 0);
    let (Some(expression), Some(path)) = (parts.next(), parts.next()) else {
        return;
    };
    let Ok(expression) = str::from_utf8(expression) else {
        return;
    };
    if !expression.is_ascii() || !path.is_ascii() {
        return;
    }
    if let (Ok(own), Some(reference)) = (Expression::parse(expression), reference(expression)) {
        assert_eq!(
            own.is_match(path),
            reference.is_match(path),
            "{expression:?} on {:?}",
            path.escape_ascii()
        );
    }
});

/// The same in `regex`, where it accepts the expression. `\d`, `\s`, `\w` and case are those of ASCII.
fn reference(expression: &str) -> Option<regex::bytes::Regex> {
    regex::bytes::RegexBuilder::new(&format!(r"\A(?:{expression})\z"))
        .unicode(false)
        .dot_matches_new_line(true)
        .build()
        .ok()
}
