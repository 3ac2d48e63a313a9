//! What is to be done next, as data.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::{PushId, Reminder, Subscription, Ticket};
use crate::discovery::Response;
use crate::extension::Extension;
use crate::metrics::Conversion;

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
