//! A response of the server's, from its arrival to its answer.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::{Ecds, Effect, Pushed};
use crate::discovery::{Dialect, refusal};

/// The number of a response on its stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PushId(pub u64);

pub(super) struct Push {
    pub(super) nonce: String,
    pub(super) version: String,
    pub(super) content: u64,
    /// Names of resources that Envoy has not accepted yet. It is accepted when there are none.
    pub(super) waits_for: BTreeSet<String>,
    /// Names of resources that are worked on for the first time.
    pub(super) in_work: BTreeSet<String>,
    /// Why it must be refused.
    pub(super) failures: Vec<String>,
    /// What is ready waits for the rest.
    pub(super) gathers: bool,
    /// It was refused. That happens once.
    pub(super) is_refused: bool,
    /// It holds something that no retry can mend.
    pub(super) is_hopeless: bool,
    /// Something of it was replaced before Envoy accepted it.
    pub(super) is_superseded: bool,
}

/// Stands in [`Push::in_work`] for a refusal that has to wait.
pub(super) const DELAYED_REFUSAL: &str = "";

/// What is needed to know a refused response again.
pub(super) struct Refused {
    version: String,
    content: u64,
    /// How often it came again.
    pub(super) repeats: u32,
}

impl Push {
    pub(super) fn new(pushed: &Pushed) -> Self {
        Self {
            nonce: pushed.nonce.clone(),
            version: pushed.version.clone(),
            content: content(pushed),
            waits_for: BTreeSet::new(),
            in_work: BTreeSet::new(),
            failures: Vec::new(),
            gathers: true,
            is_refused: false,
            is_hopeless: false,
            is_superseded: false,
        }
    }
}

/// As many octets of reasons as Envoy itself gives: the server may write them into a line of its log.
const MOST_REASONS: usize = 4096;

/// The reasons in a row, and how many more there are if they are too many.
fn in_one(reasons: &[String]) -> String {
    let mut text = String::new();
    for (index, reason) in reasons.iter().enumerate() {
        let separator = if index == 0 { "" } else { "; " };
        if index > 0 && text.len() + reason.len() > MOST_REASONS {
            return format!("{text}; and {} more", reasons.len() - index);
        }
        text.push_str(separator);
        text.push_str(reason);
    }
    text
}

fn content(pushed: &Pushed) -> u64 {
    let mut hasher = DefaultHasher::new();
    for resource in &pushed.resources {
        match resource {
            Ok(extension) => extension.octets().hash(&mut hasher),
            Err(invalid) => invalid.to_string().hash(&mut hasher),
        }
    }
    hasher.finish()
}

impl Ecds {
    /// Forgets responses that were refused and of which nothing is left.
    pub(super) fn forget_old_pushes(&mut self) {
        self.pushes
            .retain(|_, push| !push.waits_for.is_empty() || !push.is_refused);
    }

    /// Whether the server sends again what was refused: some do so at once, whenever something is refused.
    pub(super) fn repeats_of_refused(&mut self, push: &Push) -> u32 {
        match &mut self.refused {
            Some(refused) if refused.version == push.version && refused.content == push.content => {
                refused.repeats += 1;
                refused.repeats
            }
            _ => 0,
        }
    }

    /// `name` of this response was replaced by a newer one, or is not wanted any longer.
    pub(super) fn no_longer_waits(&mut self, id: PushId, name: &str) {
        let Some(push) = self.pushes.get_mut(&id) else {
            return;
        };
        push.is_superseded |= push.waits_for.remove(name);
        self.worked_on(id, name);
        self.settle(id);
    }

    /// The first work on `name` of this response ended.
    pub(super) fn worked_on(&mut self, id: PushId, name: &str) {
        let Some(push) = self.pushes.get_mut(&id) else {
            return;
        };
        if push.in_work.remove(name) && push.in_work.is_empty() {
            self.all_worked_on(id);
        }
    }

    pub(super) fn all_worked_on(&mut self, id: PushId) {
        let Some(push) = self.pushes.get_mut(&id) else {
            return;
        };
        push.gathers = false;
        let is_bad = !push.failures.is_empty();
        self.effects.push(Effect::Settled(id));
        if is_bad {
            self.refuse(id);
        }
    }

    /// Accepts the response if Envoy has accepted all of it.
    pub(super) fn settle(&mut self, id: PushId) {
        let Some(push) = self.pushes.get(&id) else {
            return;
        };
        if !push.waits_for.is_empty() || push.is_hopeless {
            return;
        }
        let failed_for_good = push.is_superseded && (push.is_refused || !push.failures.is_empty());
        let accepts = match self.dialect {
            // A server would take the answer for one to its newest response.
            Dialect::StateOfTheWorld => id == self.last_push,
            Dialect::Delta => !failed_for_good,
        };
        let accept = accepts.then(|| Effect::Accept {
            nonce: push.nonce.clone(),
            version: push.version.clone(),
        });
        if accept.is_some() {
            self.refused = None;
        }
        self.effects.extend(accept);
        self.pushes.remove(&id);
    }

    /// Refuses the response, for the reasons that are known by now, unless it was refused before.
    pub(super) fn refuse(&mut self, id: PushId) {
        let Some(push) = self.pushes.get(&id) else {
            return;
        };
        if push.failures.is_empty() {
            return;
        }
        let text = in_one(&push.failures);
        self.refuse_with(id, refusal(&text));
    }

    pub(super) fn refuse_with(&mut self, id: PushId, error: Vec<u8>) {
        let Some(push) = self.pushes.get_mut(&id) else {
            return;
        };
        if std::mem::replace(&mut push.is_refused, true) {
            return;
        }
        let is_known =
            |refused: &&Refused| refused.version == push.version && refused.content == push.content;
        let repeats = self
            .refused
            .as_ref()
            .filter(is_known)
            .map_or(0, |refused| refused.repeats);
        self.refused = Some(Refused {
            version: push.version.clone(),
            content: push.content,
            repeats,
        });
        self.effects.push(Effect::Refuse {
            nonce: push.nonce.clone(),
            error,
        });
    }
}
