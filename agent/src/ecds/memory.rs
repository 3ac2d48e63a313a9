//! What an Envoy accepted last, from one of its streams to the next: what it refuses after it came back is followed by
//! that, too.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Delivery, Ecds};
use crate::discovery::Dialect;
use crate::wire;

/// What an Envoy accepted last, by name.
#[derive(Default)]
pub struct Accepted(BTreeMap<String, Known>);

struct Known {
    /// The version that Envoy names when it says what it has.
    version: String,
    delivery: Arc<Delivery>,
}

impl Accepted {
    /// Whether it is nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes out what is known of `names`.
    pub fn take<'a>(&mut self, names: impl Iterator<Item = &'a String>) -> Self {
        Self(names.filter_map(|name| self.0.remove_entry(name)).collect())
    }

    /// Adds what is newer.
    pub fn extend(&mut self, newer: Self) {
        self.0.extend(newer.0);
    }
}

impl Ecds {
    /// What Envoy accepted, for its next stream.
    pub fn accepted_so_far(&self) -> Accepted {
        let known = self.entries.iter().filter_map(|(name, entry)| {
            let delivery = Arc::clone(entry.accepted.as_ref()?);
            let version = match self.dialect {
                Dialect::StateOfTheWorld => self.envoys_version.as_str(),
                Dialect::Delta => wire::text(&delivery.prepared.octets, 1).ok()?,
            };
            let version = version.to_owned();
            Some((name.clone(), Known { version, delivery }))
        });
        Accepted(known.collect())
    }

    /// What Envoy accepted before this stream. It counts if Envoy, when it subscribes, says that it has it still.
    pub fn remember(&mut self, accepted: Accepted) {
        self.remembered = accepted;
    }

    pub(super) fn remembered(&mut self, name: &str, version: &str) -> Option<Arc<Delivery>> {
        if self.dialect == Dialect::StateOfTheWorld {
            version.clone_into(&mut self.envoys_version);
        }
        let known = self.remembered.0.remove(name)?;
        (known.version == version).then_some(known.delivery)
    }
}
