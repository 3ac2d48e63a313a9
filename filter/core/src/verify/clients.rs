//! What each client spends of the verification budget, so that one cannot spend it all.

use super::budget::{BudgetLimits, Rate, TokenBucket};
use super::cache::keyed;
use alloc::vec;
use alloc::vec::Vec;
use core::net::IpAddr;
use core::time::Duration;
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// Clients whose addresses fall into one bucket share it.
pub(super) const BUCKETS: usize = 512;

/// The number of a client's bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Client(pub(super) usize);

/// All those whose address the host does not know, as on a Unix socket. No share bounds them.
const UNKNOWN: Client = Client(0);

/// The buckets, by a hash of the address under a key that nobody outside this worker knows: nobody can
/// look for addresses that fall into another client's bucket.
pub(super) struct Clients {
    hmac: Hmac<Sha256>,
    limits: BudgetLimits,
    /// Empty until the first check.
    buckets: Vec<Bucket>,
    turns: u64,
}

#[derive(Clone, Copy, Default)]
struct Bucket {
    spent: TokenBucket,
    /// When it was the client's turn, in turns.
    turn: u64,
}

impl Clients {
    pub(super) fn new(secret: &[u8; 32], limits: BudgetLimits) -> Self {
        Self {
            hmac: keyed(secret),
            limits,
            buckets: Vec::new(),
            turns: 0,
        }
    }

    /// The client that a request comes from. Whoever has an address of IPv6 has all of its /64.
    pub(super) fn of(&self, source: Option<IpAddr>) -> Client {
        let Some(address) = source else {
            return UNKNOWN;
        };
        let mut hmac = self.hmac.clone();
        match address.to_canonical() {
            IpAddr::V4(address) => hmac.update(&address.octets()),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                [a, b, c, d]
                    .iter()
                    .for_each(|segment| hmac.update(&segment.to_be_bytes()));
            }
        }
        let [a, b, ..]: [u8; 32] = hmac.finalize().into_bytes().into();
        Client(1 + usize::from(u16::from_le_bytes([a, b])) % (BUCKETS - 1))
    }

    /// # Errors
    /// The client has spent its share: how long until it has not.
    pub(super) fn admit(&mut self, client: Client, now: Duration) -> Result<(), Duration> {
        if client == UNKNOWN || self.limits.client_share_percent >= 100 {
            return Ok(());
        }
        let rate = self.limits.client_rate();
        self.bucket(client)
            .map_or(Ok(()), |bucket| bucket.spent.admit(rate, now))
    }

    /// Charges a client with what its check took.
    pub(super) fn charge(&mut self, client: Client, spent: Duration) {
        if let Some(bucket) = self.bucket(client) {
            bucket.spent.charge(spent);
        }
    }

    /// Gives back what the check of a right password took: an office behind one address may log in as one.
    pub(super) fn give_back(&mut self, client: Client, spent: Duration) {
        if let Some(bucket) = self.bucket(client) {
            bucket.spent.give_back(spent);
        }
    }

    /// Notes that it was this client's turn.
    pub(super) fn took_turn(&mut self, client: Client) {
        self.turns += 1;
        let turn = self.turns;
        if let Some(bucket) = self.bucket(client) {
            bucket.turn = turn;
        }
    }

    /// Who is lowest has the next turn: who has spent least lately, and of those who have spent nothing,
    /// whose turn was longest ago.
    pub(super) fn rank(&mut self, client: Client, now: Duration) -> (Duration, u64) {
        let rate = self.limits.client_rate();
        self.bucket(client).map_or_else(Default::default, |bucket| {
            (bucket.spent.spent(rate, now), bucket.turn)
        })
    }

    fn bucket(&mut self, client: Client) -> Option<&mut Bucket> {
        if self.buckets.is_empty() {
            self.buckets = vec![Bucket::default(); BUCKETS];
        }
        self.buckets.get_mut(client.0)
    }
}

impl BudgetLimits {
    /// The rate at which one client's bucket is filled up.
    fn client_rate(&self) -> Rate {
        let percent = self.client_share_percent.clamp(1, 100);
        Rate {
            share: self.share_percent.max(1) * percent,
            burst: self.burst * percent / 100,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    fn clients(client_share_percent: u32) -> Clients {
        let limits = BudgetLimits {
            client_share_percent,
            ..BudgetLimits::default()
        };
        Clients::new(&[7; 32], limits)
    }

    fn client(clients: &Clients, address: &str) -> Client {
        clients.of(address.parse().ok())
    }

    #[test]
    fn a_client_is_an_address_or_a_64_of_ipv6() {
        let clients = clients(20);
        let one = client(&clients, "2001:db8:1:2::1");
        assert_eq!(client(&clients, "2001:db8:1:2:ffff::"), one);
        assert_ne!(client(&clients, "2001:db8:1:3::1"), one);
        let one = client(&clients, "10.0.0.1");
        assert_eq!(client(&clients, "::ffff:10.0.0.1"), one);
        assert_ne!(client(&clients, "10.0.0.2"), one);
        assert_eq!(client(&clients, "none"), UNKNOWN);
        assert_ne!(one, UNKNOWN);
    }

    #[test]
    fn a_client_has_one_check_whatever_it_costs_and_then_its_share() {
        let mut clients = clients(20);
        let [one, other] = ["10.0.0.1", "10.0.0.2"].map(|address| client(&clients, address));
        assert_eq!(clients.admit(one, ms(0)), Ok(()));
        clients.charge(one, ms(250));
        // 100 ms at once, and 5 % of the time.
        assert_eq!(clients.admit(one, ms(0)), Err(ms(3000)));
        assert_eq!(clients.admit(other, ms(0)), Ok(()));
        assert_eq!(clients.admit(one, ms(3001)), Ok(()));
        clients.charge(one, ms(250));
        clients.give_back(one, ms(250));
        assert_eq!(clients.admit(one, ms(3001)), Ok(()));
    }

    #[test]
    fn nothing_bounds_an_unknown_client_nor_one_that_may_have_all() {
        let mut bounded = clients(20);
        bounded.charge(UNKNOWN, ms(100_000));
        assert_eq!(bounded.admit(UNKNOWN, ms(0)), Ok(()));
        let mut unbounded = clients(100);
        let one = client(&unbounded, "10.0.0.1");
        unbounded.charge(one, ms(100_000));
        assert_eq!(unbounded.admit(one, ms(0)), Ok(()));
    }

    #[test]
    fn who_has_spent_least_is_next_and_then_whose_turn_was_longest_ago() {
        let mut clients = clients(20);
        let [one, other] = ["10.0.0.1", "10.0.0.2"].map(|address| client(&clients, address));
        clients.took_turn(one);
        assert!(clients.rank(other, ms(0)) < clients.rank(one, ms(0)));
        clients.took_turn(other);
        assert!(clients.rank(one, ms(0)) < clients.rank(other, ms(0)));
        clients.charge(one, ms(1));
        assert!(clients.rank(other, ms(0)) < clients.rank(one, ms(0)));
    }
}
