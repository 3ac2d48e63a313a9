//! The hash functions, one compiled copy of each, and what MD5-crypt and SHA-crypt share.

use md5::Md5;
use sha1::Sha1;
use sha2::digest::{Digest, OutputSizeUser, array::Array};
use sha2::{Sha256, Sha512};

/// A hash function of the concatenation of its inputs.
pub(super) type HashFunction<const N: usize> = fn(&[&[u8]]) -> [u8; N];

#[inline(never)]
pub(super) fn md5(inputs: &[&[u8]]) -> [u8; 16] {
    hash::<Md5>(inputs).into()
}

#[inline(never)]
pub(super) fn sha1(inputs: &[&[u8]]) -> [u8; 20] {
    hash::<Sha1>(inputs).into()
}

#[inline(never)]
pub(super) fn sha256(inputs: &[&[u8]]) -> [u8; 32] {
    hash::<Sha256>(inputs).into()
}

#[inline(never)]
pub(super) fn sha512(inputs: &[&[u8]]) -> [u8; 64] {
    hash::<Sha512>(inputs).into()
}

fn hash<D: Digest>(inputs: &[&[u8]]) -> Array<u8, <D as OutputSizeUser>::OutputSize> {
    let mut hasher = D::new();
    for input in inputs {
        hasher.update(input);
    }
    hasher.finalize()
}

/// `octets` over and over, up to `length`.
pub(super) fn repeated(octets: &[u8], length: usize) -> Vec<u8> {
    octets.iter().copied().cycle().take(length).collect()
}

/// The digest that the rounds of MD5-crypt and SHA-crypt start from: of password, prefix and salt,
/// of the alternate digest up to the length of the password, and for each bit of that length, from
/// the lowest, of what stands for a one or a zero.
pub(super) fn first_digest<const N: usize>(
    hash: HashFunction<N>,
    [password, prefix, salt]: [&[u8]; 3],
    alternate: &[u8; N],
    [one, zero]: [&[u8]; 2],
) -> [u8; N] {
    let mut message = [password, prefix, salt].concat();
    message.extend(repeated(alternate, password.len()));
    let mut length = password.len();
    while length > 0 {
        message.extend(if length % 2 == 1 { one } else { zero });
        length /= 2;
    }
    hash(&[&message])
}

/// The rounds of MD5-crypt and SHA-crypt.
pub(super) fn stretched<const N: usize>(
    hash: HashFunction<N>,
    mut digest: [u8; N],
    password: &[u8],
    salt: &[u8],
    rounds: u32,
) -> [u8; N] {
    for round in 0..rounds {
        let is_odd = round % 2 == 1;
        digest = hash(&[
            if is_odd { password } else { &digest },
            if round % 3 == 0 { &[] } else { salt },
            if round % 7 == 0 { &[] } else { password },
            if is_odd { &digest } else { password },
        ]);
    }
    digest
}

/// The octets of a digest in the order in which crypt writes them.
pub(super) fn written<const N: usize>(digest: &[u8; N], order: &[u8; N]) -> [u8; N] {
    // The orders are permutations, so that every octet is there.
    order.map(|index| digest.get(usize::from(index)).copied().unwrap_or_default())
}
