//! Header maps and their serialised form.

use crate::observed::Fields;

/// The serialised form of ABI 0.2: count, then the two lengths of each pair, then each name and
/// value with a NUL behind it.
pub(super) fn serialize(fields: &Fields) -> Vec<u8> {
    let length = |octets: &[u8]| {
        u32::try_from(octets.len())
            .unwrap_or(u32::MAX)
            .to_le_bytes()
    };
    let mut octets = u32::try_from(fields.len())
        .unwrap_or(u32::MAX)
        .to_le_bytes()
        .to_vec();
    for (name, value) in fields {
        octets.extend(length(name));
        octets.extend(length(value));
    }
    for text in fields.iter().flat_map(|(name, value)| [name, value]) {
        octets.extend(text);
        octets.push(0);
    }
    octets
}

/// Reads the serialised form.
pub(super) fn parse(octets: &[u8]) -> Option<Fields> {
    let number = |at: usize| {
        let octets = octets.get(at..at + 4)?.try_into().ok()?;
        Some(u32::from_le_bytes(octets) as usize)
    };
    let count = if octets.is_empty() { 0 } else { number(0)? };
    let mut at = 4 + count * 8;
    let mut text = |length: usize| {
        let text = octets.get(at..at + length)?.to_vec();
        at += length + 1;
        Some(text)
    };
    (0..count)
        .map(|pair| Some((text(number(4 + pair * 8)?)?, text(number(8 + pair * 8)?)?)))
        .collect()
}

/// Whether a field cannot be read as two, or as the end of the header.
pub(super) fn is_valid_field(name: &[u8], value: &[u8]) -> bool {
    let is_token = |octet: &u8| octet.is_ascii_graphic() && !b"\"(),/;<=>?@[\\]{}".contains(octet);
    let name = name.strip_prefix(b":").unwrap_or(name);
    !name.is_empty()
        && name.iter().all(|octet| is_token(octet) && *octet != b':')
        && !value.iter().any(|octet| matches!(octet, 0 | b'\r' | b'\n'))
}

/// The first value, which is what Envoy answers when there are several.
pub(super) fn first<'a>(fields: &'a Fields, name: &[u8]) -> Option<&'a Vec<u8>> {
    fields
        .iter()
        .find(|(field, _)| field.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

/// Puts one value in place of all.
pub(super) fn replace(fields: &mut Fields, name: Vec<u8>, value: Vec<u8>) {
    let first = fields
        .iter()
        .position(|(field, _)| field.eq_ignore_ascii_case(&name));
    match first {
        None => add(fields, &name, value),
        Some(first) => {
            fields[first].1 = value;
            let mut index = 0;
            fields.retain(|(field, _)| {
                index += 1;
                index - 1 <= first || !field.eq_ignore_ascii_case(&name)
            });
        }
    }
}

/// Adds a value, after those that are there.
pub(super) fn add(fields: &mut Fields, name: &[u8], value: Vec<u8>) {
    fields.push((name.to_ascii_lowercase(), value));
}

/// Removes every value.
pub(super) fn remove(fields: &mut Fields, name: &[u8]) {
    fields.retain(|(field, _)| !field.eq_ignore_ascii_case(name));
}

#[cfg(test)]
mod tests {
    use super::{Fields, is_valid_field, parse, remove, replace, serialize};

    fn fields() -> Fields {
        vec![
            (b":path".to_vec(), b"/\xff".to_vec()),
            (b"a".to_vec(), b"1".to_vec()),
            (b"b".to_vec(), Vec::new()),
            (b"a".to_vec(), b"2".to_vec()),
        ]
    }

    #[test]
    fn the_serialised_form_is_that_of_the_abi() {
        let one = vec![(b"ab".to_vec(), b"c".to_vec())];
        assert_eq!(serialize(&one), b"\x01\0\0\0\x02\0\0\0\x01\0\0\0ab\0c\0");
        assert_eq!(parse(&serialize(&fields())), Some(fields()));
        assert_eq!(parse(b"\x01\0\0\0\xff\0\0\0\x01\0\0\0ab\0"), None);
    }

    #[test]
    fn several_values_are_replaced_and_removed_together() {
        let mut replaced = fields();
        replace(&mut replaced, b"A".to_vec(), b"3".to_vec());
        assert_eq!(replaced.iter().filter(|(name, _)| name == b"a").count(), 1);
        assert_eq!(replaced[1].1, b"3");
        remove(&mut replaced, b"a");
        assert_eq!(replaced.len(), 2);
    }

    #[test]
    fn what_splits_a_header_is_invalid() {
        assert!(is_valid_field(b":path", b"/\xff"));
        for (name, value) in [
            (&b"a b"[..], &b""[..]),
            (b"", b""),
            (b"a", b"\r\nb: c"),
            (b"a", b"\0"),
        ] {
            assert!(!is_valid_field(name, value));
        }
    }
}
