//! What Envoys accepted on streams that have ended, kept for a while: streams break, and Envoys come back.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::discovery::Dialect;
use crate::ecds::Accepted;
use crate::wire;

/// How long it is kept. An Envoy tries to come back at least twice a minute, and each time it is kept anew.
const A_WHILE: Duration = Duration::from_secs(10 * 60);

/// An Envoy, as it names itself, on streams of one dialect.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Envoy {
    id: String,
    cluster: String,
    dialect: Dialect,
}

impl Envoy {
    /// The node in a request, which the first one of a stream has. `None` if it has no name.
    pub fn of_request(dialect: Dialect, request: &[u8]) -> Option<Self> {
        let number = match dialect {
            Dialect::StateOfTheWorld => 2,
            Dialect::Delta => 1,
        };
        let node = wire::merged(request, number).ok()??;
        let text = |number| wire::text(&node, number).ok().map(str::to_owned);
        let id = text(1).filter(|id| !id.is_empty())?;
        let cluster = text(2)?;
        Some(Self {
            id,
            cluster,
            dialect,
        })
    }
}

/// What Envoys that are gone had accepted.
#[derive(Default)]
pub struct Memory(Mutex<HashMap<Envoy, Kept>>);

#[derive(Default)]
struct Kept {
    accepted: Accepted,
    /// How often something was added.
    additions: u64,
}

impl Memory {
    /// Keeps what `envoy` accepted on a stream that has ended, for a while.
    pub fn keep(self: &Arc<Self>, envoy: Envoy, accepted: Accepted) {
        if accepted.is_empty() {
            return;
        }
        let additions = {
            let mut envoys = self.envoys();
            let kept = envoys.entry(envoy.clone()).or_default();
            kept.accepted.extend(accepted);
            kept.additions += 1;
            kept.additions
        };
        let memory = Arc::downgrade(self);
        tokio::spawn(async move {
            tokio::time::sleep(A_WHILE).await;
            if let Some(memory) = memory.upgrade() {
                memory.forget(&envoy, additions);
            }
        });
    }

    /// Hands out what `envoy` accepted of `names`.
    pub fn recall<'a>(&self, envoy: &Envoy, names: impl Iterator<Item = &'a String>) -> Accepted {
        let mut envoys = self.envoys();
        let kept = envoys.get_mut(envoy);
        kept.map_or_else(Accepted::default, |kept| kept.accepted.take(names))
    }

    /// Forgets `envoy`, unless something was added since.
    fn forget(&self, envoy: &Envoy, additions: u64) {
        let mut envoys = self.envoys();
        if envoys
            .get(envoy)
            .is_some_and(|kept| kept.additions == additions)
        {
            envoys.remove(envoy);
        }
    }

    fn envoys(&self) -> MutexGuard<'_, HashMap<Envoy, Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envoy_is_who_its_node_says() {
        let node = wire::message(&[(1, b"id"), (2, b"cluster")]);
        for (dialect, number) in [(Dialect::StateOfTheWorld, 2), (Dialect::Delta, 1)] {
            let of = |number: u32, node: &[u8]| {
                Envoy::of_request(dialect, &wire::message(&[(number, node)]))
            };
            let expected = Envoy {
                id: "id".to_owned(),
                cluster: "cluster".to_owned(),
                dialect,
            };
            assert_eq!(of(number, &node), Some(expected));
            assert_eq!(of(number, &wire::message(&[(2, b"cluster")])), None);
            assert_eq!(of(3, &node), None);
        }
    }
}
