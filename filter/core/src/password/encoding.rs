//! The base64 variants of password hashes. All are canonical: one spelling for each octet string.

use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD, STANDARD, STANDARD_NO_PAD};

const BCRYPT: GeneralPurpose = GeneralPurpose::new(&alphabet::BCRYPT, NO_PAD);

/// Standard base64 (RFC 4648, 4) with its padding, as in `{SSHA}`.
pub(super) fn decode_padded(text: &[u8]) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// Standard base64 without padding, as in PHC strings.
pub(super) fn decode_unpadded(text: &[u8]) -> Option<Vec<u8>> {
    STANDARD_NO_PAD.decode(text).ok()
}

/// Passlib's adapted base64: without padding, and `.` for `+`.
pub(super) fn decode_passlib(text: &[u8]) -> Option<Vec<u8>> {
    let standard = text.iter().map(|octet| match octet {
        b'.' => Some(b'+'),
        b'+' => None,
        other => Some(*other),
    });
    decode_unpadded(&standard.collect::<Option<Vec<u8>>>()?)
}

/// Hexadecimal digits in lower case, two for each octet.
pub(super) fn decode_hex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |octet: u8| match octet {
        b'0'..=b'9' => Some(octet - b'0'),
        b'a'..=b'f' => Some(octet - b'a' + 10),
        _ => None,
    };
    let (pairs, []) = text.as_chunks::<2>() else {
        return None;
    };
    pairs
        .iter()
        .map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?))
        .collect()
}

/// Bcrypt's base64: without padding, of the alphabet `./A-Za-z0-9`.
pub(super) fn decode_bcrypt<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    BCRYPT.decode(text).ok()?.try_into().ok()
}

/// The base64 of crypt: of the alphabet `./0-9A-Za-z`, the low six bits first.
pub(super) fn decode_crypt(text: &[u8]) -> Option<Vec<u8>> {
    let mut octets = Vec::with_capacity(text.len());
    for group in text.chunks(4) {
        if group.len() == 1 {
            return None;
        }
        let value = crypt_number(group)?;
        let [low, middle, high, _] = value.to_le_bytes();
        match group.len() {
            2 if middle == 0 => octets.push(low),
            3 if high == 0 => octets.extend([low, middle]),
            4 => octets.extend([low, middle, high]),
            _ => return None,
        }
    }
    Some(octets)
}

/// A number of at most five digits in the base64 of crypt, the lowest digit first.
pub(super) fn crypt_number(digits: &[u8]) -> Option<u32> {
    if digits.len() > 5 {
        return None;
    }
    digits.iter().rev().try_fold(0_u32, |number, digit| {
        let value = match digit {
            b'.' => 0,
            b'/' => 1,
            b'0'..=b'9' => digit - b'0' + 2,
            b'A'..=b'Z' => digit - b'A' + 12,
            b'a'..=b'z' => digit - b'a' + 38,
            _ => return None,
        };
        Some(number << 6 | u32::from(value))
    })
}
