//! HMAC (RFC 2104), with its key hashed once, and PBKDF2 (RFC 8018, 5.2) on it.

use crate::hash::{Blocks, Function, HashFunction};

/// A keyed hash function.
pub(crate) struct Hmac<H: HashFunction> {
    /// The state after the key XOR `ipad`.
    inner: H::State,
    /// The state after the key XOR `opad`.
    outer: H::State,
}

impl<H: HashFunction> Hmac<H> {
    const BLOCK_OCTETS: usize = H::FUNCTION.block_octets();

    pub(crate) fn new(key: &[u8]) -> Self {
        let block = |pad| Self::after(H::INITIAL, &padded_key(H::FUNCTION, key, pad));
        Self {
            inner: block(0x36),
            outer: block(0x5c),
        }
    }

    /// Writes the code of the concatenation of `parts`, as long as a digest.
    pub(crate) fn write_code(&self, parts: &[&[u8]], octets: &mut [u8]) {
        H::write(&self.code(parts), octets);
    }

    fn code(&self, parts: &[&[u8]]) -> H::State {
        let message = H::FUNCTION.padded(parts, Self::BLOCK_OCTETS);
        let inner = Self::after(self.inner, &message);
        Self::after(self.outer, &Self::block(&inner))
    }

    /// PBKDF2 with the password as the key.
    pub(crate) fn pbkdf2(&self, salt: &[u8], iterations: u32, output: &mut [u8]) {
        let parts = output.chunks_mut(H::FUNCTION.digest_octets());
        for (part, number) in parts.zip(1_u32..) {
            let first = self.code(&[salt, &number.to_be_bytes()]);
            // The last part may end amid a word.
            let mut digest = [0; 64];
            H::write(&self.sum_of_codes(first, iterations), &mut digest);
            part.iter_mut()
                .zip(digest)
                .for_each(|(octet, digest)| *octet = digest);
        }
    }

    /// `code` XOR its code XOR the code of that, and so on, of `count` codes.
    fn sum_of_codes(&self, mut code: H::State, count: u32) -> H::State {
        let mut sum = code;
        let mut block = Self::block(&code);
        let block = &mut *block;
        for _ in 1..count {
            for key in [self.inner, self.outer] {
                H::write(&code, block);
                code = Self::after(key, block);
            }
            H::xor(&mut sum, &code);
        }
        sum
    }

    /// A digest with its padding, as it follows on the key: one block.
    fn block(state: &H::State) -> Blocks {
        let digest = [0; 64];
        let digest = digest.get(..H::FUNCTION.digest_octets());
        let mut block = H::FUNCTION.padded(digest.as_slice(), Self::BLOCK_OCTETS);
        H::write(state, &mut block);
        block
    }

    fn after(mut state: H::State, blocks: &[u8]) -> H::State {
        H::compress(&mut state, blocks);
        state
    }
}

/// A block of the key or, if it is longer, of its digest, XOR `pad`.
fn padded_key(function: Function, key: &[u8], pad: u8) -> Vec<u8> {
    let block = function.block_octets();
    let digest;
    let key = if key.len() > block {
        digest = function.digest_of(&[key]);
        digest.as_ref()
    } else {
        key
    };
    let mut padded: Vec<u8> = key.iter().map(|octet| octet ^ pad).collect();
    padded.resize(block, pad);
    padded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::{Sha1, Sha256, Sha512};

    /// Hexadecimal.
    fn code<H: HashFunction>(key: &[u8], parts: &[&[u8]]) -> String {
        let mut code = vec![0; H::FUNCTION.digest_octets()];
        Hmac::<H>::new(key).write_code(parts, &mut code);
        code.iter().map(|octet| format!("{octet:02x}")).collect()
    }

    /// An output of fewer octets is the start of that of more, wherever it ends.
    fn check_lengths<H: HashFunction>() {
        let hmac = Hmac::<H>::new(b"password");
        let mut longest = [0; 64];
        hmac.pbkdf2(b"salt", 2, &mut longest);
        for length in 0..=longest.len() {
            let mut output = vec![0; length];
            hmac.pbkdf2(b"salt", 2, &mut output);
            assert!(longest.starts_with(&output), "{length}");
        }
    }

    #[test]
    fn an_output_may_end_anywhere() {
        check_lengths::<Sha1>();
        check_lengths::<Sha256>();
        check_lengths::<Sha512>();
    }

    /// RFC 4231, 4.3.
    #[test]
    fn a_short_key_is_filled_up() {
        let code = code::<Sha256>(b"Jefe", &[b"what do ya want ", b"for nothing?"]);
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(code, expected);
    }

    /// RFC 4231, 4.7.
    #[test]
    fn a_key_longer_than_a_block_is_hashed() {
        let message: &[u8] = b"Test Using Larger Than Block-Size Key - Hash Key First";
        let expected = "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54";
        assert_eq!(code::<Sha256>(&[0xaa; 131], &[message]), expected);
        let expected = "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352\
                        6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598";
        assert_eq!(code::<Sha512>(&[0xaa; 131], &[message]), expected);
    }
}
