//! What is read of an expression.

use super::*;

fn of(expression: &str) -> Outline {
    outline(expression).expect(expression)
}

#[test]
fn an_anchor_at_one_end_searches_unless_the_other_is_open() {
    for expression in [
        "^/secret",
        "\\.php$",
        "^/a|^/b",
        "/a$",
        r"\A/x",
        "^/a.*/b",
        "(^/a)?/b$",
        "^/a(/|$)",
        "/a(?:$|/)",
        "/a((/|$))",
        "(^|/)a",
    ] {
        assert!(of(expression).is_searched, "{expression}");
    }
    for expression in [
        "^/a.*",
        "^/a(/.*)?$",
        ".*\\.php$",
        "^/a$",
        "/a",
        "^/a/.+",
        "^/a.*?",
        "^/a.{0,}",
        "/a(/|$)(.*)",
        "^/a(/|$).*",
        "/a(/.*|$)",
        "(^/a$|^/b$)",
        "(^|.*/)a",
    ] {
        assert!(!of(expression).is_searched, "{expression}");
    }
}

#[test]
fn a_path_begins_with_a_slash() {
    for expression in [
        "admin.*",
        "^admin$",
        "\\.php$",
        "(a|b)/c",
        "[a-z]+/x",
        "a?b",
        "\\w/",
        "(?i)admin",
    ] {
        assert!(!of(expression).may_begin_with_slash, "{expression}");
    }
    for expression in [
        "/a", ".*a", "(a|/b)", "a?/b", "[^a]b", "(?:/a)", "\\/a", "\\Wa", "(?i)/x", "a{0,2}/",
        "(?P<n>/)", "()/x",
    ] {
        assert!(of(expression).may_begin_with_slash, "{expression}");
    }
}

#[test]
fn a_query_is_needed_where_every_alternative_has_one() {
    for expression in ["/api/v1\\?.*", "/a[?]b", "/a(\\?|#)", "/a\\?x|/b#"] {
        assert!(of(expression).needs_query, "{expression}");
    }
    for expression in ["/api(\\?.*)?", "/a\\??", "/a|/b\\?", "/a[?/]"] {
        assert!(!of(expression).needs_query, "{expression}");
    }
}

#[test]
fn an_example_is_one_where_there_is_nothing_special() {
    for expression in [
        "/api/v[0-9]+/x",
        "/a|/b",
        "(/a|b)c",
        ".*\\.php",
        "/x{3}",
        "/[^/]+/y?",
        "^/a$",
    ] {
        let regex = regex_lite::Regex::new(&["^(?:", expression, ")$"].concat()).expect(expression);
        let example = of(expression).example;
        let examples = [example.clone(), ["/", &example].concat()];
        assert!(
            examples.iter().any(|example| regex.is_match(example)),
            "{expression}: {example}"
        );
    }
}
