//! Hostile spellings of a path, composed of what attacks consist of.

/// Where the choices of a composition come from.
pub trait Choices {
    /// A number below `count`.
    fn below(&mut self, count: usize) -> usize;
}

/// A spelling of a path that some upstream may resolve to that path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spelling(pub Vec<u8>);

/// What stands before a segment, for its slash.
const SLASHES: &[&str] = &[
    "/",
    "//",
    "///",
    "/./",
    "/x/../",
    "/x%2fy/../",
    "/x%2fy/%2e%2e/",
    "/x%5cy/%2e%2e/",
    "/x/y/../../",
    "/..;/",
    "/x/..;/",
    "/x/..;a=b/",
    "/.;/",
    "/;a/",
    "/;/",
    "/x;a/../",
    "\\",
    "/\\",
    "/x\\..\\",
    "/%2e/",
    "/x/%2e%2e/",
    "/x/.%2E/",
    "/x/%2e%2e;/",
    "/%2f",
    "%2f",
    "/x%2f..%2f",
    "/x%5c..%5c",
    "%5c",
    "/%2e%2e/",
    "/../",
    "//../",
    "/x//../../",
    "/x/..//",
    "/x%252f..%252f",
    "/x/%252e%252e/",
    "/%3b/",
    "/x/..%3b/",
    "/x/..%3ba/",
    "/x%3f/../",
    "/x%23/../",
    "/%00/../",
    "/%zz/../",
    "/%2/../",
    "/%ff/../",
    "/%%32%65%%32%65/",
    "/x/%%32e%%32e/",
    "/...;/../",
    "/ /../",
    "/%20/../",
];

/// What stands behind the path.
const ENDINGS: &[&str] = &[
    "",
    "?",
    "?x",
    "?/../x",
    "#x",
    ";",
    ";v=1",
    ";v=1/",
    "/",
    "//",
    "/.",
    "/./",
    "/x/..",
    "/x/../",
    "%00",
    "%00.png",
    "%00/x.css",
    "%2500",
    "%3f",
    "%3fx.css",
    "%23x",
    "%253f",
    "%253b",
    "%3bv",
    "%2f",
    "%2f.",
    "%5c",
    "\\",
    "/;a",
    ";/../x/..",
    "/..;/..",
    "/%2e",
    "/x/%2e%2e",
    "%2e%2e",
    "/x%2f..",
    "%23/x.css",
    ";x.css",
    "/..;x/x.css",
    ";/x",
    ";/x.css",
    "%3b/x.css",
    "%253b/x.css",
    ";/../x.css",
    "/.;/x.css",
    "%09",
    "%0a",
];

/// What stands before the whole path.
const BEGINNINGS: &[&str] = &[
    "",
    "http://example.com",
    "HTTPS://user@example.com:8443",
    "//example.com",
    "/\\example.com",
    "/public/..",
    "/open/..",
    "/open/..;",
    "/public/%2e%2e",
    "/assets/x.js/..",
    "/x.css/..",
    "/healthz/..",
    "/open%2f..",
    "/public/..%2f",
    "/public/x/../..",
    "/open;/..",
    "/x.css;/..",
    "/x.css%2f..",
];

impl Spelling {
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

/// One octet: as it is, or as an escape, of which a digit or the `%` may be an escape itself.
fn spell(octet: u8, choices: &mut impl Choices) -> String {
    let must_be_escaped = octet <= b' ' || octet >= 0x7f;
    let (high, low) = (octet >> 4, octet & 15);
    match choices.below(40) {
        0..4 => format!("%{octet:02x}"),
        4 => format!("%{octet:02X}"),
        5 => format!("%25{octet:02x}"),
        6 => format!("%%{:02x}{low:x}", digit(high)),
        7 => format!("%{high:x}%{:02x}", digit(low)),
        _ if must_be_escaped => format!("%{octet:02x}"),
        _ => char::from(octet).to_string(),
    }
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
