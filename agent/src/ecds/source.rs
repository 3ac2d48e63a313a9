//! What the server sends, and the work on it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::push::{DELAYED_REFUSAL, Push, PushId};
use super::{
    Delivery, Ecds, Effect, FURTHER_REASONS, Failure, GATHER, Latest, OnFailure, Outgoing,
    Prepared, Pushed, Reminder, Report, Ticket, Work, delay_before,
};
use crate::discovery::Dialect;
use crate::extension::{Extension, InvalidExtension, InvalidReason, Need};
use crate::metrics::Conversion;

impl Ecds {
    pub(super) fn pushed(&mut self, pushed: Pushed) {
        let pushed = each_name_once(pushed);
        let id = PushId(self.last_push.0 + 1);
        self.last_push = id;
        self.forget_old_pushes();
        let push = Push::new(&pushed);
        let repeats = self.repeats_of_refused(&push);
        self.pushes.insert(id, push);
        let mut is_of_use = false;
        for resource in pushed.resources {
            is_of_use |= match resource {
                Ok(extension) => self.extension_pushed(id, extension, &pushed.version, repeats),
                Err(invalid) => self.invalid_pushed(id, invalid, repeats),
            };
        }
        self.gone(&pushed.version, pushed.removed);
        if !is_of_use && self.dialect == Dialect::StateOfTheWorld {
            // The server's answer to a subscription is that there is nothing.
            self.outbox.push_back(Outgoing::Nothing {
                version: pushed.version,
                removed: Vec::new(),
            });
        }
        self.begin(id);
    }

    /// All of a response was looked at: what can be said of it at once?
    fn begin(&mut self, id: PushId) {
        let Some(push) = self.pushes.get(&id) else {
            return;
        };
        if push.in_work.is_empty() {
            self.all_worked_on(id);
        } else {
            self.effects
                .push(Effect::Remind(Reminder::Gathered(id), GATHER));
        }
        self.settle(id);
    }

    /// Tells whether Envoy wants it.
    fn extension_pushed(
        &mut self,
        id: PushId,
        extension: Extension,
        version: &str,
        repeats: u32,
    ) -> bool {
        if self.wants_all {
            self.entries.entry(extension.name.clone()).or_default();
        }
        let Some(entry) = self.entries.get_mut(&extension.name) else {
            return false;
        };
        let name = extension.name.clone();
        let replaced = entry.latest.take();
        if let Some(push) = self.pushes.get_mut(&id) {
            push.waits_for.insert(name.clone());
        }
        let ongoing = replaced.as_ref().and_then(|latest| {
            let is_same = repeats > 0 && latest.extension.octets() == extension.octets();
            latest.work.as_ref().filter(|_| is_same)
        });
        // What the server sends again at once after a refusal is not tried again at once.
        let ongoing = ongoing.cloned();
        if let Some(mut replaced) = replaced {
            if ongoing.is_some() {
                replaced.work = None;
            }
            self.drop_latest(&name, replaced);
        }
        let latest = Latest {
            push: id,
            version: version.to_owned(),
            extension: Arc::new(extension),
            ready: None,
            work: ongoing,
        };
        self.take_up(name, latest, repeats);
        true
    }

    fn take_up(&mut self, name: String, mut latest: Latest, repeats: u32) {
        // What Envoy has refused and the server sends again at once waits, too.
        if matches!(latest.extension.need, Need::Nothing) && repeats == 0 {
            self.effects.push(Effect::Count(Conversion::NoRemoteLoad));
            let prepared = Prepared {
                octets: latest.extension.octets().clone(),
                module: None,
            };
            self.is_ready(&name, &mut latest, prepared);
        } else {
            if latest.work.is_none() {
                latest.work = Some(self.start(&name, &latest.extension, repeats));
            }
            if let Some(push) = self.pushes.get_mut(&latest.push) {
                push.in_work.insert(name.clone());
            }
        }
        if let Some(entry) = self.entries.get_mut(&name) {
            entry.latest = Some(latest);
        }
    }

    fn start(&mut self, name: &str, extension: &Arc<Extension>, repeats: u32) -> Work {
        let ticket = self.next_ticket(name);
        self.effects.push(Effect::Prepare {
            ticket,
            extension: Arc::clone(extension),
            after: match repeats {
                0 => Duration::ZERO,
                repeats => delay_before(repeats, self.jitter),
            },
        });
        Work {
            ticket,
            failures: 0,
            reason: String::new(),
        }
    }

    /// A resource that cannot be read is refused; retrying would be in vain.
    fn invalid_pushed(&mut self, id: PushId, invalid: InvalidExtension, repeats: u32) -> bool {
        let known = invalid
            .name
            .as_ref()
            .and_then(|name| self.entries.get_mut(name));
        if invalid.name.is_some() && known.is_none() && !self.wants_all {
            return false;
        }
        if let (Some(latest), Some(name)) =
            (known.and_then(|entry| entry.latest.take()), &invalid.name)
        {
            // What the server sent before is not what it wants now.
            self.drop_latest(name, latest);
        }
        self.effects
            .push(Effect::Count(Conversion::UnmarshalFailure));
        self.effects.push(Effect::Report(Report::Failed {
            name: invalid.name.clone().unwrap_or_default(),
            reason: invalid.reason.to_string(),
            retry: None,
        }));
        let Some(push) = self.pushes.get_mut(&id) else {
            return true;
        };
        push.is_hopeless = true;
        push.failures.push(invalid.to_string());
        if repeats > 0 {
            // The refusal waits, so that a server which repeats itself at once does not do so for ever.
            push.in_work.insert(DELAYED_REFUSAL.to_owned());
            let after = delay_before(repeats, 0.0);
            self.effects
                .push(Effect::Remind(Reminder::Refusal(id), after));
        }
        true
    }

    /// What is gone at the server stays with an Envoy that uses it; one that does not must learn it.
    fn gone(&mut self, version: &str, removed: Vec<String>) {
        let mut unknown = Vec::new();
        for name in removed {
            let Some(entry) = self.entries.get_mut(&name) else {
                continue;
            };
            let is_in_use = entry.is_in_use();
            let is_needed = is_in_use || entry.is_named;
            if let Some(latest) = entry.latest.take() {
                self.drop_latest(&name, latest);
            }
            if !is_needed {
                self.entries.remove(&name);
            }
            if is_in_use {
                self.effects
                    .push(Effect::Report(Report::RemovalHeldBack(name)));
            } else {
                unknown.push(name);
            }
        }
        if !unknown.is_empty() {
            self.outbox.push_back(Outgoing::Nothing {
                version: version.to_owned(),
                removed: unknown,
            });
        }
    }

    pub(super) fn prepared(&mut self, ticket: Ticket, outcome: Result<Prepared, Failure>) {
        let Some(name) = self.tickets.remove(&ticket) else {
            return;
        };
        let entry = self.entries.get_mut(&name);
        let Some(mut latest) = entry.and_then(|entry| entry.latest.take()) else {
            return;
        };
        match outcome {
            Ok(prepared) => self.succeeded(&name, &mut latest, prepared),
            Err(failure) => self.failed(&name, &mut latest, failure),
        }
        let push = latest.push;
        if let Some(entry) = self.entries.get_mut(&name) {
            entry.latest = Some(latest);
        }
        self.worked_on(push, &name);
    }

    fn succeeded(&mut self, name: &str, latest: &mut Latest, prepared: Prepared) {
        self.effects
            .push(Effect::Count(match latest.extension.need {
                Need::Module(_) => Conversion::Success,
                Need::LocalFile(_) | Need::Nothing => Conversion::NoRemoteLoad,
            }));
        if latest.work.take().is_some_and(|work| work.failures > 0) {
            self.effects
                .push(Effect::Report(Report::Recovered(name.to_owned())));
        }
        self.is_ready(name, latest, prepared);
    }

    fn failed(&mut self, name: &str, latest: &mut Latest, failure: Failure) {
        let before = latest.work.take();
        let (failures, last_reason) =
            before.map_or((0, String::new()), |work| (work.failures, work.reason));
        let failures = failures.saturating_add(1);
        let ticket = self.next_ticket(name);
        let after = delay_before(failures, self.jitter);
        self.effects.push(Effect::Count(failure.counted_as));
        // A registry that is down for an hour shall not fill the log with what everybody knows.
        if failures.is_power_of_two() || failure.reason != last_reason {
            self.effects.push(Effect::Report(Report::Failed {
                name: name.to_owned(),
                reason: failure.reason.clone(),
                retry: Some(after),
            }));
        }
        self.effects.push(Effect::Prepare {
            ticket,
            extension: Arc::clone(&latest.extension),
            after,
        });
        latest.work = Some(Work {
            ticket,
            failures,
            reason: failure.reason.clone(),
        });
        match failure.fallback {
            Some(fallback) if self.on_failure == OnFailure::Replace => {
                if latest.ready.is_none() {
                    self.is_ready(name, latest, fallback);
                }
            }
            _ => self.failure_counts_against(latest.push, name, &failure.reason),
        }
    }

    fn failure_counts_against(&mut self, id: PushId, name: &str, reason: &str) {
        let Some(push) = self.pushes.get_mut(&id) else {
            return;
        };
        if push.is_refused {
            return;
        }
        if push.failures.is_empty() {
            let reminder = Reminder::Refusal(id);
            self.effects.push(Effect::Remind(reminder, FURTHER_REASONS));
        }
        push.failures.push(format!("{name}: {reason}"));
    }

    /// `latest` is to be sent to Envoy as `prepared`.
    fn is_ready(&mut self, name: &str, latest: &mut Latest, prepared: Prepared) {
        latest.ready = Some(Arc::new(Delivery {
            push: latest.push,
            version: latest.version.clone(),
            prepared,
        }));
        self.fresh.insert((latest.push, name.to_owned()));
    }
}

/// Refuses what a response names more than once, as Envoy does (xDS protocol, "Duplicate Resource Names"): which of
/// the two is meant, nobody knows.
fn each_name_once(mut pushed: Pushed) -> Pushed {
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    let named = pushed
        .resources
        .iter()
        .filter_map(|resource| match resource {
            Ok(extension) => Some(&extension.name),
            Err(invalid) => invalid.name.as_ref(),
        });
    for name in named.chain(&pushed.removed) {
        *counts.entry(name.clone()).or_default() += 1;
    }
    counts.retain(|_, count| *count > 1);
    if counts.is_empty() {
        return pushed;
    }
    pushed.removed.retain(|name| !counts.contains_key(name));
    pushed.resources.retain(|resource| {
        let name = match resource {
            Ok(extension) => Some(&extension.name),
            Err(invalid) => invalid.name.as_ref(),
        };
        !name.is_some_and(|name| counts.contains_key(name))
    });
    let repeated = |name| InvalidExtension {
        name: Some(name),
        reason: InvalidReason::Repeated,
    };
    pushed
        .resources
        .extend(counts.into_keys().map(|name| Err(repeated(name))));
    pushed
}
