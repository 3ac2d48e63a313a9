//! What MD5-crypt and SHA-crypt share.

use super::constant_time::is_equal;
use digest::{Digest, Output};
use zeroize::Zeroizing;

/// The rounds of a step.
const STEP: u32 = 512;

/// `octets` over and over, up to `length`.
pub(super) fn repeated(octets: &[u8], length: usize) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(octets.iter().copied().cycle().take(length).collect())
}

/// The digest that the rounds of MD5-crypt and SHA-crypt start from: of password, prefix and salt,
/// of the alternate digest up to the length of the password, and for each bit of that length, from
/// the lowest, of what stands for a one or a zero.
pub(super) fn first_digest<D: Digest>(
    [password, prefix, salt]: [&[u8]; 3],
    alternate: &[u8],
    [one, zero]: [&[u8]; 2],
) -> Output<D> {
    let mut hash = D::new();
    hash.update(password);
    hash.update(prefix);
    hash.update(salt);
    hash.update(&*repeated(alternate, password.len()));
    let mut length = password.len();
    while length > 0 {
        hash.update(if length % 2 == 1 { one } else { zero });
        length /= 2;
    }
    hash.finalize()
}

/// The rounds of MD5-crypt and SHA-crypt.
pub(super) struct Stretching<D: Digest, const N: usize> {
    digest: Output<D>,
    /// What stands for password and salt in the rounds.
    password: Zeroizing<Vec<u8>>,
    salt: Zeroizing<Vec<u8>>,
    round: u32,
    rounds: u32,
    /// Which octet of the digest is written where.
    order: &'static [u8; N],
    /// The octets of the stored digest in the order in which they are written.
    stored: [u8; N],
}

impl<D: Digest, const N: usize> Stretching<D, N> {
    pub(super) fn new(
        digest: Output<D>,
        [password, salt]: [Zeroizing<Vec<u8>>; 2],
        rounds: u32,
        order: &'static [u8; N],
        stored: [u8; N],
    ) -> Self {
        Self {
            digest,
            password,
            salt,
            round: 0,
            rounds,
            order,
            stored,
        }
    }

    /// Some rounds; `None` if there are more.
    pub(super) fn step(&mut self) -> Option<bool> {
        let end = self.rounds.min(self.round.saturating_add(STEP));
        for round in self.round..end {
            self.digest = self.after(round);
        }
        self.round = end;
        (end == self.rounds).then(|| is_equal(&self.written(), &self.stored))
    }

    fn after(&self, round: u32) -> Output<D> {
        let is_odd = round % 2 == 1;
        let [first, last]: [&[u8]; 2] = if is_odd {
            [&self.password, &self.digest]
        } else {
            [&self.digest, &self.password]
        };
        let mut hash = D::new();
        hash.update(first);
        if !round.is_multiple_of(3) {
            hash.update(&*self.salt);
        }
        if !round.is_multiple_of(7) {
            hash.update(&*self.password);
        }
        hash.update(last);
        hash.finalize()
    }

    /// The octets of the digest in the order in which crypt writes them.
    fn written(&self) -> [u8; N] {
        // The orders are permutations, so that every octet is there.
        let octet = |index: u8| self.digest.get(usize::from(index)).copied();
        self.order.map(|index| octet(index).unwrap_or_default())
    }
}
