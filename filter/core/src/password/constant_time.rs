//! Comparison with a secret whose length is one too.

use subtle::ConstantTimeEq;

/// Whether `sent` is `stored`. The time depends on the length of what was sent alone: `subtle`
/// compares slices as well, but tells at once if their lengths differ.
pub(super) fn is_stored(sent: &[u8], stored: &[u8]) -> bool {
    let is_as_long = sent.len().ct_eq(&stored.len());
    // All bits in which there is a difference. Without a branch, and so without an end before the end.
    let difference = sent
        .iter()
        .zip(stored.iter().cycle())
        .fold(0, |difference, (one, other)| difference | (one ^ other));
    (is_as_long & difference.ct_eq(&0)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_octet_and_the_length_count() {
        let text = b"open sesame";
        assert!(is_stored(text, text));
        for place in 0..text.len() {
            for bit in 0..8 {
                let mut other = *text;
                other[place] ^= 1 << bit;
                assert!(!is_stored(text, &other));
            }
            assert!(!is_stored(text, &text[..place]) && !is_stored(&text[..place], text));
        }
        let twice = [*text, *text].concat();
        assert!(!is_stored(&twice, text) && !is_stored(text, &twice));
    }
}
