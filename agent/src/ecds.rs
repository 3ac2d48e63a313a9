//! What one Envoy is told of extension configurations: the protocol as a function from events to effects.
//!
//! The agent ends the protocol on both sides. Towards Envoy it has nonces of its own; towards the server it answers
//! each response once it knows what becomes of it. Nothing here touches a socket, a file or a clock.

mod envoy;
mod push;
mod retry;
mod source;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::discovery::{Dialect, Response};
use crate::extension::{Extension, InvalidExtension};
use crate::metrics::Conversion;
use crate::modules::ModuleFile;
use push::Push;
pub use push::PushId;
pub use retry::delay_before;

/// What happened.
pub enum Event {
    /// Envoy asks for more or for less.
    Subscribed(Subscription),
    /// Envoy accepts or refuses what it was sent under a nonce.
    Answered {
        /// That of the response.
        nonce: String,
        /// Why it refuses: a `google.rpc.Status`.
        error: Option<Vec<u8>>,
    },
    /// The server sent a response.
    Pushed(Pushed),
    /// The work on a resource ended.
    Prepared {
        /// Which work.
        ticket: Ticket,
        /// What came of it.
        outcome: Result<Prepared, Failure>,
    },
    /// What was asked for by [`Effect::Remind`].
    Due(Reminder),
}

/// A change of what Envoy wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subscription {
    /// Names that it wants from now on.
    pub added: Vec<String>,
    /// Names that it no longer wants.
    pub removed: Vec<String>,
    /// It wants everything there is.
    pub is_wildcard: bool,
    /// Names that it has from an earlier stream.
    pub already_there: Vec<String>,
}

/// A response of the server's, read.
pub struct Pushed {
    /// Its version.
    pub version: String,
    /// Its nonce.
    pub nonce: String,
    /// Its resources.
    pub resources: Vec<Result<Extension, InvalidExtension>>,
    /// The names of what does not exist any more, or never did.
    pub removed: Vec<String>,
}

/// A piece of work on a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// A resource as Envoy may see it.
#[derive(Clone, Debug, Default)]
pub struct Prepared {
    /// The element of a response's `resources`.
    pub octets: Bytes,
    /// The module that it names. It stays in the cache as long as this value lives.
    pub module: Option<ModuleFile>,
}

/// Why a resource cannot be prepared now.
#[derive(Clone, Debug)]
pub struct Failure {
    /// For the server and the log; without secrets.
    pub reason: String,
    /// What Envoy may be given in its place, if that is wanted.
    pub fallback: Option<Prepared>,
    /// How it is counted.
    pub counted_as: Conversion,
}

/// Something to come back to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reminder {
    /// The resources of this response that are ready were held back for those that almost were.
    Gathered(PushId),
    /// This response was to be refused, with all reasons that are known by now.
    Refusal(PushId),
    /// Envoy should have answered the response with this nonce.
    Answer(String),
}

/// What to do next, in this order.
pub enum Effect {
    /// Ask the server for what Envoy wants.
    Ask(Subscription),
    /// Tell the server that a response was accepted.
    Accept {
        /// The response's nonce.
        nonce: String,
        /// Its version.
        version: String,
    },
    /// Tell the server that a response was refused.
    Refuse {
        /// The response's nonce.
        nonce: String,
        /// A `google.rpc.Status`.
        error: Vec<u8>,
    },
    /// Send Envoy a response.
    Deliver(Response),
    /// Start to work on a resource, after a while.
    Prepare {
        /// Names the work.
        ticket: Ticket,
        /// The resource.
        extension: Arc<Extension>,
        /// How long to wait first.
        after: Duration,
    },
    /// Stop a piece of work.
    Cancel(Ticket),
    /// Keep these modules for this Envoy, and no others.
    Hold(Vec<PathBuf>),
    /// Come back to something.
    Remind(Reminder, Duration),
    /// Count a resource.
    Count(Conversion),
    /// All resources of a response were worked on.
    Settled(PushId),
    /// Tell the operator.
    Report(Report),
}

/// Something that an operator should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// A resource cannot be prepared, and the running one stays.
    Failed {
        /// The resource.
        name: String,
        /// Why.
        reason: String,
        /// When it is tried again; `None` if it would be in vain.
        retry: Option<Duration>,
    },
    /// A resource that had failed can be had.
    Recovered(String),
    /// Envoy refuses a resource.
    RefusedByEnvoy {
        /// The resources of the response.
        names: Vec<String>,
        /// What Envoy says.
        reason: String,
        /// Whether the last good configuration is sent again.
        is_restored: bool,
    },
    /// A resource is gone at the server, but Envoy still uses it.
    RemovalHeldBack(String),
    /// Envoy accepts a resource.
    Accepted {
        /// The resource.
        name: String,
        /// Its version.
        version: String,
    },
}

/// How the agent deals with what it cannot deliver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// Refuse the update and keep what works.
    #[default]
    Refuse,
    /// Replace the filter by one that lets all or nothing pass.
    Replace,
}

/// How long what is ready waits for the rest of its response.
const GATHER: Duration = Duration::from_millis(50);
/// How long a refusal waits for further reasons.
const FURTHER_REASONS: Duration = Duration::from_secs(1);
/// How long Envoy may take for its answer before it is sent something newer all the same.
const ANSWER: Duration = Duration::from_secs(5);

/// The extension configurations of one Envoy's stream.
pub struct Ecds {
    dialect: Dialect,
    on_failure: OnFailure,
    wants_all: bool,
    entries: BTreeMap<String, Entry>,
    pushes: BTreeMap<PushId, Push>,
    /// Responses that Envoy has not answered yet, by number.
    unanswered: BTreeMap<u64, Sent>,
    /// The nonces that are not waited for any longer.
    overdue: BTreeSet<u64>,
    /// What is to be sent by itself, before anything else.
    outbox: VecDeque<Outgoing>,
    /// What is ready and was not sent yet: responses of the server's, and names.
    fresh: BTreeSet<(PushId, String)>,
    /// Whose work a ticket is.
    tickets: BTreeMap<Ticket, String>,
    last_push: PushId,
    last_ticket: u64,
    last_nonce: u64,
    /// The last response that was refused, to know it again.
    refused: Option<push::Refused>,
    effects: Vec<Effect>,
}

/// What is known of one name that Envoy wants.
#[derive(Default)]
struct Entry {
    /// The newest that the server sent.
    latest: Option<Latest>,
    /// What Envoy was sent last, accepted or not.
    given: Option<Arc<Delivery>>,
    /// What Envoy accepted last.
    accepted: Option<Arc<Delivery>>,
    /// Envoy has one from an earlier stream.
    already_there: bool,
}

struct Latest {
    push: PushId,
    version: String,
    extension: Arc<Extension>,
    ready: Option<Arc<Delivery>>,
    work: Option<Work>,
}

struct Work {
    ticket: Ticket,
    failures: u32,
}

/// One version of one resource, ready for Envoy.
struct Delivery {
    push: PushId,
    version: String,
    prepared: Prepared,
}

/// A response that Envoy has not answered yet.
struct Sent {
    deliveries: Vec<(String, Arc<Delivery>)>,
    purpose: Purpose,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// New to Envoy.
    Update,
    /// What Envoy accepted before: its answer does not matter to the server.
    Restore,
}

/// A response to be sent by itself.
enum Outgoing {
    /// What Envoy accepted last, after it refused something newer.
    Restore(Vec<String>),
    /// One resource alone, to learn whether it is the one that Envoy refuses.
    Single(String, Arc<Delivery>),
    /// That these names do not exist, or in state-of-the-world that there is nothing.
    Nothing {
        version: String,
        removed: Vec<String>,
    },
}

impl Ecds {
    /// Nothing is known yet.
    pub fn new(dialect: Dialect, on_failure: OnFailure) -> Self {
        Self {
            dialect,
            on_failure,
            wants_all: false,
            entries: BTreeMap::new(),
            pushes: BTreeMap::new(),
            unanswered: BTreeMap::new(),
            overdue: BTreeSet::new(),
            outbox: VecDeque::new(),
            fresh: BTreeSet::new(),
            tickets: BTreeMap::new(),
            last_push: PushId::default(),
            last_ticket: 0,
            last_nonce: 0,
            refused: None,
            effects: Vec::new(),
        }
    }

    /// What to do about `event`.
    pub fn handle(&mut self, event: Event) -> Vec<Effect> {
        match event {
            Event::Subscribed(subscription) => self.subscribed(subscription),
            Event::Answered { nonce, error } => self.answered(&nonce, error),
            Event::Pushed(pushed) => self.pushed(pushed),
            Event::Prepared { ticket, outcome } => self.prepared(ticket, outcome),
            Event::Due(reminder) => self.due(&reminder),
        }
        self.send_what_is_ready();
        std::mem::take(&mut self.effects)
    }

    /// The names that Envoy wants, as far as it named them.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        self.entries.keys()
    }

    fn due(&mut self, reminder: &Reminder) {
        match reminder {
            Reminder::Gathered(push) => {
                if let Some(push) = self.pushes.get_mut(push) {
                    push.gathers = false;
                }
            }
            Reminder::Refusal(push) => {
                self.worked_on(*push, push::DELAYED_REFUSAL);
                self.refuse(*push);
            }
            Reminder::Answer(nonce) => {
                let number = number_of(nonce).filter(|number| self.unanswered.contains_key(number));
                self.overdue.extend(number);
            }
        }
    }

    fn subscribed(&mut self, subscription: Subscription) {
        self.wants_all |= subscription.is_wildcard;
        for name in &subscription.added {
            self.entries.entry(name.clone()).or_default();
        }
        for name in &subscription.already_there {
            if let Some(entry) = self.entries.get_mut(name) {
                entry.already_there = true;
            }
        }
        for name in &subscription.removed {
            self.forget(name);
        }
        let is_less = !subscription.removed.is_empty();
        self.effects.push(Effect::Ask(subscription));
        if is_less {
            self.hold();
        }
    }

    /// Envoy does not want `name` any longer.
    fn forget(&mut self, name: &str) {
        let Some(entry) = self.entries.remove(name) else {
            return;
        };
        if let Some(latest) = entry.latest {
            self.drop_latest(name, latest);
        }
    }

    /// `latest` will not be delivered: whatever waits for it must not.
    fn drop_latest(&mut self, name: &str, latest: Latest) {
        if let Some(work) = latest.work {
            self.tickets.remove(&work.ticket);
            self.effects.push(Effect::Cancel(work.ticket));
        }
        self.fresh.remove(&(latest.push, name.to_owned()));
        self.no_longer_waits(latest.push, name);
    }

    /// Keeps the modules that Envoy uses or may come to use.
    fn hold(&mut self) {
        let entries = self.entries.values();
        let deliveries = entries.flat_map(|entry| entry.accepted.iter().chain(&entry.given));
        let modules = deliveries.filter_map(|delivery| delivery.prepared.module.as_ref());
        let paths: BTreeSet<_> = modules.map(|module| module.path.clone()).collect();
        self.effects.push(Effect::Hold(paths.into_iter().collect()));
    }

    fn next_ticket(&mut self, name: &str) -> Ticket {
        self.last_ticket += 1;
        let ticket = Ticket(self.last_ticket);
        self.tickets.insert(ticket, name.to_owned());
        ticket
    }
}

impl Entry {
    /// Whether Envoy filters with something of this name.
    fn is_in_use(&self) -> bool {
        self.already_there || self.accepted.is_some() || self.given.is_some()
    }
}

const NONCE: &str = "wasm-agent-";

fn nonce_of(number: u64) -> String {
    format!("{NONCE}{number}")
}

fn number_of(nonce: &str) -> Option<u64> {
    nonce.strip_prefix(NONCE)?.parse().ok()
}

#[cfg(test)]
mod tests;
