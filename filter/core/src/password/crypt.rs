//! What MD5-crypt and SHA-crypt share.

use core::array;

use crate::hash::{Blocks, Digest, Function};

/// `octets` over and over, up to `length`.
pub(super) fn repeated(octets: &[u8], length: usize) -> Vec<u8> {
    octets.iter().copied().cycle().take(length).collect()
}

/// The digest that the rounds of MD5-crypt and SHA-crypt start from: of password, prefix and salt,
/// of the alternate digest up to the length of the password, and for each bit of that length, from
/// the lowest, of what stands for a one or a zero.
pub(super) fn first_digest(
    function: Function,
    [password, prefix, salt]: [&[u8]; 3],
    alternate: Digest,
    [one, zero]: [&[u8]; 2],
) -> Digest {
    let mut message = [password, prefix, salt].concat();
    message.extend(repeated(alternate.as_ref(), password.len()));
    let mut length = password.len();
    while length > 0 {
        message.extend(if length % 2 == 1 { one } else { zero });
        length /= 2;
    }
    function.digest_of(&[&message])
}

/// What a round of MD5-crypt and SHA-crypt hashes, as whole blocks.
struct Message {
    blocks: Blocks,
    /// Where the digest of the round before it belongs.
    position: usize,
}

impl Message {
    /// Of the rounds with this remainder on division by 2, and those with a remainder on division by
    /// 3 and 7.
    fn new(
        function: Function,
        digest: &[u8],
        password: &[u8],
        salt: &[u8],
        [is_odd, is_no_third, is_no_seventh]: [bool; 3],
    ) -> Self {
        let salt = if is_no_third { salt } else { &[] };
        let again = if is_no_seventh { password } else { &[] };
        if is_odd {
            Self {
                blocks: function.padded(&[password, salt, again, digest], 0),
                position: password.len() + salt.len() + again.len(),
            }
        } else {
            Self {
                blocks: function.padded(&[digest, salt, again, password], 0),
                position: 0,
            }
        }
    }

    /// With the digest of the round before.
    fn with(&mut self, digest: &[u8]) -> &[u8] {
        let place = self.position..self.position + digest.len();
        if let Some(place) = self.blocks.get_mut(place) {
            place.copy_from_slice(digest);
        }
        &self.blocks
    }
}

/// The rounds of MD5-crypt and SHA-crypt. There are only eight messages, but for the digest in them.
pub(super) fn stretched(
    function: Function,
    mut digest: Digest,
    password: &[u8],
    salt: &[u8],
    rounds: u32,
) -> Digest {
    let mut messages: [Message; 8] = array::from_fn(|kind| {
        let bits = [1, 2, 4].map(|bit| kind & bit != 0);
        Message::new(function, digest.as_ref(), password, salt, bits)
    });
    for round in 0..rounds {
        let kind = (round % 2) + 2 * (round % 3).min(1) + 4 * (round % 7).min(1);
        if let Some(message) = messages.get_mut(kind as usize) {
            function.digest_blocks(message.with(digest.as_ref()), &mut digest);
        }
    }
    digest
}

/// The octets of a digest in the order in which crypt writes them.
pub(super) fn written<const N: usize>(digest: &Digest, order: &[u8; N]) -> [u8; N] {
    // The orders are permutations, so that every octet is there.
    let octets = digest.as_ref();
    order.map(|index| octets.get(usize::from(index)).copied().unwrap_or_default())
}
