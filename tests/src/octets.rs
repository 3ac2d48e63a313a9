//! The notation of octets in cases: `\xNN`, `\\`, and `{{text*9000}}` for repeated text.

/// The octets that a text of a case stands for.
///
/// # Errors
/// Says which escape or repetition is malformed.
pub fn parse(text: &str) -> Result<Vec<u8>, String> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("{{") {
        octets.extend(unescape(&rest[..start])?);
        let end = rest[start..].find("}}").ok_or("`{{` without `}}`")? + start;
        octets.extend(repetition(&rest[start + 2..end])?);
        rest = &rest[end + 2..];
    }
    octets.extend(unescape(rest)?);
    Ok(octets)
}

/// Octets in the notation of cases, for a person to read: long ones are cut.
#[must_use]
pub fn display(octets: &[u8]) -> String {
    const SHOWN: usize = 200;
    let mut text = escape(&octets[..octets.len().min(SHOWN)]);
    if octets.len() > SHOWN {
        text.push_str(&format!("… ({} octets)", octets.len()));
    }
    text
}

/// Octets in the notation of cases, without a loss.
#[must_use]
pub fn escape(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len());
    for &octet in octets {
        match octet {
            b'\\' => text.push_str(r"\\"),
            b' '..=b'~' => text.push(char::from(octet)),
            _ => text.push_str(&format!("\\x{octet:02X}")),
        }
    }
    text
}

fn repetition(inner: &str) -> Result<Vec<u8>, String> {
    let (text, count) = inner
        .rsplit_once('*')
        .ok_or(format!("`{{{{{inner}}}}}` without `*`"))?;
    let count: usize = count
        .parse()
        .map_err(|_| format!("`{count}` is not a count"))?;
    Ok(unescape(text)?.repeat(count))
}

fn unescape(text: &str) -> Result<Vec<u8>, String> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&octet, after)) = rest.split_first() {
        rest = after;
        if octet != b'\\' {
            octets.push(octet);
            continue;
        }
        match rest {
            [b'\\', after @ ..] => {
                octets.push(b'\\');
                rest = after;
            }
            [b'x', high, low, after @ ..] => {
                octets.push(hexadecimal(*high)? << 4 | hexadecimal(*low)?);
                rest = after;
            }
            _ => return Err(format!(r"`\` in `{text}` is neither `\xNN` nor `\\`")),
        }
    }
    Ok(octets)
}

fn hexadecimal(digit: u8) -> Result<u8, String> {
    let digit = char::from(digit);
    digit
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
        .ok_or(format!("`{digit}` is not a hexadecimal digit"))
}

#[cfg(test)]
mod tests {
    use super::{display, escape, parse};

    #[test]
    fn escapes_and_repetitions_stand_for_octets() {
        assert_eq!(
            parse(r"a\x00\xfF\\{{\x41b*3}}c").unwrap(),
            b"a\x00\xff\\AbAbAbc"
        );
        assert_eq!(parse("{{**2}}").unwrap(), b"**");
        assert_eq!(parse("é").unwrap(), "é".as_bytes());
    }

    #[test]
    fn a_malformed_escape_or_repetition_is_refused() {
        for text in [
            r"\", r"\x4", r"\xZZ", r"\n", "{{A}}", "{{A*}}", "{{A*x}}", "{{A*3",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn every_octet_survives_the_notation() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(parse(&escape(&all)).unwrap(), all);
        assert!(display(&[b'A'; 201]).ends_with("(201 octets)"));
    }
}
