//! What MD5-crypt and SHA-crypt share: rounds of a hash function over password, salt and the digest
//! of the round before.

use core::array;

use digest::Digest;
use digest::{FixedOutputReset, Output};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use super::check::Work;

/// How many blocks of the hash function one step hashes at most: 0.1 to 0.2 ms in the Wasm VM.
const BLOCKS_A_STEP: usize = 512;

/// Octets that are overwritten when they are dropped.
pub(super) type Secret = Zeroizing<Vec<u8>>;

/// The concatenation of `parts`, without a reallocation that would leave a copy behind.
pub(super) fn concatenated(parts: &[&[u8]]) -> Secret {
    Zeroizing::new(parts.concat())
}

/// `octets` over and over, up to `length`.
pub(super) fn repeated(octets: &[u8], length: usize) -> Secret {
    let mut repeated = Vec::with_capacity(length);
    repeated.extend(octets.iter().cycle().take(length));
    Zeroizing::new(repeated)
}

/// The digest of the concatenation of `parts`.
pub(super) fn digest_of<D: Digest>(parts: &[&[u8]]) -> Output<D> {
    D::digest(&*concatenated(parts))
}

/// The digest that the rounds of MD5-crypt and SHA-crypt start from: of password, prefix and salt,
/// of the alternate digest up to the length of the password, and for each bit of that length, from
/// the lowest, of what stands for a one or a zero.
pub(super) fn first_digest<D: Digest>(
    [password, prefix, salt]: [&[u8]; 3],
    alternate: &[u8],
    [one, zero]: [&[u8]; 2],
) -> Output<D> {
    let alternates = repeated(alternate, password.len());
    let mut hash = D::new_with_prefix(concatenated(&[password, prefix, salt, &alternates]));
    let mut length = password.len();
    while length > 0 {
        hash.update(if length % 2 == 1 { one } else { zero });
        length /= 2;
    }
    hash.finalize()
}

/// What a round hashes.
struct Message {
    octets: Secret,
    /// Where the digest of the round before it belongs.
    position: usize,
}

impl Message {
    /// Of the rounds with this remainder on division by 2, and those with a remainder on division by
    /// 3 and 7.
    fn new(
        digest: &[u8],
        password: &[u8],
        salt: &[u8],
        [is_odd, is_no_third, is_no_seventh]: [bool; 3],
    ) -> Self {
        let salt = if is_no_third { salt } else { &[] };
        let again = if is_no_seventh { password } else { &[] };
        if is_odd {
            Self {
                octets: concatenated(&[password, salt, again, digest]),
                position: password.len() + salt.len() + again.len(),
            }
        } else {
            Self {
                octets: concatenated(&[digest, salt, again, password]),
                position: 0,
            }
        }
    }

    /// With the digest of the round before.
    fn with(&mut self, digest: &[u8]) -> &[u8] {
        let place = self.position..self.position + digest.len();
        if let Some(place) = self.octets.get_mut(place) {
            place.copy_from_slice(digest);
        }
        &self.octets
    }
}

/// The rounds of MD5-crypt and SHA-crypt, of which each hashes one message. There are only eight
/// messages, but for the digest in them.
pub(super) struct Rounds<D: Digest + FixedOutputReset, const N: usize> {
    messages: [Message; 8],
    hash: D,
    digest: Output<D>,
    /// The next one.
    round: u32,
    rounds: u32,
    rounds_a_step: u32,
    stored: Stored<N>,
}

/// A digest as it is stored.
#[derive(Clone, Copy)]
pub(super) struct Stored<const N: usize> {
    /// Which octet of the digest is written where.
    pub(super) order: &'static [u8; N],
    /// In this order.
    pub(super) digest: [u8; N],
}

impl<D: Digest + FixedOutputReset, const N: usize> Rounds<D, N> {
    pub(super) fn new(
        digest: Output<D>,
        password: &[u8],
        salt: &[u8],
        rounds: u32,
        stored: Stored<N>,
    ) -> Self {
        let messages: [Message; 8] = array::from_fn(|kind| {
            let bits = [1, 2, 4].map(|bit| kind & bit != 0);
            Message::new(&digest, password, salt, bits)
        });
        // MD5 and SHA-256 have blocks of 64 octets, SHA-512 has larger ones and takes longer for each.
        let longest = digest.len() + 2 * password.len() + salt.len();
        let blocks = longest / 64 + 1;
        Self {
            messages,
            hash: D::new(),
            digest,
            round: 0,
            rounds,
            rounds_a_step: (BLOCKS_A_STEP / blocks).max(1) as u32,
            stored,
        }
    }

    fn is_match(&self) -> bool {
        // The order is a permutation, so that every octet is there.
        let octet = |index| self.digest.get(usize::from(index)).copied();
        let written = self.stored.order.map(|at| octet(at).unwrap_or_default());
        written.ct_eq(&self.stored.digest).into()
    }
}

impl<D: Digest + FixedOutputReset, const N: usize> Work for Rounds<D, N> {
    fn step(&mut self) -> Option<bool> {
        let end = self.rounds.min(self.round + self.rounds_a_step);
        for round in self.round..end {
            let kind = (round % 2) + 2 * (round % 3).min(1) + 4 * (round % 7).min(1);
            if let Some(message) = self.messages.get_mut(kind as usize) {
                Digest::update(&mut self.hash, message.with(&self.digest));
                Digest::finalize_into_reset(&mut self.hash, &mut self.digest);
            }
        }
        self.round = end;
        (end == self.rounds).then(|| self.is_match())
    }
}

impl<D: Digest + FixedOutputReset, const N: usize> Drop for Rounds<D, N> {
    fn drop(&mut self) {
        self.digest.as_mut_slice().zeroize();
    }
}
