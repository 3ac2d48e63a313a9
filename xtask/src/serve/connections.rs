//! The connections of a server: how long they may be idle, and how many there may be.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::{Resource, getrlimit};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::stream::Activity;

/// File descriptors for everything else: listener, log, files that are read.
const RESERVED: u64 = 32;

/// The connections that are open.
pub(super) struct Connections {
    limit: usize,
    patience: Duration,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    next: u64,
    connections: HashMap<u64, Connection>,
}

struct Connection {
    activity: Arc<Activity>,
    task: AbortHandle,
}

impl Connections {
    /// As many as this process may have file descriptors, less some. Each may be idle for
    /// `patience`.
    pub(super) fn new(patience: Duration) -> Arc<Self> {
        let descriptors = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        let limit = descriptors.saturating_sub(RESERVED).max(1);
        Arc::new(Self {
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
            patience,
            open: Mutex::default(),
        })
    }

    /// Runs a connection until it ends by itself, or is idle for too long, or has been idle for
    /// longer than the others when there are too many.
    pub(super) fn run<Running>(self: &Arc<Self>, connection: impl FnOnce(Arc<Activity>) -> Running)
    where
        Running: Future<Output = ()> + Send + 'static,
    {
        let activity = Activity::new(Instant::now());
        let running = connection(Arc::clone(&activity));
        let (all, patience) = (Arc::clone(self), self.patience);
        let mut open = self.open();
        let id = open.next;
        open.next += 1;
        let watched = Arc::clone(&activity);
        let task = tokio::spawn(async move {
            let _entry = Entry { all, id };
            tokio::select! {
                () = running => {}
                () = is_given_up(&watched, patience) => {}
            }
        });
        let task = task.abort_handle();
        open.connections.insert(id, Connection { activity, task });
        let has_too_many = open.connections.len() > self.limit;
        drop(open);
        if has_too_many {
            self.end_longest_idle();
        }
    }

    pub(super) fn count(&self) -> usize {
        self.open().connections.len()
    }

    /// Makes room for a new connection.
    pub(super) fn end_longest_idle(&self) {
        let mut open = self.open();
        let longest = open
            .connections
            .iter()
            .min_by_key(|(_, connection)| connection.activity.last())
            .map(|(id, _)| *id);
        let ended = longest.and_then(|id| open.connections.remove(&id));
        drop(open);
        if let Some(connection) = ended {
            connection.task.abort();
        }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Strikes a connection off when it has ended, however that came.
struct Entry {
    all: Arc<Connections>,
    id: u64,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.all.open().connections.remove(&self.id);
    }
}

async fn is_given_up(activity: &Activity, patience: Duration) {
    loop {
        let deadline = activity.deadline(patience);
        if deadline <= Instant::now() {
            return;
        }
        tokio::time::sleep_until(deadline).await;
    }
}
