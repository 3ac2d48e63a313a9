//! Comparison in a time that does not tell where two texts differ.

use subtle::ConstantTimeEq;

/// Whether two texts are the same. The time depends on their lengths alone, which are no secret.
pub(super) fn is_equal(one: &[u8], other: &[u8]) -> bool {
    one.ct_eq(other).into()
}

/// Whether `sent` is `stored`. The time depends on the length of what was sent alone.
pub(super) fn is_stored(sent: &[u8], stored: &[u8]) -> bool {
    let is_as_long = sent.len().ct_eq(&stored.len());
    let pairs = sent.iter().zip(stored.iter().cycle());
    let is_same = pairs.fold(is_as_long, |is_same, (one, other)| is_same & one.ct_eq(other));
    is_same.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_octet_and_the_length_count() {
        let text = b"open sesame";
        assert!(is_equal(text, text) && is_stored(text, text));
        assert!(is_equal(b"", b""));
        for place in 0..text.len() {
            for bit in 0..8 {
                let mut other = *text;
                other[place] ^= 1 << bit;
                assert!(!is_equal(text, &other) && !is_stored(text, &other));
            }
            assert!(!is_equal(text, &text[..place]) && !is_equal(&text[..place], text));
            assert!(!is_stored(text, &text[..place]) && !is_stored(&text[..place], text));
        }
        let twice = [*text, *text].concat();
        assert!(!is_stored(&twice, text) && !is_stored(text, &twice));
    }
}
