//! What expressions match, and why they are refused.

mod differential;

use super::program::MAX_STEPS;
use super::{Regex, RegexError};
use alloc::string::{String, ToString};

/// An expression, what it matches, and what it does not.
type Matches = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);

const MATCHES: &[Matches] = &[
    // Characters.
    ("", &[""], &["a", "\n"]),
    ("/a", &["/a"], &["", "/", "/ab", "x/a", "/A", "/a\n"]),
    ("é€😀", &["é€😀"], &["é€", "é€😀😀"]),
    ("]}", &["]}"], &["]"]),
    (
        ".",
        &["a", "é", "\n", "\r", "\0", "\u{10ffff}"],
        &["", "ab"],
    ),
    // Alternatives and groups.
    ("a|b", &["a", "b"], &["", "ab", "a|b"]),
    ("a|", &["a", ""], &["b"]),
    ("|a||b", &["a", "", "b"], &["ab"]),
    (
        "ab|cd|ef",
        &["ab", "cd", "ef"],
        &["abd", "acd", "abcd", "af", "cdef"],
    ),
    (
        "x(a|bc|)y",
        &["xay", "xbcy", "xy"],
        &["xaby", "xabcy", "x", "y"],
    ),
    (
        "((a|b)(c|d)|e)f",
        &["acf", "bdf", "ef"],
        &["abf", "af", "cdf", "aef"],
    ),
    ("(?:a)(?P<n>b)(?<n_1.[0]>c)", &["abc"], &["ab", "a"]),
    ("()", &[""], &["a"]),
    // Repetitions.
    ("a?", &["", "a"], &["aa"]),
    ("a*", &["", "a", "aaaa"], &["b", "ab", "aab"]),
    ("a+", &["a", "aaaa"], &["", "ab"]),
    (
        "a??b*?c+?d{1}?",
        &["abcd", "cd", "bbccd"],
        &["d", "aacd", "cdd"],
    ),
    ("a{0}", &[""], &["a"]),
    ("a{1}", &["a"], &["", "aa"]),
    ("a{3}", &["aaa"], &["aa", "aaaa"]),
    ("a{2,}", &["aa", "aaa", "aaaaaa"], &["", "a"]),
    ("a{0,}", &["", "aaa"], &["b"]),
    ("a{2,4}", &["aa", "aaa", "aaaa"], &["a", "aaaaa"]),
    ("a{0,2}b", &["b", "ab", "aab"], &["aaab", "a"]),
    ("a{ 2 , 3 }", &["aa", "aaa"], &["a"]),
    (
        "(ab|c){2,3}d",
        &["ababd", "cabd", "cccd"],
        &["abd", "ababababd", "abd"],
    ),
    ("(a|b)*c", &["c", "abbac"], &["abd", "ca"]),
    ("(a|b|c){2}", &["ab", "cc"], &["a", "abc"]),
    ("(a|b)+|c", &["abab", "c"], &["", "cc", "ac"]),
    ("(a*)*", &["", "aaa"], &["b"]),
    ("(a*)+b", &["b", "aab"], &["a"]),
    ("(a?){3}b", &["b", "aaab"], &["aaaab"]),
    ("(|a)+", &["", "aa"], &["b"]),
    ("a{2}{3}", &["aaaaaa"], &["aa", "aaaaa"]),
    ("a?*+", &["", "aaa"], &["b"]),
    ("(a{2}|b){2}", &["aaaa", "aab", "baa", "bb"], &["ab", "aaa"]),
    // Classes.
    ("[abc]", &["a", "c"], &["", "d", "ab"]),
    ("[a-cx-z_]+", &["abcxyz_"], &["d", "w"]),
    ("[^/]", &["a", "é", "\n", "\u{fffd}"], &["/", ""]),
    ("[^a-z]", &["A", "`", "{"], &["a", "m", "z"]),
    ("[]a]", &["]", "a"], &["b"]),
    ("[^]a]", &["b"], &["]", "a"]),
    ("[-a]", &["-", "a"], &["b"]),
    ("[a-]", &["-", "a"], &["b"]),
    ("[--a]", &["-", "a"], &["5"]),
    ("[]-a]", &["-", "a", "]"], &["_"]),
    (r"[!-\-]", &["!", "-", "$"], &["."]),
    ("[a^]", &["a", "^"], &["b"]),
    ("[.*+?(){}|$]+", &[".*+?(){}|$"], &["a"]),
    (r"[\]\-\\]+", &[r"]-\"], &["a"]),
    (r"[\x41-\x43\n]+", &["ABC\n"], &["D"]),
    ("[à-ÿ]+", &["éÿ"], &["e", "ā"]),
    (r"[\d_]+", &["12_"], &["a"]),
    (r"[\D]", &["a", "/", ":", "é", "\0"], &["0", "9"]),
    (r"[^\D]", &["0", "9"], &["a", "/", ":", "é"]),
    (r"[^\s\S]", &[], &["", "a", " "]),
    ("[[:alpha:][:digit:]_]+", &["aZ09_"], &["-", "é"]),
    ("[[:^alpha:]]", &["0", "é", "@", "[", "`", "{"], &["a", "Z"]),
    ("[^[:^xdigit:]]+", &["09afAF"], &["g", ":"]),
    ("[[:alnum:]]", &["a", "Z", "5"], &["_", "/"]),
    ("[[:ascii:]]", &["\0", "\x7f"], &["\u{80}", "é"]),
    ("[[:^ascii:]]", &["\u{80}", "\u{10ffff}"], &["\0", "\x7f"]),
    ("[[:blank:]]", &[" ", "\t"], &["\n"]),
    ("[[:cntrl:]]", &["\0", "\x1f", "\x7f"], &[" ", "~"]),
    ("[[:graph:]]", &["!", "~"], &[" ", "\x7f"]),
    ("[[:lower:]]", &["a", "z"], &["A"]),
    ("[[:print:]]", &[" ", "~"], &["\x7f", "\n"]),
    (
        "[[:punct:]]",
        &["!", "/", ":", "@", "[", "`", "{", "~"],
        &["0", "A", "a", " "],
    ),
    (
        "[[:space:]]",
        &["\t", "\n", "\x0b", "\x0c", "\r", " "],
        &["\x08", "\x0e", "\u{85}"],
    ),
    ("[[:upper:]]", &["A", "Z"], &["a"]),
    ("[[:word:]]", &["_", "a", "Z", "0"], &["-"]),
    ("[[:xdigit:]]", &["0", "f", "F"], &["g"]),
    // Escapes.
    (r"\d\D", &["1a"], &["11", "aa", "٣a"]),
    (r"\s\S", &[" a"], &["aa", "  ", "\u{a0}a"]),
    (r"\w\W", &["_-", "a "], &["ab", "é-"]),
    (r"\W", &["é", "\u{fffd}", "@", "`"], &["a", "_"]),
    (r"\a\f\n\r\t\v", &["\x07\x0c\n\r\t\x0b"], &["afnrtv"]),
    (
        r"\x41\x{42}\x{000043}\u00e9\u{20AC}\U0001f600\U{1F601}",
        &["ABCé€😀😁"],
        &["ABC"],
    ),
    (r"\.\*\/\-\ \#\%\~\[", &[".*/- #%~["], &["a"]),
    // Flags.
    ("(?i)/aB%", &["/ab%", "/AB%"], &["/ab&"]),
    ("(?i)k\u{e9}", &["K\u{e9}"], &["\u{212a}\u{e9}", "k\u{c9}"]),
    ("(?i)[b-d]+", &["bcdBCD"], &["a", "e", "E"]),
    ("(?i)[^b]", &["a", "é"], &["b", "B"]),
    ("(?i)[Z-b]+", &["Z[abAzB"], &["c", "C", "y"]),
    ("(?i)[[:^lower:]]", &["a", "A", "0"], &[]),
    ("a(?i)b|c", &["ab", "aB", "C"], &["Ab"]),
    ("a((?i)b)c", &["aBc", "abc"], &["aBC", "Abc"]),
    ("a(?i:b)c", &["aBc"], &["aBC"]),
    ("(?i)a(?-i)b", &["Ab"], &["AB"]),
    ("(?i-s:a.)b", &["Axb"], &["A\nb", "AxB"]),
    ("(?-s).", &["a", "\r"], &["\n"]),
    ("(?-s)(?R).", &["a"], &["\n", "\r"]),
    ("(?-s).(?s).", &["a\n"], &["\na"]),
    (
        "(?x) a b # c\n c\\ \\#[ d - f ]",
        &["abc #e"],
        &["ab", "abc # "],
    ),
    ("(?x) a # comment", &["a"], &["a "]),
    ("(?x) ( ?: a ) { 2 , 3 } ?", &["aa", "aaa"], &["a", ""]),
    ("(?x:a b) c", &["ab c"], &["abc", "a bc"]),
    ("(?U)a+(?u)b*", &["aab"], &["b"]),
    // What holds between characters.
    ("^/a$", &["/a"], &["/a\n", "/ab"]),
    ("a^b|a$b", &[], &["ab", "a\nb"]),
    (r"\Aa\z", &["a"], &["a\n"]),
    ("^*a$+", &["a"], &["b"]),
    ("(?m)a$\n^b", &["a\nb"], &["ab"]),
    ("(?m)a$.^b", &["a\nb"], &["a\rb", "axb"]),
    (r"(?m)\Aa$\n\z", &["a\n"], &["a"]),
    ("(?mR)a$.^b", &["a\nb", "a\rb"], &["axb"]),
    ("(?mR)a$..^b", &["a\r\nb"], &["axxb"]),
    ("(?mR)a.$.^b", &["a\n\nb", "a\n\rb"], &["a\r\nb"]),
    ("(?mR)a.^.b", &["a\n\nb", "a\n\rb"], &["a\r\nb"]),
    (r"a\b.\bb", &["a-b", "a b", "aéb"], &["a_b", "aab"]),
    (r"\ba\B.\b", &["ab", "a_"], &["a-"]),
    (r"\B", &[""], &[]),
    (r"\b", &[], &["", "a"]),
    (r"-\<a\>-", &["-a-"], &[]),
    (r"-\b{start}a\b{end}-", &["-a-"], &[]),
    (r".\b{start}.\b{end}.", &["-a-"], &["aaa", "a-a", "--a"]),
    (
        r".\b{start-half}.\b{end-half}.",
        &["-a-", "---"],
        &["aa-", "-aa"],
    ),
    (r"a\b{2}-", &["a-"], &["ab"]),
    // A part that is repeated where something must hold.
    (r"(?:\ba)*", &["", "a"], &["aa"]),
    (r"(?:a|\b-)*", &["", "a-a", "a-"], &["-", "a--"]),
    (r"(?:^|a)+", &["", "a", "aaa"], &["b"]),
];

#[test]
fn an_expression_matches_the_whole_text_or_does_not() {
    for (expression, matches, others) in MATCHES {
        let regex =
            Regex::parse(expression).unwrap_or_else(|error| panic!("{expression}: {error}"));
        for text in *matches {
            assert!(
                regex.is_match(text.as_bytes()),
                "{expression:?} on {text:?}"
            );
        }
        for text in *others {
            assert!(
                !regex.is_match(text.as_bytes()),
                "{expression:?} on {text:?}"
            );
        }
    }
}

#[test]
fn what_is_no_utf_8_is_read_as_replacement_characters() {
    let regex = Regex::parse("/\u{fffd}{2}(.)").unwrap();
    for text in [
        &b"/\xff\xfea"[..],
        b"/\xe2\x82\xc3\xff",
        b"/\xef\xbf\xbd\xffx",
        b"/\x80\xe2\x82",
    ] {
        assert_eq!(
            regex.is_match(text),
            regex.is_match(String::from_utf8_lossy(text).as_bytes()),
            "{text:?}"
        );
    }
    assert!(regex.is_match(b"/\xff\xfea"));
    assert!(regex.is_match(b"/\xe2\x82\xc3\xff"));
    assert!(!regex.is_match(b"/\x80\xe2\x82"));
}

/// An expression, the number of the character at which it is refused, and a part of the reason.
const REFUSED: &[(&str, usize, &str)] = &[
    (")", 1, "no group is open"),
    ("a)(b", 2, "no group is open"),
    ("(a))", 4, "no group is open"),
    ("a(b", 2, "the group has no end"),
    ("(a(b)", 1, "the group has no end"),
    ("(a(b", 3, "the group has no end"),
    ("é(", 2, "the group has no end"),
    ("(?:", 1, "the group has no end"),
    ("a[b", 2, "the class has no end"),
    ("[", 1, "the class has no end"),
    ("[^", 1, "the class has no end"),
    ("[]", 1, "the class has no end"),
    ("[^]", 1, "the class has no end"),
    ("[-", 1, "the class has no end"),
    ("[a-", 1, "the class has no end"),
    ("[ab[c]]", 4, "no class or `&&`"),
    ("[[:alfa:]]", 2, "no class or `&&`"),
    ("[[:alpha]]", 2, "no class or `&&`"),
    ("[a&&b]", 3, "no class or `&&`"),
    ("[a--b]", 3, "no class or `&&`"),
    ("[a~~b]", 3, "no class or `&&`"),
    ("[xb-a]", 3, "must be a range"),
    (r"[a-\d]", 2, "must be a range"),
    (r"[\d-z]", 2, "must be a range"),
    ("*a", 1, "nothing is repeated"),
    ("a|+", 3, "nothing is repeated"),
    ("a(?)", 2, "must be flags"),
    ("(?i)*", 5, "nothing is repeated"),
    ("({2})", 2, "nothing is repeated"),
    ("a{", 2, "must be a repetition"),
    ("a{x}", 2, "must be a repetition"),
    ("a{}", 2, "must be a repetition"),
    ("a{,2}", 2, "must be a repetition"),
    ("a{2", 2, "must be a repetition"),
    ("a{2,", 2, "must be a repetition"),
    ("a{2,x}", 2, "must be a repetition"),
    ("a{1 2}", 2, "must be a repetition"),
    ("a{3,2}", 2, "must be a repetition"),
    (r"\b{middle}", 3, "must be a repetition"),
    ("a(?=b)", 2, "look-around"),
    ("a(?!b)", 2, "look-around"),
    ("(?<=a)b", 1, "look-around"),
    ("(?<!a)b", 1, "look-around"),
    (r"(a)\1", 4, "back-references"),
    (r"\p{L}", 1, "Unicode classes"),
    (r"a\PL", 2, "Unicode classes"),
    (r"[a\pN]", 3, "Unicode classes"),
    (r"a\y", 2, "no such escape"),
    (r"a\é", 2, "no such escape"),
    (r"a\Q", 2, "no such escape"),
    (r"a\Z", 2, "no such escape"),
    ("a\\", 2, "no such escape"),
    (r"[\b]", 2, "no such escape"),
    (r"[\A]", 2, "no such escape"),
    (r"a\x4", 2, r"must be a character such as `\x41`"),
    (r"\xg0", 1, r"must be a character such as `\x41`"),
    (r"\x{}", 1, r"must be a character such as `\x41`"),
    (r"\x{41", 1, r"must be a character such as `\x41`"),
    (r"\x{110000}", 1, r"must be a character such as `\x41`"),
    (r"\x{fffffffff}", 1, r"must be a character such as `\x41`"),
    (r"\ud800", 1, r"must be a character such as `\x41`"),
    (r"\U00110000", 1, r"must be a character such as `\x41`"),
    ("(?q)", 1, "must be flags"),
    ("(?i", 1, "must be flags"),
    ("(?ii)", 1, "must be flags"),
    ("(?i-i)", 1, "must be flags"),
    ("(?-)", 1, "must be flags"),
    ("(?i-:a)", 1, "must be flags"),
    ("(?--i)", 1, "must be flags"),
    ("(?#comment)", 1, "must be flags"),
    ("(?>a)", 1, "must be flags"),
    ("(?P=a)", 1, "must be flags"),
    ("(?<>a)", 1, "must be a name"),
    ("(?<1>a)", 1, "must be a name"),
    ("(?<a b>c)", 1, "must be a name"),
    ("(?<a", 1, "must be a name"),
];

#[test]
fn a_refusal_says_where_and_why() {
    for (expression, position, reason) in REFUSED {
        let error = Regex::parse(expression).expect_err(expression).to_string();
        let beginning = alloc::format!("at character {position}: ");
        assert!(error.starts_with(&beginning), "{expression:?}: {error}");
        assert!(error.contains(reason), "{expression:?}: {error}");
    }
}

#[test]
fn what_is_too_large_is_refused_before_it_is_made() {
    let nested = "(".repeat(MAX_STEPS + 1);
    let alternatives = "a|".repeat(MAX_STEPS / 3 + 1);
    let class = alloc::format!("[{}]", "a".repeat(MAX_STEPS));
    let dropped = "(?:a{900}){0}".repeat(10);
    let same = alloc::format!("a{}", "{1}".repeat(MAX_STEPS));
    for expression in [
        "(a{1000}){1000}",
        "((((((a{99}){99}){99}){99}){99}){99}){99}",
        "a{5001}",
        "a{5000,}",
        "a{0,2501}",
        "a{4294967295}",
        "a{99999999999999999999}",
        "a{0,99999999999999999999}",
        "a{99999999999999999999,}",
        "(){4294967295}",
        "(?:a{0}){0,4294967295}",
        &nested,
        &alternatives,
        &class,
        &dropped,
        &same,
    ] {
        let error = Regex::parse(expression).map(drop).map_err(why);
        assert_eq!(
            error,
            Err(
                "compiles to more than 5000 steps; repeat less, or write several rules".to_string()
            )
        );
    }
}

fn why(error: RegexError) -> String {
    let text = error.to_string();
    text.split_once(": ").unwrap().1.to_string()
}

#[test]
fn what_is_just_not_too_large_is_accepted() {
    for (expression, count) in [
        ("(?:(?:){1000}){1000}{1000}", 0),
        ("a{5000}", 5000),
        ("a{4998,}", 4998),
        ("a{0,2500}", 2500),
        ("(?:a{70}){70}", 4900),
    ] {
        let regex = Regex::parse(expression).expect(expression);
        assert!(regex.is_match("a".repeat(count).as_bytes()), "{expression}");
        assert!(
            !regex.is_match("b".repeat(count + 1).as_bytes()),
            "{expression}"
        );
    }
}

#[test]
fn steps_take_no_more_memory_than_said() {
    assert!(size_of::<super::program::Step>() * MAX_STEPS <= 60_000);
}
