//! What Envoy is sent, and what it says to it.
//!
//! One response at a time: Envoy answers each before it is sent the next, so that no update overtakes another and
//! each refusal can be told to what it refuses.

use std::sync::Arc;

use super::push::PushId;
use super::{
    ANSWER, Delivery, Ecds, Effect, Outgoing, Purpose, Reminder, Report, Sent, nonce_of, number_of,
};
use crate::discovery::{Response, refusal_text};

type Deliveries = Vec<(String, Arc<Delivery>)>;

impl Ecds {
    pub(super) fn send_what_is_ready(&mut self) {
        while self
            .unanswered
            .keys()
            .all(|number| self.overdue.contains(number))
        {
            let Some((sent, response)) = self.next_response() else {
                return;
            };
            self.send(sent, response);
        }
    }

    fn next_response(&mut self) -> Option<(Sent, Response)> {
        while let Some(outgoing) = self.outbox.pop_front() {
            let response = match outgoing {
                Outgoing::Restore(names) => self.restore(names),
                Outgoing::Single(name, delivery) => self.single(name, delivery),
                Outgoing::Nothing { version, removed } => Some(nothing(version, removed)),
            };
            if response.is_some() {
                return response;
            }
        }
        self.update()
    }

    /// The resources of the oldest response of the server's that has some that Envoy was not sent yet.
    fn update(&mut self) -> Option<(Sent, Response)> {
        let gathers = |push| self.pushes.get(push).is_some_and(|push| push.gathers);
        let (push, _) = self.fresh.iter().find(|(push, _)| !gathers(push))?;
        let push = *push;
        let after = self.fresh.split_off(&(PushId(push.0 + 1), String::new()));
        let names = self.fresh.split_off(&(push, String::new()));
        self.fresh.extend(after);
        let deliveries = names.into_iter().filter_map(|(_, name)| {
            let ready = self.entries.get(&name)?.latest.as_ref()?.ready.clone()?;
            Some((name, ready))
        });
        Some(response(deliveries.collect(), Purpose::Update))
    }

    /// What Envoy accepted last of these names, unless something newer is ready.
    fn restore(&self, names: Vec<String>) -> Option<(Sent, Response)> {
        let accepted = names.into_iter().filter_map(|name| {
            let entry = self.entries.get(&name)?;
            let latest = entry
                .latest
                .as_ref()
                .map(|latest| (latest.push, name.clone()));
            if latest.is_some_and(|latest| self.fresh.contains(&latest)) {
                return None;
            }
            Some((name, entry.accepted.clone()?))
        });
        let deliveries: Deliveries = accepted.collect();
        (!deliveries.is_empty()).then(|| response(deliveries, Purpose::Restore))
    }

    fn single(&self, name: String, delivery: Arc<Delivery>) -> Option<(Sent, Response)> {
        let latest = self.entries.get(&name)?.latest.as_ref()?;
        let is_newest = latest
            .ready
            .as_ref()
            .is_some_and(|ready| Arc::ptr_eq(ready, &delivery));
        is_newest.then(|| response(vec![(name, delivery)], Purpose::Update))
    }

    fn send(&mut self, sent: Sent, mut response: Response) {
        self.last_nonce += 1;
        response.nonce = nonce_of(self.last_nonce);
        for (name, delivery) in &sent.deliveries {
            if let Some(entry) = self.entries.get_mut(name) {
                entry.given = Some(Arc::clone(delivery));
            }
        }
        let reminder = Reminder::Answer(response.nonce.clone());
        self.unanswered.insert(self.last_nonce, sent);
        self.effects.push(Effect::Deliver(response));
        self.effects.push(Effect::Remind(reminder, ANSWER));
    }

    pub(super) fn answered(&mut self, nonce: &str, error: Option<Vec<u8>>) {
        let sent = number_of(nonce).and_then(|number| {
            let sent = self.unanswered.remove(&number)?;
            // Older ones that it left unanswered it will not answer any more.
            self.overdue.retain(|overdue| *overdue > number);
            self.unanswered.retain(|unanswered, _| *unanswered > number);
            Some(sent)
        });
        let Some(sent) = sent else {
            return;
        };
        match error {
            None => self.accepted(sent),
            Some(error) => self.rejected(sent, error),
        }
        self.hold();
    }

    fn accepted(&mut self, sent: Sent) {
        self.envoys_version = sent.version;
        for (name, delivery) in sent.deliveries {
            let Some(entry) = self.entries.get_mut(&name) else {
                continue;
            };
            entry.accepted = Some(Arc::clone(&delivery));
            if sent.purpose == Purpose::Restore {
                continue;
            }
            self.effects.push(Effect::Report(Report::Accepted {
                name: name.clone(),
                version: delivery.version.clone(),
            }));
            if let Some(push) = self.pushes.get_mut(&delivery.push) {
                push.waits_for.remove(&name);
            }
            self.settle(delivery.push);
        }
    }

    fn rejected(&mut self, sent: Sent, error: Vec<u8>) {
        // What was followed by something newer needs no restoring.
        let is_last = |(name, delivery): &&(String, Arc<Delivery>)| {
            let given = self
                .entries
                .get(name)
                .and_then(|entry| entry.given.as_ref());
            given.is_some_and(|given| Arc::ptr_eq(given, delivery))
        };
        let has_good = |(name, _): &&(String, Arc<Delivery>)| {
            self.entries
                .get(name)
                .is_some_and(|entry| entry.accepted.is_some())
        };
        let restorable: Deliveries = match sent.purpose {
            Purpose::Update => sent
                .deliveries
                .iter()
                .filter(is_last)
                .filter(has_good)
                .cloned()
                .collect(),
            Purpose::Restore => Vec::new(),
        };
        self.effects.push(Effect::Report(Report::RefusedByEnvoy {
            names: sent
                .deliveries
                .iter()
                .map(|(name, _)| name.clone())
                .collect(),
            reason: refusal_text(&error).to_owned(),
            is_restored: !restorable.is_empty(),
        }));
        if sent.purpose == Purpose::Restore {
            return;
        }
        let push = sent.deliveries.first().map(|(_, delivery)| delivery.push);
        if !restorable.is_empty() {
            let names = restorable.iter().map(|(name, _)| name.clone()).collect();
            self.outbox.push_back(Outgoing::Restore(names));
        }
        // Envoy refuses a response as a whole: which of its resources are good is learnt one by one. That takes
        // the restored one in between, since what Envoy was sent before it accepts unseen.
        if sent.deliveries.len() > 1 {
            let singles = restorable.into_iter();
            self.outbox
                .extend(singles.map(|(name, delivery)| Outgoing::Single(name, delivery)));
        }
        if let Some(push) = push {
            self.refuse_with(push, error);
        }
    }
}

fn response(deliveries: Deliveries, purpose: Purpose) -> (Sent, Response) {
    let response = Response {
        version: deliveries
            .first()
            .map(|(_, delivery)| delivery.version.clone())
            .unwrap_or_default(),
        resources: deliveries
            .iter()
            .map(|(_, delivery)| delivery.prepared.octets.clone())
            .collect(),
        ..Response::default()
    };
    let sent = Sent {
        version: response.version.clone(),
        deliveries,
        purpose,
    };
    (sent, response)
}

fn nothing(version: String, removed: Vec<String>) -> (Sent, Response) {
    let response = Response {
        version,
        removed,
        ..Response::default()
    };
    let sent = Sent {
        version: response.version.clone(),
        deliveries: Vec::new(),
        purpose: Purpose::Update,
    };
    (sent, response)
}
