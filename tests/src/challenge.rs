//! The challenge as RFC 7617, 2 writes it, read by a parser of its own: the runners do not trust
//! the code that they test to say whether its challenge is well-formed.

/// The value of the only field with a challenge, which has to be the one that goes with `status`.
/// `fields` are all fields of a response.
///
/// # Errors
/// Says which field is there and must not be.
pub fn only<'f>(
    status: u32,
    fields: impl IntoIterator<Item = (&'f [u8], &'f [u8])>,
) -> Result<Option<Vec<u8>>, String> {
    let name: &[u8] = match status {
        407 => b"proxy-authenticate",
        _ => b"www-authenticate",
    };
    let mut found = None;
    for (field, value) in fields {
        let is_challenge = matches!(field, b"proxy-authenticate" | b"www-authenticate");
        if is_challenge && (field != name || found.is_some()) {
            let field = String::from_utf8_lossy(field);
            return Err(format!("`{field}` in an answer of the status {status}"));
        }
        if is_challenge {
            found = Some(value.to_vec());
        }
    }
    Ok(found)
}

/// The realm of a challenge that is exactly `Basic realm="…", charset="UTF-8"`.
///
/// # Errors
/// Says what of that form is not there.
pub fn realm(challenge: &[u8]) -> Result<Vec<u8>, String> {
    let rest = challenge
        .strip_prefix(br#"Basic realm=""#)
        .ok_or("no `Basic realm=\"`")?;
    let mut realm = Vec::new();
    let mut octets = rest.iter();
    loop {
        match octets.next() {
            None => return Err("the quoted string has no end".into()),
            Some(b'"') => break,
            Some(b'\\') => realm.push(*octets.next().ok_or("`\\` at the end")?),
            // RFC 9110, 5.6.4: qdtext is HTAB, SP, visible characters and obs-text.
            Some(&octet) if octet == b'\t' || (octet >= b' ' && octet != 0x7f) => {
                realm.push(octet);
            }
            Some(octet) => return Err(format!("the octet {octet:02x} in the quoted string")),
        }
    }
    match octets.as_slice() {
        br#", charset="UTF-8""# => Ok(realm),
        _ => Err("`, charset=\"UTF-8\"` does not follow the realm".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::realm;

    #[test]
    fn a_realm_is_unquoted() {
        let challenge = br#"Basic realm="a \"b\" \\ c", charset="UTF-8""#;
        assert_eq!(realm(challenge).unwrap(), br#"a "b" \ c"#);
    }

    #[test]
    fn what_a_client_may_misread_is_refused() {
        for challenge in [
            &b"Basic realm=istio"[..],
            br#"Basic realm="istio""#,
            br#"Basic realm="a"b", charset="UTF-8""#,
            br#"basic realm="a", charset="UTF-8""#,
            b"Basic realm=\"a\r\nb\", charset=\"UTF-8\"",
            br#"Basic realm="a\"#,
        ] {
            assert!(realm(challenge).is_err());
        }
    }
}
