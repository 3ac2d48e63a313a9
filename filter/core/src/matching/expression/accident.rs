//! Expressions that compile, and mean less than their writer meant.

/// Why an expression is refused.
const GLOB: &str = "has `/*` at the end of a part, which means slashes alone; write `/.*`";
const SLASHES: &str = "begins with two slashes, which servers take for one; write one, and no delimiters \
                       around the expression";
const CONTROL: &str =
    "has a control character, such as the line end of a block of YAML; leave it out";

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
    has_glob(expression).then_some(GLOB)
}

/// Whether a flag lets blanks and comments stand in it.
fn ignores_blanks(expression: &str) -> bool {
    let mut groups = expression.split("(?").skip(1);
    groups.any(|group| {
        let flags = group.split([')', ':', '<']).next().unwrap_or_default();
        flags.contains('x')
    })
}

/// `/*` where a glob has it: at the end, or before another slash.
fn has_glob(expression: &str) -> bool {
    expression.match_indices("/*").any(|(at, _)| {
        let rest = expression.get(at + 1..).unwrap_or_default();
        let rest = rest.trim_start_matches('*');
        rest.is_empty() || rest.starts_with(['/', '$', '|'])
    })
}
