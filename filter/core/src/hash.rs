//! The hash functions, over RustCrypto's functions that take one block into a state.
//!
//! The crates' own interface buffers a message that comes in parts. It is generic, so that its code
//! is there once per hash function and use, and each use copies small parts, for which the Wasm VM
//! calls out. Here a message is put together once. What hashes one digest after another, as
//! [`crate::hmac`] and the rounds of crypt do, only exchanges the digest in it.

use alloc::vec;
use alloc::vec::Vec;
use core::array;
use core::ops::{Deref, DerefMut};

/// A hash function of the kind of MD5 (RFC 1321) and SHA-2 (FIPS 180-4), as a value: what is not
/// worth a copy of its code for each takes this.
#[derive(Clone, Copy)]
pub(crate) enum Function {
    Md5,
    Sha1,
    Sha256,
    Sha512,
}

impl Function {
    /// The digest of the concatenation of `parts`.
    pub(crate) fn digest_of(self, parts: &[&[u8]]) -> Digest {
        let mut digest = Digest {
            octets: [0; 64],
            length: self.digest_octets(),
        };
        self.digest_blocks(&self.padded(parts, 0), &mut digest);
        digest
    }

    /// Overwrites a digest of this function with that of a message with its padding.
    pub(crate) fn digest_blocks(self, blocks: &[u8], digest: &mut Digest) {
        match self {
            Self::Md5 => digest.overwrite::<Md5>(blocks),
            Self::Sha1 => digest.overwrite::<Sha1>(blocks),
            Self::Sha256 => digest.overwrite::<Sha256>(blocks),
            Self::Sha512 => digest.overwrite::<Sha512>(blocks),
        }
    }

    /// The concatenation of `parts` as whole blocks, as they follow on `octets_before` that are
    /// hashed already: a one, zeros up to the end of a block, and there the number of all bits.
    pub(crate) fn padded(self, parts: &[&[u8]], octets_before: usize) -> Blocks {
        let octets = parts.iter().map(|part| part.len()).sum::<usize>();
        let block = self.block_octets();
        // The number takes an eighth of a block: with blocks of 128 octets its first half is zero.
        let end = (octets + 1 + block / 8).next_multiple_of(block);
        let bits = 8 * (octets_before as u64 + octets as u64);
        let bits = match self {
            Self::Md5 => bits.to_le_bytes(),
            _ => bits.to_be_bytes(),
        };
        let mut blocks = Blocks::zero(end);
        let mut rest = &mut *blocks;
        for part in parts.iter().copied().chain([&[0x80][..]]) {
            rest = write_start(rest, part);
        }
        let zeros = rest.len().saturating_sub(bits.len());
        write_start(rest.get_mut(zeros..).unwrap_or_default(), &bits);
        blocks
    }

    pub(crate) const fn block_octets(self) -> usize {
        match self {
            Self::Sha512 => 128,
            _ => 64,
        }
    }

    pub(crate) const fn digest_octets(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

/// Writes `octets` to the start of `place`, where there is room for them. Returns what is behind.
fn write_start<'p>(place: &'p mut [u8], octets: &[u8]) -> &'p mut [u8] {
    let Some((start, rest)) = place.split_at_mut_checked(octets.len()) else {
        return &mut [];
    };
    start.copy_from_slice(octets);
    rest
}

/// Whole blocks. Few are kept without an allocation: those of every password and salt of usual length.
pub(crate) struct Blocks {
    few: [u8; Self::FEW],
    /// Empty if there are few.
    many: Vec<u8>,
    /// Of the few.
    length: usize,
}

impl Blocks {
    const FEW: usize = 128;

    fn zero(length: usize) -> Self {
        Self {
            few: [0; Self::FEW],
            many: if length > Self::FEW {
                vec![0; length]
            } else {
                Vec::new()
            },
            length,
        }
    }
}

impl Deref for Blocks {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.few.get(..self.length).unwrap_or(&self.many)
    }
}

impl DerefMut for Blocks {
    fn deref_mut(&mut self) -> &mut [u8] {
        self.few.get_mut(..self.length).unwrap_or(&mut self.many)
    }
}

/// What a hash function makes of a message.
#[derive(Clone, Copy)]
pub(crate) struct Digest {
    /// As many as the longest has.
    octets: [u8; 64],
    length: usize,
}

impl Digest {
    fn overwrite<H: HashFunction>(&mut self, blocks: &[u8]) {
        let mut state = H::INITIAL;
        H::compress(&mut state, blocks);
        H::write(&state, &mut self.octets);
    }
}

impl AsRef<[u8]> for Digest {
    fn as_ref(&self) -> &[u8] {
        self.octets.get(..self.length).unwrap_or(&self.octets)
    }
}

/// The SHA-256 digest of the concatenation of `parts`.
pub(crate) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let Digest { octets, .. } = Function::Sha256.digest_of(parts);
    array::from_fn(|index| octets.get(index).copied().unwrap_or_default())
}

/// A hash function as a type: what hashes a million times takes this.
pub(crate) trait HashFunction {
    /// What a message is hashed into, block by block.
    type State: Copy;

    const FUNCTION: Function;
    /// The state before the first block.
    const INITIAL: Self::State;

    /// Takes whole blocks into the state.
    fn compress(state: &mut Self::State, blocks: &[u8]);
    /// Writes the state as a digest to the start of `octets`, which has room for it.
    fn write(state: &Self::State, octets: &mut [u8]);
    /// Adds `other` to `state` without carry.
    fn xor(state: &mut Self::State, other: &Self::State);
}

/// Defines a hash function: its name, its state and the one before the first block, the function that
/// takes blocks into the state, and in which order a word is written. Inlined, because this crate is
/// compiled for size, and would not do so by itself where it counts.
macro_rules! hash_function {
    ($name:ident, $state:ty, $initial:expr, $compress:path, $order:ident) => {
        pub(crate) struct $name;

        impl HashFunction for $name {
            type State = $state;

            const FUNCTION: Function = Function::$name;
            const INITIAL: Self::State = $initial;

            #[inline(always)]
            fn compress(state: &mut Self::State, blocks: &[u8]) {
                $compress(state, blocks.as_chunks().0);
            }

            #[inline(always)]
            fn write(state: &Self::State, octets: &mut [u8]) {
                for (octets, word) in octets.as_chunks_mut().0.iter_mut().zip(state) {
                    *octets = word.$order();
                }
            }

            #[inline(always)]
            fn xor(state: &mut Self::State, other: &Self::State) {
                for (word, other) in state.iter_mut().zip(other) {
                    *word ^= other;
                }
            }
        }
    };
}

const MD5_INITIAL: [u32; 4] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];

const SHA1_INITIAL: [u32; 5] = [
    0x6745_2301,
    0xefcd_ab89,
    0x98ba_dcfe,
    0x1032_5476,
    0xc3d2_e1f0,
];

const SHA256_INITIAL: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

const SHA512_INITIAL: [u64; 8] = [
    0x6a09_e667_f3bc_c908,
    0xbb67_ae85_84ca_a73b,
    0x3c6e_f372_fe94_f82b,
    0xa54f_f53a_5f1d_36f1,
    0x510e_527f_ade6_82d1,
    0x9b05_688c_2b3e_6c1f,
    0x1f83_d9ab_fb41_bd6b,
    0x5be0_cd19_137e_2179,
];

hash_function!(
    Md5,
    [u32; 4],
    MD5_INITIAL,
    md5::block_api::compress,
    to_le_bytes
);
hash_function!(
    Sha1,
    [u32; 5],
    SHA1_INITIAL,
    sha1::block_api::compress,
    to_be_bytes
);
hash_function!(
    Sha256,
    [u32; 8],
    SHA256_INITIAL,
    sha2::block_api::compress256,
    to_be_bytes
);
hash_function!(
    Sha512,
    [u64; 8],
    SHA512_INITIAL,
    sha2::block_api::compress512,
    to_be_bytes
);

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares with the crates' own interface, at all lengths around the ends of two blocks.
    fn check<D: sha2::Digest>(function: Function) {
        let message: Vec<u8> = (0..=u8::MAX).cycle().take(300).collect();
        for length in 0..=message.len() {
            let (start, end) = message.split_at(length / 3);
            let parts = [start, end.get(..length - start.len()).unwrap_or_default()];
            let expected = D::digest(parts.concat());
            assert_eq!(function.digest_of(&parts).as_ref(), &*expected, "{length}");
        }
    }

    #[test]
    fn a_digest_is_that_of_the_crates() {
        check::<md5::Md5>(Function::Md5);
        check::<sha1::Sha1>(Function::Sha1);
        check::<sha2::Sha256>(Function::Sha256);
        check::<sha2::Sha512>(Function::Sha512);
    }
}
