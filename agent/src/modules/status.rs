//! What `/modules` shows: each URL that a resource named, and how that went.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::cache::Kept;
use super::error::ObtainError;

/// A module as `/modules` shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ModuleStatus {
    /// Without user information and query.
    pub url: String,
    /// The module's SHA-256, once it is known.
    pub checksum: Option<String>,
    /// In bytes, once it is known.
    pub size: Option<u64>,
    /// The names of the resources that asked for it last.
    pub users: Vec<String>,
    /// Why the last attempt failed, if it did.
    pub last_error: Option<String>,
}

/// All modules, by URL.
#[derive(Debug, Default)]
pub(super) struct Statuses(Mutex<BTreeMap<String, Status>>);

#[derive(Debug, Default)]
struct Status {
    module: Option<(String, u64)>,
    /// The resources, and how each one's last attempt went.
    users: BTreeMap<String, Attempt>,
}

#[derive(Debug)]
struct Attempt {
    at: Instant,
    error: Option<String>,
}

impl Statuses {
    /// Notes a module that an earlier process left.
    pub(super) fn found(&self, url: String, checksum: &str, size: u64) {
        let mut statuses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        statuses.entry(url).or_default().module = Some((checksum.to_owned(), size));
    }

    /// Notes how it went when `resource` asked for the module at `url`.
    pub(super) fn note(&self, url: &str, resource: &str, outcome: Result<&Kept, &ObtainError>) {
        let mut statuses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        statuses.retain(|other, status| {
            other == url || status.users.remove(resource).is_none() || status.is_worth_showing()
        });
        let status = statuses.entry(url.to_owned()).or_default();
        if let Ok(kept) = outcome {
            status.module = Some(shown(kept));
        }
        let attempt = Attempt {
            at: Instant::now(),
            error: outcome.err().map(ToString::to_string),
        };
        status.users.insert(resource.to_owned(), attempt);
    }

    /// Forgets modules that are not in the cache, and resources that have asked for nothing during the time of `expiry`,
    /// unless their module is in use: names come and go.
    pub(super) fn forget(
        &self,
        expiry: Duration,
        is_kept: impl Fn(&str) -> bool,
        is_in_use: impl Fn(&str) -> bool,
    ) {
        let mut statuses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for status in statuses.values_mut() {
            let module = status.module.as_ref();
            if !module.is_some_and(|(checksum, _)| is_in_use(checksum)) {
                let users = &mut status.users;
                users.retain(|_, attempt| attempt.at.elapsed() < expiry);
            }
            status.module = status
                .module
                .take()
                .filter(|(checksum, _)| is_kept(checksum));
        }
        statuses.retain(|_, status| status.is_worth_showing());
    }

    /// What is known of each.
    pub(super) fn list(&self) -> Vec<ModuleStatus> {
        let statuses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        statuses
            .iter()
            .map(|(url, status)| status.show(url))
            .collect()
    }
}

impl Status {
    fn is_worth_showing(&self) -> bool {
        self.module.is_some() || !self.users.is_empty()
    }

    fn show(&self, url: &str) -> ModuleStatus {
        let (checksum, size) = self.module.clone().unzip();
        ModuleStatus {
            url: url.to_owned(),
            checksum,
            size,
            users: self.users.keys().cloned().collect(),
            last_error: self
                .users
                .values()
                .find_map(|attempt| attempt.error.clone()),
        }
    }
}

fn shown(kept: &Kept) -> (String, u64) {
    (kept.checksum.hex().to_owned(), kept.lease.size())
}
