//! What a text that is no accepted hash probably is, so that its error names the cause.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::cost::HashCostCaps;
use super::error::HashError;
use super::{Scheme, ldap, unsupported};

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// No hash is shorter, and hardly a password is longer and starts as a hash does. What starts as a hash
/// and has three `$` is one that was cut.
const SHORTEST_HASH: usize = 20;

/// What may follow a hash without belonging to it.
const SEPARATORS: &[u8] = b" \t,;\"'\\#`\r\n";

/// Whether a text is a stored password hash and no password: of a format that is known here,
/// accepted or not, also if it is damaged or its `$` are doubled. Whoever takes such a text for a
/// password lets everybody in who has seen the hash.
pub fn looks_like_hash(text: &[u8]) -> bool {
    // As of a locked user.
    let text = text.strip_prefix(b"!").unwrap_or(text);
    let text = text.strip_prefix(b"!").unwrap_or(text);
    let dollars = text.iter().filter(|octet| **octet == b'$').count();
    let is_large = text.len() >= SHORTEST_HASH || text.starts_with(b"$") && dollars >= 3;
    is_large && (is_known(text) || is_known(&without_doubled_dollars(text)))
}

/// Whether a text starts like a hash or like a password after its label, and so is no user name.
pub(crate) fn starts_like_hash(text: &[u8]) -> bool {
    text.starts_with(ldap::PLAIN) || looks_like_hash(text)
}

/// The base64 of what, if it is base64.
pub(super) fn decoded_base64(text: &[u8]) -> Option<Vec<u8>> {
    BASE64.decode(text).ok().filter(|octets| !octets.is_empty())
}

/// Whether a text has at most printable characters at its ends: none that nobody sees.
pub(crate) fn has_visible_ends(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    let is_visible = |character: Option<char>| !character.is_some_and(is_invisible);
    is_visible(text.chars().next()) && is_visible(text.chars().next_back())
}

/// What is wrong with a hash that was refused for `error`.
pub(super) fn cause(hash: &[u8], error: HashError, caps: &HashCostCaps) -> HashError {
    if is_placeholder(hash) {
        return HashError::Placeholder;
    }
    let is_vague = matches!(
        error,
        HashError::BareText
            | HashError::LockedText
            | HashError::Malformed { .. }
            | HashError::OtherLabel
            | HashError::UnknownPrefix
            | HashError::UnknownScheme
    );
    if !is_vague || hash.starts_with(ldap::PLAIN) {
        return error;
    }
    if is_recognised(&without_doubled_dollars(hash), caps) {
        return HashError::DoubledDollars;
    }
    if is_recognised(&without_backslashes(hash), caps) {
        return HashError::EscapedDollars;
    }
    if is_recognised(&without_encoded_dollars(hash), caps) {
        return HashError::EncodedDollars;
    }
    if let Some(error) = surroundings(hash, caps) {
        return error;
    }
    match error {
        HashError::BareText => bare_text(hash),
        HashError::Malformed { .. } if hash.len() < SHORTEST_HASH && hash.starts_with(b"$") => {
            HashError::Expanded
        }
        error => error,
    }
}

/// What a text is that starts like no hash.
fn bare_text(text: &[u8]) -> HashError {
    if text == b"x" {
        HashError::Passwd
    } else if is_hexadecimal_digest(text) {
        HashError::Hexadecimal
    } else if is_left_by_shell(text) {
        HashError::Expanded
    } else if text.len() >= SHORTEST_HASH && text.contains(&b'$') && text.iter().all(is_crypt) {
        HashError::UnknownPrefix
    } else if decoded_base64(text).is_some_and(|octets| has_hash(&octets)) {
        HashError::Base64
    } else if text.ends_with(b"=") && text.iter().all(is_base64) {
        HashError::NoLabel
    } else {
        HashError::BareText
    }
}

/// Whether a hash stands in a text, or follows a user name.
fn has_hash(text: &[u8]) -> bool {
    text.split(|octet| *octet == b':').any(starts_like_hash)
}

/// Whether a text may well be a user name or a password, and is not likely anything else.
pub(super) fn is_bare_text(text: &[u8]) -> bool {
    !starts_like_hash(text) && bare_text(text) == HashError::BareText
}

/// Something around a hash that is recognised without it.
fn surroundings(text: &[u8], caps: &HashCostCaps) -> Option<HashError> {
    let is_quote = |octet: &u8| b"\"'`".contains(octet);
    if let [quote, rest @ ..] = text
        && is_quote(quote)
    {
        let end = rest.iter().position(|octet| octet == quote);
        let inside = end.and_then(|end| rest.get(..end)).unwrap_or(rest);
        return is_recognised(inside, caps).then_some(HashError::Quoted);
    }
    if starts_with_curly_quote(text) {
        let trimmed = String::from_utf8_lossy(text);
        let trimmed = trimmed.trim_matches(CURLY_QUOTES).as_bytes();
        return is_recognised(trimmed, caps).then_some(HashError::Quoted);
    }
    if !has_visible_ends(text) {
        let trimmed = String::from_utf8_lossy(text);
        let trimmed = trimmed.trim_matches(is_invisible).as_bytes();
        return is_recognised(trimmed, caps).then_some(HashError::Invisible);
    }
    let start = text.iter().position(|octet| b"${".contains(octet));
    if let Some(start) = start.filter(|start| *start > 0)
        && text
            .get(start..)
            .is_some_and(|hash| is_recognised(hash, caps))
    {
        return Some(HashError::Before);
    }
    // Some separators stand in hashes as well, so that the first one need not be the end.
    let positions = text.iter().enumerate();
    let mut ends = positions.filter(|(_, octet)| SEPARATORS.contains(octet));
    ends.any(|(end, _)| {
        text.get(..end)
            .is_some_and(|hash| is_recognised(hash, caps))
    })
    .then_some(HashError::Behind)
}

/// What word processors and chat programs make of quotes.
const CURLY_QUOTES: [char; 6] = [
    '\u{2018}', '\u{2019}', '\u{201c}', '\u{201d}', '\u{ab}', '\u{bb}',
];

/// Whether a text begins with a curly quote.
pub(super) fn starts_with_curly_quote(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    text.starts_with(CURLY_QUOTES)
}

/// What a template, a shell, a reader or SOPS should have replaced.
pub(super) fn is_placeholder(text: &[u8]) -> bool {
    is_between(text, "<", ">") || is_unfilled(text)
}

/// Whether a text is a placeholder rather than a password. In angle brackets are only words: a password
/// that was made up by chance may begin and end with them.
pub(crate) fn is_unfilled(text: &[u8]) -> bool {
    let around = [("${", "}"), ("$(", ")"), ("{{", "}}"), ("ENC[", "]")];
    let is_word = |octet: &u8| octet.is_ascii_alphabetic() || b" -_<>".contains(octet);
    around
        .iter()
        .any(|(start, end)| is_between(text, start, end))
        || is_between(text, "<", ">") && text.iter().all(is_word)
}

fn is_between(text: &[u8], start: &str, end: &str) -> bool {
    text.starts_with(start.as_bytes()) && text.trim_ascii_end().ends_with(end.as_bytes())
}

/// Whether a text is accepted, or refused for what it costs, or for its format.
fn is_recognised(text: &[u8], caps: &HashCostCaps) -> bool {
    match Scheme::parse(text, caps) {
        Ok(_) => true,
        Err(error) => error.is_of_whole_hash(),
    }
}

/// Whether a text starts as a hash of a known format does, which may be damaged behind that.
fn is_known(text: &[u8]) -> bool {
    match Scheme::parse(text, &HashCostCaps::MAXIMUM) {
        Ok(Scheme::Locked | Scheme::Plain(_)) => false,
        Ok(_) => true,
        Err(HashError::Malformed { .. } | HashError::OtherLabel) => true,
        // DES crypt has no prefix, and any password can look like it.
        Err(error) => error.is_of_whole_hash() && unsupported::without_prefix(text).is_none(),
    }
}

fn without_doubled_dollars(text: &[u8]) -> Vec<u8> {
    let mut halved = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [octet, after @ ..] = rest {
        halved.push(*octet);
        rest = match rest {
            [b'$', b'$', after @ ..] => after,
            _ => after,
        };
    }
    halved
}

fn without_encoded_dollars(text: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(text);
    let text = text.replace("%24", "$").replace("&#36;", "$");
    text.replace("%2F", "/").replace("%2f", "/").into_bytes()
}

fn without_backslashes(text: &[u8]) -> Vec<u8> {
    text.iter()
        .copied()
        .filter(|octet| *octet != b'\\')
        .collect()
}

/// MD5 to SHA-512, PostgreSQL's `md5…` and MySQL's `*…`.
pub(super) fn is_hexadecimal_digest(text: &[u8]) -> bool {
    let (text, lengths): (_, &[usize]) = match text {
        [b'm', b'd', b'5', rest @ ..] => (rest, &[32]),
        [b'*', rest @ ..] => (rest, &[40]),
        _ => (text, &[32, 40, 56, 64, 96, 128]),
    };
    lengths.contains(&text.len()) && text.iter().all(u8::is_ascii_hexdigit)
}

fn is_base64(octet: &u8) -> bool {
    octet.is_ascii_alphanumeric() || b"+/=".contains(octet)
}

/// The alphabet of crypt's hashes.
fn is_crypt(octet: &u8) -> bool {
    octet.is_ascii_alphanumeric() || b"./$".contains(octet)
}

/// Whether this is what a shell, or `make`, leaves of a hash in double quotes. It replaces `$` and
/// the letters, digits and `_` that follow it, or a single digit, by nothing, but `$0` by its name.
fn is_left_by_shell(text: &[u8]) -> bool {
    let with_dollar = [b"$", text].concat();
    match text {
        // The start of it was lost alone.
        _ if text.contains(&b'$') && looks_like_hash(&with_dollar) => true,
        // `$argon2id$v=19$m=…`, `$6$rounds=5000$…` and `$pbkdf2-sha256$…`.
        [b'=', b'1'..=b'9', ..] | [b'-', b's', b'h', b'a', b'1' | b'2' | b'5', ..] => true,
        // Of `$apr1$`, `$1$`, `$5$`, `$6$` and `$y$`, from the first `.` or `/` on.
        [b'.' | b'/', rest @ ..] => rest.iter().all(is_crypt),
        // Of `$2y$05$…`: `y`, the name of the shell, `5`.
        [b'a' | b'b' | b'y', rest @ ..] => {
            let shell = rest.windows(2).position(|letters| letters == b"sh");
            let rest = match shell {
                Some(at) if at <= 12 => rest.get(at + 2..).unwrap_or_default(),
                _ => rest,
            };
            matches!(rest, [b'0'..=b'9', after @ ..]
                if after.iter().all(is_crypt)
                    && (shell.is_some() || after.len() >= 40 || matches!(after, [b'.' | b'/', ..])))
        }
        _ => false,
    }
}

/// Characters that take no place on a screen, or look like a blank.
fn is_invisible(character: char) -> bool {
    character.is_whitespace()
        || character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}
