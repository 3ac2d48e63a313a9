//! What happens to the protocol: Envoy, the server, the work and the clock, each as an event.

use bytes::Bytes;

use super::PushId;
use crate::extension::{Extension, InvalidExtension};
use crate::metrics::Conversion;
use crate::modules::ModuleFile;

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
    /// What was asked for by [`Effect::Remind`](super::Effect::Remind).
    Due(Reminder),
}

/// A change of what Envoy wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subscription {
    /// Names that it wants from now on, and `*` for everything.
    pub added: Vec<String>,
    /// Names that it no longer wants, and `*` when it no longer wants everything.
    pub removed: Vec<String>,
    /// Whether it wants everything there is.
    pub wildcard: Wildcard,
    /// Names that it has from an earlier stream, each with its version.
    pub already_there: Vec<(String, String)>,
}

/// How a request changes the subscription to everything, which a first request without names is, too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wildcard {
    /// Not at all.
    #[default]
    AsBefore,
    /// From now on Envoy wants everything.
    Begins,
    /// From now on Envoy wants what it named, and nothing else.
    Ends,
}

/// The name that stands for everything.
pub const EVERYTHING: &str = "*";

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
