//! One Envoy's stream, with what the agent says noted down.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

use crate::discovery::{Dialect, refusal, refusal_text};
use crate::ecds::{
    Ecds, Effect, Event, Failure, OnFailure, Prepared, Pushed, Reminder, Report, Subscription,
    Ticket, Wildcard,
};
use crate::extension::{Extension, InvalidExtension};
use crate::metrics::Conversion;
use crate::wire::message;

const HTTP: &str = "x/envoy.extensions.filters.http.wasm.v3.Wasm";

/// An Envoy's stream, with what the agent said since the last look.
pub(super) struct Lab {
    pub(super) ecds: Ecds,
    /// Work that was started and neither ended nor was cancelled.
    pub(super) work: BTreeMap<Ticket, (String, Duration)>,
    pub(super) reminders: Vec<Reminder>,
    /// What the operator was told.
    pub(super) reports: Vec<Report>,
    pub(super) said: Vec<String>,
    pub(super) nonce: String,
}

/// An extension configuration: `content` tells one version from another.
pub(super) fn extension(
    dialect: Dialect,
    name: &str,
    content: &str,
    needs_module: bool,
) -> Extension {
    let code = if needs_module {
        message(&[(2, &message(&[(1, &message(&[(1, content.as_bytes())]))]))])
    } else {
        message(&[(1, &message(&[(3, content.as_bytes())]))])
    };
    let wasm = message(&[(1, &message(&[(3, &message(&[(3, &code)]))]))]);
    let filter = message(&[(1, HTTP.as_bytes()), (2, &wasm)]);
    let config = message(&[(1, name.as_bytes()), (2, &filter)]);
    let any = message(&[
        (1, crate::discovery::EXTENSION_CONFIG_URL.as_bytes()),
        (2, &config),
    ]);
    let octets = match dialect {
        Dialect::StateOfTheWorld => any,
        Dialect::Delta => message(&[(1, b"v1"), (2, &any), (3, name.as_bytes())]),
    };
    Extension::parse(dialect, Bytes::from(octets)).unwrap()
}

impl Lab {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self {
            ecds: Ecds::new(dialect, OnFailure::Refuse),
            work: BTreeMap::new(),
            reminders: Vec::new(),
            reports: Vec::new(),
            said: Vec::new(),
            nonce: String::new(),
        }
    }

    /// Subscribed to `names`, of which nothing is there yet.
    pub(super) fn subscribed(dialect: Dialect, names: &[&str]) -> Self {
        let mut lab = Self::new(dialect);
        lab.subscribe(names, &[]);
        lab.said.clear();
        lab
    }

    pub(super) fn handle(&mut self, event: Event) {
        for effect in self.ecds.handle(event) {
            self.note(effect);
        }
    }

    pub(super) fn note(&mut self, effect: Effect) {
        let said = match effect {
            Effect::Ask(subscription) => {
                format!("ask +{:?} -{:?}", subscription.added, subscription.removed)
            }
            Effect::Accept { nonce, version } => format!("accept {nonce} {version}"),
            Effect::Refuse { nonce, error } => format!("refuse {nonce}: {}", refusal_text(&error)),
            Effect::Deliver(response) => {
                self.nonce.clone_from(&response.nonce);
                let resources = response
                    .resources
                    .iter()
                    .map(|octets| String::from_utf8_lossy(octets).into_owned());
                let mut said = format!(
                    "deliver {}: {}",
                    response.version,
                    resources.collect::<Vec<_>>().join(" ")
                );
                if !response.removed.is_empty() {
                    said.push_str(&format!("-{:?}", response.removed));
                }
                said
            }
            Effect::Prepare {
                ticket,
                extension,
                after,
            } => {
                self.work.insert(ticket, (extension.name.clone(), after));
                return;
            }
            Effect::Cancel(ticket) => {
                self.work.remove(&ticket);
                return;
            }
            Effect::Remind(reminder, _) => return self.reminders.push(reminder),
            Effect::Report(report) => return self.reports.push(report),
            Effect::Hold(_) | Effect::Count(_) | Effect::Settled(_) => return,
        };
        self.said.push(said);
    }

    pub(super) fn subscribe(&mut self, added: &[&str], removed: &[&str]) {
        let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        self.handle(Event::Subscribed(Subscription {
            added: own(added),
            removed: own(removed),
            ..Subscription::default()
        }));
    }

    /// Envoy says that it wants everything, or that it no longer does.
    pub(super) fn wants_everything(&mut self, wildcard: Wildcard) {
        let name = vec!["*".to_owned()];
        let (added, removed) = match wildcard {
            Wildcard::Ends => (Vec::new(), name),
            Wildcard::AsBefore | Wildcard::Begins => (name, Vec::new()),
        };
        self.handle(Event::Subscribed(Subscription {
            added,
            removed,
            wildcard,
            ..Subscription::default()
        }));
    }

    /// A response whose resources need modules.
    pub(super) fn push(&mut self, number: u32, resources: &[(&str, &str)]) {
        let dialect = self.ecds.dialect;
        let resources = resources
            .iter()
            .map(|(name, content)| Ok(extension(dialect, name, content, true)));
        let resources = resources.collect();
        self.push_all(number, resources, &[]);
    }

    pub(super) fn push_all(
        &mut self,
        number: u32,
        resources: Vec<Result<Extension, InvalidExtension>>,
        removed: &[&str],
    ) {
        self.handle(Event::Pushed(Pushed {
            version: format!("v{number}"),
            nonce: format!("n{number}"),
            resources,
            removed: removed.iter().map(|name| (*name).to_owned()).collect(),
        }));
    }

    pub(super) fn ticket(&self, name: &str) -> Ticket {
        let found = self.work.iter().find(|(_, (of, _))| of == name);
        *found.unwrap_or_else(|| panic!("no work on {name}")).0
    }

    pub(super) fn succeed(&mut self, name: &str, content: &'static str) {
        let ticket = self.ticket(name);
        self.work.remove(&ticket);
        let prepared = Prepared {
            octets: Bytes::from_static(content.as_bytes()),
            module: None,
        };
        self.handle(Event::Prepared {
            ticket,
            outcome: Ok(prepared),
        });
    }

    pub(super) fn fail(&mut self, name: &str, reason: &str) {
        let ticket = self.ticket(name);
        self.work.remove(&ticket);
        let failure = Failure {
            reason: reason.to_owned(),
            fallback: Some(Prepared {
                octets: Bytes::from_static(b"fallback"),
                module: None,
            }),
            counted_as: Conversion::FetchFailure,
        };
        self.handle(Event::Prepared {
            ticket,
            outcome: Err(failure),
        });
    }

    pub(super) fn accept(&mut self) {
        let nonce = self.nonce.clone();
        self.handle(Event::Answered { nonce, error: None });
    }

    pub(super) fn reject(&mut self) {
        let nonce = self.nonce.clone();
        let error = Some(refusal("Envoy's reason"));
        self.handle(Event::Answered { nonce, error });
    }

    /// All reminders come due.
    pub(super) fn time_passes(&mut self) {
        for reminder in std::mem::take(&mut self.reminders) {
            self.handle(Event::Due(reminder));
        }
    }

    #[track_caller]
    pub(super) fn says(&mut self, expected: &[&str]) {
        assert_eq!(std::mem::take(&mut self.said), expected);
    }
}
