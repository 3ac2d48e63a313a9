//! Downloads that are running: one for all who want the same.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::cache::{Kept, SourceId};
use super::error::ObtainError;
use super::reference::Digest;
use super::transfer::Progress;

/// What sets one download apart from another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct FlightKey {
    pub(super) source: SourceId,
    pub(super) tag: Option<String>,
    pub(super) digests: Vec<Digest>,
}

type Outcome = Result<Kept, ObtainError>;

/// A download. It is cancelled when nobody waits for it any more.
#[derive(Debug)]
pub(super) struct Flight {
    outcome: watch::Receiver<Option<Outcome>>,
    /// How far it has come.
    pub(super) progress: Arc<Progress>,
    task: JoinHandle<()>,
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Flight {
    /// Waits for the end.
    pub(super) async fn landed(&self) -> Option<Outcome> {
        let mut outcome = self.outcome.clone();
        outcome.wait_for(Option::is_some).await.ok()?.clone()
    }
}

/// All downloads that are running.
#[derive(Debug, Default)]
pub(super) struct Flights(Mutex<HashMap<FlightKey, Weak<Flight>>>);

impl Flights {
    /// The download of `key` that is running, or a new one: `fetch`.
    pub(super) fn join<F>(
        &self,
        key: FlightKey,
        fetch: impl FnOnce(Arc<Progress>) -> F,
    ) -> Arc<Flight>
    where
        F: Future<Output = Outcome> + Send + 'static,
    {
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        flights.retain(|_, flight| flight.strong_count() > 0);
        if let Some(flight) = flights
            .get(&key)
            .and_then(Weak::upgrade)
            .filter(|flight| flight.is_in_the_air())
        {
            return flight;
        }
        let progress = Arc::new(Progress::default());
        let fetch = fetch(Arc::clone(&progress));
        let (landing, outcome) = watch::channel(None);
        let task = tokio::spawn(async move {
            landing.send_replace(Some(fetch.await));
        });
        let flight = Arc::new(Flight {
            outcome,
            progress,
            task,
        });
        flights.insert(key, Arc::downgrade(&flight));
        flight
    }
}

impl Flight {
    /// Who comes after the end gets no old news: the server may be back.
    fn is_in_the_air(&self) -> bool {
        self.outcome.borrow().is_none() && !self.task.is_finished()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A decoder that panics must not take the agent with it, nor leave anybody waiting.
    #[tokio::test]
    async fn a_download_that_panics_ends_for_who_waits_and_can_be_begun_again() {
        let flights = Flights::default();
        let key = FlightKey {
            source: Digest::of(b"source").into(),
            tag: None,
            digests: Vec::new(),
        };
        for _ in 0..2 {
            let flight = flights.join(key.clone(), |_| async { panic!("a decoder's panic") });
            assert!(flight.landed().await.is_none());
        }
    }
}
