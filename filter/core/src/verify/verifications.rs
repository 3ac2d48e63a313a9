//! Verifies passwords: the slow ones within the budget, in slices, and once.

mod slices;
mod waiting;

use super::budget::{BudgetLimits, TokenBucket};
use super::cache::{CredentialsCache, Remembered};
use super::clients::{Client, Clients};
use super::counts::VerificationCounts;
use super::failures::{CheckKey, Failures};
use super::job::{Job, cost};
use super::queue::{Finding, Held, Queue};
use super::shared::SharedStore;
use crate::password::{Verdict, Verifier};
use alloc::boxed::Box;
use core::net::IpAddr;
use core::time::Duration;
use slices::Company;

/// Why a password is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No such user, or another password.
    Mismatch,
    /// A password that is longer than what is hashed for this user.
    TooLong,
    /// An empty user name or an empty password, which nobody has.
    Empty,
    /// The check is slow, not remembered, and the budget is spent: when to come back.
    Overloaded { retry_after: Duration },
    /// The client has spent its share of the budget: when to come back.
    ClientOverloaded { retry_after: Duration },
    /// It is not known yet: the request is to be held.
    Held,
}

/// Credentials that somebody presents to a list of users.
pub(super) struct Attempt<'a> {
    pub(super) user_name: &'a [u8],
    pub(super) password: &'a [u8],
    /// Tells the lists of a policy apart.
    pub(super) list: usize,
    /// Where they come from: asked for only where a check is about to be paid for.
    pub(super) source: &'a dyn Fn() -> Option<IpAddr>,
}

/// The time since any start.
type Clock = Box<dyn Fn() -> Duration>;

/// What is remembered in front of the checks, the budget that they draw from, and who waits for them.
pub(crate) struct Verifications {
    clock: Clock,
    cache: CredentialsCache,
    shared: Option<SharedStore>,
    failures: Failures,
    limits: BudgetLimits,
    budget: TokenBucket,
    clients: Clients,
    counts: VerificationCounts,
    /// Requests can be held, and so checks be made in slices.
    holds: bool,
    queue: Queue,
    running: Option<Job>,
    company: Company,
    /// What was found for the request at hand, if it was held before.
    current: Option<Held>,
    /// What the request at hand is to wait for.
    pending: Option<Held>,
}

impl Verifications {
    pub(super) fn new(
        clock: Clock,
        cache: CredentialsCache,
        secret: &[u8; 32],
        limits: BudgetLimits,
    ) -> Self {
        Self {
            clock,
            cache,
            shared: None,
            failures: Failures::default(),
            limits,
            budget: TokenBucket::default(),
            clients: Clients::new(secret, limits),
            counts: VerificationCounts::default(),
            holds: false,
            queue: Queue::default(),
            running: None,
            company: Company::default(),
            current: None,
            pending: None,
        }
    }

    pub(super) fn counts(&self) -> VerificationCounts {
        self.counts
    }

    /// Remembers successes together with the other workers. Whether the store does.
    pub(super) fn share(&mut self, store: SharedStore, random: &[u8; 32]) -> bool {
        let Some(key) = store.agreed_key(random) else {
            return false;
        };
        self.cache.rekey(&key);
        self.shared = Some(store);
        true
    }

    pub(super) fn hold(&mut self, holds: bool) {
        self.holds = holds && !self.limits.max_wait.is_zero();
    }

    /// Checks the password of a user whom `verifier` knows.
    ///
    /// # Errors
    /// [`Refusal`].
    #[inline]
    pub(super) fn verify(
        &mut self,
        attempt: &Attempt<'_>,
        verifier: &Verifier,
    ) -> Result<(), Refusal> {
        let is_right = if verifier.is_slow() {
            self.verify_slowly(attempt, verifier)?
        } else {
            verifier.verify(attempt.password)
        };
        is_right.then_some(()).ok_or(Refusal::Mismatch)
    }

    fn verify_slowly(
        &mut self,
        attempt: &Attempt<'_>,
        verifier: &Verifier,
    ) -> Result<bool, Refusal> {
        let now = (self.clock)();
        let (user_name, password) = (attempt.user_name, attempt.password);
        let key = CheckKey {
            tag: self.cache.tag(user_name, password, verifier.identity()),
            list: attempt.list,
        };
        if let Some(finding) = self.current.as_ref().and_then(|held| held.finding(&key)) {
            return self.conclude(finding, now);
        }
        match self.cache.find(&key.tag, now) {
            Remembered::Fresh => {
                self.counts.cache_hits += u64::from(self.current.is_none());
                Ok(true)
            }
            remembered => self.look_further(attempt, verifier, key, remembered, now),
        }
    }

    /// What was found while a request was held.
    fn conclude(&mut self, finding: Finding, now: Duration) -> Result<bool, Refusal> {
        match (finding, self.current.as_ref().map(|held| held.client)) {
            (Finding::Match, _) => Ok(true),
            (Finding::Late, Some(client)) => {
                let retry_after = Duration::ZERO;
                let admitted = self.admit(client, now);
                Err(admitted
                    .err()
                    .unwrap_or(Refusal::Overloaded { retry_after }))
            }
            (Finding::Mismatch | Finding::Late, _) => Ok(false),
        }
    }

    /// Looks for what is not in this worker's memory, and checks it if it is nowhere.
    fn look_further(
        &mut self,
        attempt: &Attempt<'_>,
        verifier: &Verifier,
        key: CheckKey,
        remembered: Remembered,
        now: Duration,
    ) -> Result<bool, Refusal> {
        let remembered = match self.find_shared(&key, now) {
            Remembered::Fresh => {
                self.counts.shared_hits += 1;
                return Ok(true);
            }
            Remembered::Expired => Remembered::Expired,
            Remembered::No => remembered,
        };
        if self.cache.is_on() && self.failures.contains(&key, now) {
            self.counts.failure_hits += 1;
            return Ok(false);
        }
        self.counts.cache_misses += u64::from(self.current.is_none());
        let client = self.clients.of((attempt.source)());
        let is_under_way = self.running.as_ref().is_some_and(|job| job.key == key);
        if is_under_way {
            let retry_after = Duration::ZERO;
            let has_room = self.current.is_some() || self.queue.has_room_beside();
            return Err(if has_room {
                self.wait_for(key, client)
            } else {
                Refusal::Overloaded { retry_after }
            });
        }
        if let Err(refusal) = self.admit(client, now) {
            // Who was right once with this hash still is: a flood of wrong passwords must not lock
            // out those whose entries have expired.
            if remembered == Remembered::Expired {
                return Ok(true);
            }
            let waits = self.holds && self.limits.waits_for_budget;
            return Err(self.queue_up(key, client, refusal, waits));
        }
        let has_turn = self.current.as_ref().is_some_and(|held| held.has_turn);
        if self.running.is_some() || !(self.queue.is_empty() || has_turn) {
            let retry_after = Duration::ZERO;
            return Err(self.queue_up(key, client, Refusal::Overloaded { retry_after }, true));
        }
        self.counts.checks += 1;
        self.clients.took_turn(client);
        self.check(attempt.password, verifier, key, client, now)
    }

    fn find_shared(&mut self, key: &CheckKey, now: Duration) -> Remembered {
        let store = self.shared.as_ref().filter(|_| self.cache.is_on());
        let Some(verified_at) = store.and_then(|store| store.verified_at(&key.tag)) else {
            return Remembered::No;
        };
        let remembered = self.cache.judge(verified_at, now);
        if remembered == Remembered::Fresh {
            self.cache.insert(key.tag, verified_at);
        }
        remembered
    }

    /// Whether a check for this client may take worker time now.
    fn admit(&mut self, client: Client, now: Duration) -> Result<(), Refusal> {
        if let Err(retry_after) = self.clients.admit(client, now) {
            return Err(Refusal::ClientOverloaded { retry_after });
        }
        let admitted = self.budget.admit(self.limits.rate(), now);
        admitted.map_err(|retry_after| Refusal::Overloaded { retry_after })
    }

    /// Holds the request at hand if it may wait and there is room, and refuses it otherwise.
    fn queue_up(
        &mut self,
        key: CheckKey,
        client: Client,
        refusal: Refusal,
        waits: bool,
    ) -> Refusal {
        // Who was held before has left the queue for this decision.
        let under_way = self.running.as_ref().map(|job| &job.key);
        let has_room = waits && (self.current.is_some() || self.queue.has_room(client, under_way));
        if has_room {
            self.wait_for(key, client)
        } else {
            refusal
        }
    }

    fn wait_for(&mut self, key: CheckKey, client: Client) -> Refusal {
        self.counts.waited += u64::from(self.current.is_none());
        self.pending = Some(match self.current.take() {
            Some(held) => held.for_key(key),
            None => Held::new(key, client, self.limits.max_wait),
        });
        Refusal::Held
    }

    /// Makes a check, or the first slice of one.
    fn check(
        &mut self,
        password: &[u8],
        verifier: &Verifier,
        key: CheckKey,
        client: Client,
        now: Duration,
    ) -> Result<bool, Refusal> {
        if self.holds {
            self.running = Some(Job::begin(verifier, password, key, client));
            let verdict = self.run_slice();
            return verdict.ok_or_else(|| self.wait_for(key, client));
        }
        let is_right = verifier.verify(password);
        let ended = (self.clock)();
        let spent = cost(now, ended, verifier.estimated_cost());
        self.charge(client, spent);
        self.remember(&key, client, is_right, spent, ended);
        Ok(is_right)
    }

    /// Goes on with the check that is under way, for one slice. When it is over: whether the password
    /// is right.
    fn run_slice(&mut self) -> Option<bool> {
        let mut job = self.running.take()?;
        let slice = self.slice(&job);
        let (verdict, spent) = job.run(slice, &self.clock);
        self.charge(job.client, spent);
        let Some(verdict) = verdict else {
            self.running = Some(job);
            return None;
        };
        let is_right = verdict == Verdict::Match;
        let now = (self.clock)();
        self.remember(&job.key, job.client, is_right, job.spent, now);
        Some(is_right)
    }

    fn charge(&mut self, client: Client, spent: Duration) {
        self.budget.charge(spent);
        self.clients.charge(client, spent);
    }

    /// Remembers what a check has found.
    fn remember(
        &mut self,
        key: &CheckKey,
        client: Client,
        is_right: bool,
        spent: Duration,
        now: Duration,
    ) {
        if is_right {
            self.clients.give_back(client, spent);
        }
        if !self.cache.is_on() {
            return;
        }
        if !is_right {
            return self.failures.insert(*key, now);
        }
        self.cache.insert(key.tag, now);
        if let Some(store) = &self.shared {
            store.insert(&key.tag, now);
        }
    }
}
