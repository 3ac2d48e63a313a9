//! What Envoy wants, and what is kept for it.

use std::collections::BTreeSet;

use super::{EVERYTHING, Ecds, Effect, Latest, Subscription, Wildcard};

impl Ecds {
    pub(super) fn subscribed(&mut self, subscription: Subscription) {
        if subscription.wildcard == Wildcard::Begins {
            self.wants_all = true;
        }
        let is_less = !subscription.removed.is_empty() || subscription.wildcard == Wildcard::Ends;
        // A name in both lists is one that Envoy wants anew.
        for name in names(&subscription.removed) {
            self.no_longer_named(name);
        }
        for name in names(&subscription.added) {
            self.entries.entry(name.clone()).or_default().is_named = true;
        }
        for (name, version) in &subscription.already_there {
            if self.wants_all {
                self.entries.entry(name.clone()).or_default();
            }
            let remembered = self.remembered(name, version);
            if let Some(entry) = self.entries.get_mut(name) {
                entry.already_there = true;
                entry.accepted = entry.accepted.take().or(remembered);
            }
        }
        if subscription.wildcard == Wildcard::Ends {
            self.wants_all = false;
            self.forget_the_unnamed();
        }
        self.effects.push(Effect::Ask(subscription));
        if is_less {
            self.hold();
        }
    }

    /// Envoy unsubscribes from `name`. If it wants everything, it still wants this (xDS protocol, "Unsubscribing
    /// From Resources"), and its filter stays at work.
    fn no_longer_named(&mut self, name: &str) {
        match self.entries.get_mut(name) {
            Some(entry) if self.wants_all => entry.is_named = false,
            _ => self.forget(name),
        }
    }

    fn forget_the_unnamed(&mut self) {
        let unnamed = self.entries.iter().filter(|(_, entry)| !entry.is_named);
        let unnamed: Vec<_> = unnamed.map(|(name, _)| name.clone()).collect();
        for name in unnamed {
            self.forget(&name);
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
    pub(super) fn drop_latest(&mut self, name: &str, latest: Latest) {
        if let Some(work) = latest.work {
            self.tickets.remove(&work.ticket);
            self.effects.push(Effect::Cancel(work.ticket));
        }
        self.fresh.remove(&(latest.push, name.to_owned()));
        self.no_longer_waits(latest.push, name);
    }

    /// Keeps the modules that Envoy uses or may come to use.
    pub(super) fn hold(&mut self) {
        let entries = self.entries.values();
        let deliveries = entries.flat_map(|entry| entry.accepted.iter().chain(&entry.given));
        let modules = deliveries.filter_map(|delivery| delivery.prepared.module.as_ref());
        let paths: BTreeSet<_> = modules.map(|module| module.path.clone()).collect();
        self.effects.push(Effect::Hold(paths.into_iter().collect()));
    }
}

fn names(names: &[String]) -> impl Iterator<Item = &String> {
    names.iter().filter(|name| *name != EVERYTHING)
}
