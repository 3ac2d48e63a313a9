//! The verified-credentials cache: a strong hash at the price of a lookup.

use alloc::vec::Vec;
use core::time::Duration;
use hmac::digest::Key;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// What a verification was about, under a key that only the workers of this proxy have.
pub(crate) type Tag = [u8; 32];

/// How much is remembered, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CacheLimits {
    /// None are remembered if 0.
    pub(crate) max_entries: usize,
    pub(crate) ttl: Duration,
}

impl Default for CacheLimits {
    fn default() -> Self {
        Self {
            max_entries: 4096,
            ttl: Duration::from_secs(300),
        }
    }
}

/// What is remembered of credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Remembered {
    /// They were verified less than the time to live ago.
    Fresh,
    /// They were verified before that, and their entry has not made room yet.
    Expired,
    No,
}

/// Credentials that were verified lately. Successes only, and no plain text: a tag is an
/// HMAC-SHA-256 (RFC 2104), so that memory which leaks gives nothing to guess on quickly.
pub(crate) struct CredentialsCache {
    /// Holds the midstates of the key.
    hmac: Hmac<Sha256>,
    limits: CacheLimits,
    /// In the order of the tags.
    verified_at: Vec<(Tag, Duration)>,
    /// From the oldest to the newest; the oldest expires first and makes room.
    order: Vec<Tag>,
}

impl CredentialsCache {
    pub(crate) fn new(secret: [u8; 32], limits: CacheLimits) -> Self {
        Self {
            hmac: keyed(&secret),
            limits,
            verified_at: Vec::new(),
            order: Vec::new(),
        }
    }

    /// The tag of a user's password under a stored hash, whose digest is `hash`. The lengths go in
    /// with what they are of, so that no two verifications have the same tag.
    pub(crate) fn tag(&self, user_name: &[u8], password: &[u8], hash: &[u8; 32]) -> Tag {
        let mut hmac = self.hmac.clone();
        hmac.update(&(user_name.len() as u64).to_le_bytes());
        hmac.update(user_name);
        hmac.update(hash);
        hmac.update(password);
        hmac.finalize().into_bytes().into()
    }

    /// What is remembered of this. An entry from the future, after the clock was set back, is as
    /// good as one from long ago.
    pub(crate) fn find(&self, tag: &Tag, now: Duration) -> Remembered {
        let Some((_, verified_at)) = self.place(tag).ok().and_then(|at| self.verified_at.get(at))
        else {
            return Remembered::No;
        };
        self.judge(*verified_at, now)
    }

    /// Tags from now on under the key that the workers of the proxy agreed on.
    pub(crate) fn rekey(&mut self, key: &[u8; 32]) {
        self.hmac = keyed(key);
        self.verified_at.clear();
        self.order.clear();
    }

    /// Whether anything is remembered.
    pub(crate) fn is_on(&self) -> bool {
        self.limits.max_entries > 0
    }

    /// What is remembered of what was verified at that time.
    pub(crate) fn judge(&self, verified_at: Duration, now: Duration) -> Remembered {
        match now.checked_sub(verified_at) {
            Some(age) if age < self.limits.ttl => Remembered::Fresh,
            _ => Remembered::Expired,
        }
    }

    /// Remembers a success.
    pub(crate) fn insert(&mut self, tag: Tag, now: Duration) {
        if self.limits.max_entries == 0 {
            return;
        }
        if self.forget(&tag) {
            self.order.retain(|known| *known != tag);
        }
        if self.order.len() >= self.limits.max_entries {
            let oldest = self.order.remove(0);
            self.forget(&oldest);
        }
        if let Err(place) = self.place(&tag) {
            self.verified_at.insert(place, (tag, now));
        }
        self.order.push(tag);
    }

    /// Whether there was something to forget.
    fn forget(&mut self, tag: &Tag) -> bool {
        let place = self.place(tag);
        if let Ok(place) = place {
            self.verified_at.remove(place);
        }
        place.is_ok()
    }

    /// Where a tag is, or else where it belongs.
    fn place(&self, tag: &Tag) -> Result<usize, usize> {
        self.verified_at
            .binary_search_by(|(known, _)| known.as_slice().cmp(tag))
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        debug_assert_eq!(self.order.len(), self.verified_at.len());
        self.order.len()
    }
}

/// HMAC fills a key that is shorter than a block with zeros (RFC 2104, 2).
pub(super) fn keyed(secret: &[u8; 32]) -> Hmac<Sha256> {
    let mut key = Key::<Hmac<Sha256>>::default();
    key.iter_mut()
        .zip(secret)
        .for_each(|(octet, secret)| *octet = *secret);
    Hmac::new(&key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn cache(max_entries: usize) -> CredentialsCache {
        CredentialsCache::new(
            [7; 32],
            CacheLimits {
                max_entries,
                ttl: SECOND,
            },
        )
    }

    #[test]
    fn every_user_hash_and_password_has_a_tag_of_its_own() {
        let cache = cache(1);
        let mut tags: Vec<Tag> = Vec::new();
        for user_name in [&b"a"[..], b"ab", b"b"] {
            for hash in [[0; 32], [b'a'; 32]] {
                let passwords = [&b"a"[..], b"aa", b"\0", b"b", &[b'a'; 33], &[0; 64]];
                tags.extend(passwords.map(|password| cache.tag(user_name, password, &hash)));
            }
        }
        let count = tags.len();
        tags.sort_unstable();
        tags.dedup();
        assert_eq!(tags.len(), count);
    }

    #[test]
    fn entries_expire_also_when_the_clock_is_set_back() {
        let mut cache = cache(4);
        cache.insert([1; 32], SECOND * 10);
        assert_eq!(cache.find(&[1; 32], SECOND * 10), Remembered::Fresh);
        assert_eq!(cache.find(&[1; 32], SECOND * 11), Remembered::Expired);
        assert_eq!(cache.find(&[1; 32], SECOND * 9), Remembered::Expired);
    }

    #[test]
    fn the_oldest_makes_room() {
        let mut cache = cache(2);
        for tag in [[1; 32], [2; 32], [1; 32], [3; 32]] {
            cache.insert(tag, SECOND);
        }
        assert_eq!(cache.len(), 2);
        assert_eq!(cache.find(&[1; 32], SECOND), Remembered::Fresh);
        assert_eq!(cache.find(&[2; 32], SECOND), Remembered::No);
    }

    #[test]
    fn no_entries_means_none() {
        let mut cache = cache(0);
        cache.insert([1; 32], SECOND);
        assert_eq!(cache.len(), 0);
        assert_eq!(cache.find(&[1; 32], SECOND), Remembered::No);
    }
}
