//! What one Envoy is told of extension configurations: the protocol as a function from events to effects.
//!
//! The agent ends the protocol on both sides. Towards Envoy it has nonces of its own; towards the server it answers
//! each response once it knows what becomes of it. Nothing here touches a socket, a file or a clock.

mod effect;
mod envoy;
mod event;
mod memory;
mod push;
mod retry;
mod source;
mod subscription;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::discovery::Dialect;
use crate::extension::Extension;
pub use effect::{Effect, Report};
pub use event::{
    EVERYTHING, Event, Failure, Prepared, Pushed, Reminder, Subscription, Ticket, Wildcard,
};
pub use memory::Accepted;
use push::Push;
pub use push::PushId;
pub use retry::delay_before;

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
    remembered: Accepted,
    /// State-of-the-world: that of the response which Envoy accepted last.
    envoys_version: String,
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
    /// How much longer retries wait, from 0 to 1. Many agents are told the same at the same time and shall not ask in step;
    /// the names of one stream shall, since those that want the same module share a download.
    jitter: f64,
    /// The last response that was refused, to know it again.
    refused: Option<push::Refused>,
    effects: Vec<Effect>,
}

/// What is known of one name that Envoy wants.
#[derive(Default)]
struct Entry {
    /// Envoy asked for it by its name, and not only for everything.
    is_named: bool,
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

#[derive(Clone)]
struct Work {
    ticket: Ticket,
    failures: u32,
    /// Why it failed last.
    reason: String,
}

/// One version of one resource, ready for Envoy.
struct Delivery {
    push: PushId,
    version: String,
    prepared: Prepared,
}

/// A response that Envoy has not answered yet.
struct Sent {
    version: String,
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
            remembered: Accepted::default(),
            envoys_version: String::new(),
            pushes: BTreeMap::new(),
            unanswered: BTreeMap::new(),
            overdue: BTreeSet::new(),
            outbox: VecDeque::new(),
            fresh: BTreeSet::new(),
            tickets: BTreeMap::new(),
            last_push: PushId::default(),
            last_ticket: 0,
            last_nonce: 0,
            jitter: fastrand::f64(),
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
