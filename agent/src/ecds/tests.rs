//! The protocol, step by step: what is said to Envoy and to the server after each event.

use std::sync::Arc;

use super::*;
use crate::discovery::refusal;
use crate::wire::message;

const HTTP: &str = "x/envoy.extensions.filters.http.wasm.v3.Wasm";

/// An Envoy's stream, with what the agent said since the last look.
struct Lab {
    ecds: Ecds,
    /// Work that was started and neither ended nor was cancelled.
    work: BTreeMap<Ticket, (String, Duration)>,
    reminders: Vec<Reminder>,
    said: Vec<String>,
    nonce: String,
}

/// An extension configuration: `content` tells one version from another.
fn extension(dialect: Dialect, name: &str, content: &str, needs_module: bool) -> Extension {
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
        Dialect::Delta => message(&[(2, &any), (3, name.as_bytes())]),
    };
    Extension::parse(dialect, Bytes::from(octets)).unwrap()
}

impl Lab {
    fn new(dialect: Dialect) -> Self {
        Self {
            ecds: Ecds::new(dialect, OnFailure::Refuse),
            work: BTreeMap::new(),
            reminders: Vec::new(),
            said: Vec::new(),
            nonce: String::new(),
        }
    }

    /// Subscribed to `names`, of which nothing is there yet.
    fn subscribed(dialect: Dialect, names: &[&str]) -> Self {
        let mut lab = Self::new(dialect);
        lab.subscribe(names, &[]);
        lab.said.clear();
        lab
    }

    fn handle(&mut self, event: Event) {
        for effect in self.ecds.handle(event) {
            self.note(effect);
        }
    }

    fn note(&mut self, effect: Effect) {
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
            Effect::Hold(_) | Effect::Count(_) | Effect::Settled(_) | Effect::Report(_) => return,
        };
        self.said.push(said);
    }

    fn subscribe(&mut self, added: &[&str], removed: &[&str]) {
        let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        self.handle(Event::Subscribed(Subscription {
            added: own(added),
            removed: own(removed),
            ..Subscription::default()
        }));
    }

    /// A response whose resources need modules.
    fn push(&mut self, number: u32, resources: &[(&str, &str)]) {
        let dialect = self.ecds.dialect;
        let resources = resources
            .iter()
            .map(|(name, content)| Ok(extension(dialect, name, content, true)));
        let resources = resources.collect();
        self.push_all(number, resources, &[]);
    }

    fn push_all(
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

    fn ticket(&self, name: &str) -> Ticket {
        let found = self.work.iter().find(|(_, (of, _))| of == name);
        *found.unwrap_or_else(|| panic!("no work on {name}")).0
    }

    fn succeed(&mut self, name: &str, content: &'static str) {
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

    fn fail(&mut self, name: &str, reason: &str) {
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

    fn accept(&mut self) {
        let nonce = self.nonce.clone();
        self.handle(Event::Answered { nonce, error: None });
    }

    fn reject(&mut self) {
        let nonce = self.nonce.clone();
        let error = Some(refusal("Envoy's reason"));
        self.handle(Event::Answered { nonce, error });
    }

    /// All reminders come due.
    fn time_passes(&mut self) {
        for reminder in std::mem::take(&mut self.reminders) {
            self.handle(Event::Due(reminder));
        }
    }

    #[track_caller]
    fn says(&mut self, expected: &[&str]) {
        assert_eq!(std::mem::take(&mut self.said), expected);
    }
}

use crate::discovery::refusal_text;

const BOTH: [Dialect; 2] = [Dialect::StateOfTheWorld, Dialect::Delta];

#[test]
fn a_good_update_goes_through_and_is_accepted_when_envoy_accepts_it() {
    for dialect in BOTH {
        let mut lab = Lab::new(dialect);
        lab.subscribe(&["a"], &[]);
        lab.says(&["ask +[\"a\"] -[]"]);
        lab.push(1, &[("a", "u1")]);
        lab.says(&[]);
        lab.succeed("a", "A1");
        lab.says(&["deliver v1: A1"]);
        lab.accept();
        lab.says(&["accept n1 v1"]);
    }
}

#[test]
fn a_failing_version_is_refused_once_and_accepted_late() {
    for dialect in BOTH {
        let mut lab = Lab::subscribed(dialect, &["a"]);
        lab.push(1, &[("a", "u1")]);
        lab.fail("a", "404");
        lab.says(&["refuse n1: a: 404"]);
        for _ in 0..5 {
            lab.time_passes();
            lab.fail("a", "404");
        }
        lab.says(&[]);
        lab.succeed("a", "A1");
        lab.says(&["deliver v1: A1"]);
        lab.accept();
        lab.says(&["accept n1 v1"]);
    }
}

#[test]
fn a_failed_resource_does_not_hold_up_the_others() {
    for dialect in BOTH {
        let mut lab = Lab::subscribed(dialect, &["a", "b", "c"]);
        lab.push(1, &[("a", "u1"), ("b", "u2"), ("c", "u3")]);
        lab.succeed("a", "A1");
        lab.fail("b", "404");
        // The third could still come at once.
        lab.says(&[]);
        lab.time_passes();
        lab.says(&["deliver v1: A1", "refuse n1: b: 404"]);
        lab.succeed("c", "C1");
        lab.says(&[]);
        lab.accept();
        lab.says(&["deliver v1: C1"]);
        lab.accept();
        // What was refused is not accepted as long as something of it is missing.
        lab.says(&[]);
        lab.succeed("b", "B1");
        lab.accept();
        lab.says(&["deliver v1: B1", "accept n1 v1"]);
    }
}

#[test]
fn all_reasons_are_in_one_refusal() {
    let mut lab = Lab::subscribed(Dialect::Delta, &["a", "b"]);
    lab.push(1, &[("a", "u1"), ("b", "u2")]);
    lab.fail("b", "404");
    lab.says(&[]);
    lab.fail("a", "503");
    lab.says(&["refuse n1: b: 404; a: 503"]);
}

#[test]
fn a_newer_push_replaces_an_older_one_that_is_slow() {
    for dialect in BOTH {
        let mut lab = Lab::subscribed(dialect, &["a"]);
        lab.push(1, &[("a", "u1")]);
        let slow = lab.ticket("a");
        lab.push(2, &[("a", "u2")]);
        assert!(
            !lab.work.contains_key(&slow),
            "the older download is cancelled"
        );
        lab.said.clear();
        lab.succeed("a", "A2");
        lab.handle(Event::Prepared {
            ticket: slow,
            outcome: Ok(Prepared::default()),
        });
        lab.says(&["deliver v2: A2"]);
        lab.accept();
        lab.says(&["accept n2 v2"]);
    }
}

#[test]
fn a_failing_version_that_was_replaced_is_not_accepted_later() {
    for dialect in BOTH {
        let mut lab = Lab::subscribed(dialect, &["a"]);
        lab.push(1, &[("a", "u1")]);
        lab.fail("a", "404");
        lab.push(2, &[("a", "u2")]);
        lab.succeed("a", "A2");
        lab.accept();
        lab.says(&["refuse n1: a: 404", "deliver v2: A2", "accept n2 v2"]);
    }
}

#[test]
fn a_newer_push_about_another_name_leaves_retries_alone() {
    for dialect in BOTH {
        let mut lab = Lab::subscribed(dialect, &["a", "b"]);
        lab.push(1, &[("a", "u1")]);
        lab.fail("a", "404");
        lab.push(2, &[("b", "u2")]);
        lab.succeed("b", "B2");
        lab.accept();
        lab.says(&["refuse n1: a: 404", "deliver v2: B2", "accept n2 v2"]);
        lab.succeed("a", "A1");
        lab.accept();
        let late: &[&str] = match dialect {
            // The server would take it for an answer to its newest response.
            Dialect::StateOfTheWorld => &["deliver v1: A1"],
            Dialect::Delta => &["deliver v1: A1", "accept n1 v1"],
        };
        lab.says(late);
    }
}

#[test]
fn envoy_is_sent_one_response_at_a_time() {
    let mut lab = Lab::subscribed(Dialect::Delta, &["a"]);
    lab.push(1, &[("a", "u1")]);
    lab.succeed("a", "A1");
    lab.push(2, &[("a", "u2")]);
    lab.succeed("a", "A2");
    lab.push(3, &[("a", "u3")]);
    lab.succeed("a", "A3");
    lab.said.retain(|said| said.starts_with("deliver"));
    lab.says(&["deliver v1: A1"]);
    lab.accept();
    lab.said.retain(|said| said.starts_with("deliver"));
    lab.says(&["deliver v3: A3"]);
}

#[test]
fn an_envoy_that_does_not_answer_is_sent_newer_ones_all_the_same() {
    let mut lab = Lab::subscribed(Dialect::StateOfTheWorld, &["a"]);
    lab.push(1, &[("a", "u1")]);
    lab.succeed("a", "A1");
    lab.push(2, &[("a", "u2")]);
    lab.succeed("a", "A2");
    lab.says(&["deliver v1: A1"]);
    lab.time_passes();
    lab.says(&["deliver v2: A2"]);
    lab.accept();
    lab.says(&["accept n2 v2"]);
}

#[test]
fn after_a_refusal_by_envoy_the_last_good_one_is_sent_again_once() {
    for dialect in BOTH {
        let mut lab = Lab::subscribed(dialect, &["a"]);
        lab.push(1, &[("a", "u1")]);
        lab.succeed("a", "A1");
        lab.accept();
        lab.push(2, &[("a", "u2")]);
        lab.succeed("a", "A2");
        lab.said.clear();
        lab.reject();
        lab.says(&["refuse n2: Envoy's reason", "deliver v1: A1"]);
        lab.reject();
        lab.time_passes();
        lab.says(&[]);
        lab.push(3, &[("a", "u3")]);
        lab.succeed("a", "A3");
        lab.accept();
        lab.says(&["deliver v3: A3", "accept n3 v3"]);
    }
}

#[test]
fn something_newer_takes_the_place_of_the_last_good_one() {
    let mut lab = Lab::subscribed(Dialect::Delta, &["a"]);
    lab.push(1, &[("a", "u1")]);
    lab.succeed("a", "A1");
    lab.accept();
    lab.push(2, &[("a", "u2")]);
    lab.succeed("a", "A2");
    lab.push(3, &[("a", "u3")]);
    lab.succeed("a", "A3");
    lab.said.clear();
    lab.reject();
    lab.says(&["deliver v3: A3"]);
}

#[test]
fn the_bad_one_of_several_is_found_and_the_others_are_applied() {
    for dialect in BOTH {
        let mut lab = Lab::subscribed(dialect, &["a", "b"]);
        lab.push(1, &[("a", "u1"), ("b", "u2")]);
        lab.succeed("a", "A1");
        lab.succeed("b", "B1");
        lab.accept();
        lab.push(2, &[("a", "u3"), ("b", "u4")]);
        lab.succeed("a", "A2");
        lab.succeed("b", "B2");
        lab.said.clear();
        lab.reject();
        lab.says(&["refuse n2: Envoy's reason", "deliver v1: A1 B1"]);
        lab.accept();
        lab.says(&["deliver v2: A2"]);
        lab.reject();
        // The other one waits in line; then what works comes back.
        lab.says(&["deliver v2: B2"]);
        lab.accept();
        lab.says(&["deliver v1: A1"]);
        lab.accept();
        lab.says(&[]);
    }
}

#[test]
fn a_removal_is_held_back_from_who_uses_it() {
    let mut lab = Lab::subscribed(Dialect::Delta, &["a", "b"]);
    lab.push(1, &[("a", "u1")]);
    lab.succeed("a", "A1");
    lab.accept();
    lab.said.clear();
    lab.push_all(2, Vec::new(), &["a", "b"]);
    // Nobody uses `b`, and Envoy waits for an answer.
    lab.says(&["accept n2 v2", "deliver v2: -[\"b\"]"]);
    lab.accept();
    lab.subscribe(&[], &["a"]);
    lab.says(&["ask +[] -[\"a\"]"]);
    lab.subscribe(&["a"], &[]);
    lab.push_all(3, Vec::new(), &["a"]);
    lab.says(&["ask +[\"a\"] -[]", "accept n3 v3", "deliver v3: -[\"a\"]"]);
}

#[test]
fn a_removal_is_held_back_from_an_envoy_that_had_it_before() {
    let mut lab = Lab::new(Dialect::Delta);
    lab.handle(Event::Subscribed(Subscription {
        added: vec!["a".to_owned()],
        already_there: vec!["a".to_owned()],
        ..Subscription::default()
    }));
    lab.said.clear();
    lab.push_all(1, Vec::new(), &["a"]);
    lab.says(&["accept n1 v1"]);
}

#[test]
fn in_state_of_the_world_nothing_is_an_answer() {
    let mut lab = Lab::subscribed(Dialect::StateOfTheWorld, &["a"]);
    lab.push_all(1, Vec::new(), &[]);
    lab.says(&["accept n1 v1", "deliver v1: "]);
}

#[test]
fn what_nobody_asked_for_is_neither_fetched_nor_sent() {
    let mut lab = Lab::subscribed(Dialect::Delta, &["a"]);
    lab.push(1, &[("x", "u1")]);
    assert!(lab.work.is_empty());
    lab.says(&["accept n1 v1"]);
}

#[test]
fn an_unreadable_resource_is_refused_and_the_others_go_through() {
    for dialect in BOTH {
        let mut lab = Lab::subscribed(dialect, &["a", "b"]);
        let invalid = || InvalidExtension {
            name: Some("b".to_owned()),
            reason: crate::extension::InvalidReason::NoCode,
        };
        let good = extension(dialect, "a", "inline", false);
        lab.push_all(1, vec![Ok(good.clone()), Err(invalid())], &[]);
        let said: Vec<_> = lab.said.drain(..).collect();
        assert_eq!(
            said[0],
            "refuse n1: b: no remote and no local code in `vm_config.code`"
        );
        assert!(said[1].starts_with("deliver v1: "), "{said:?}");
        lab.accept();
        lab.says(&[]);
        // A server that sends it again at once is not refused again at once.
        lab.push_all(1, vec![Ok(good), Err(invalid())], &[]);
        assert!(
            lab.said.iter().all(|said| !said.starts_with("refuse")),
            "{:?}",
            lab.said
        );
        lab.time_passes();
        assert_eq!(
            lab.said
                .iter()
                .filter(|said| said.starts_with("refuse"))
                .count(),
            1
        );
    }
}

#[test]
fn a_server_that_repeats_what_was_refused_is_refused_at_the_pace_of_retries() {
    for dialect in BOTH {
        let mut lab = Lab::subscribed(dialect, &["a"]);
        lab.push(1, &[("a", "u1")]);
        lab.fail("a", "404");
        lab.says(&["refuse n1: a: 404"]);
        let retry = lab.ticket("a");
        lab.handle(Event::Pushed(Pushed {
            version: "v1".to_owned(),
            nonce: "n2".to_owned(),
            resources: vec![Ok(extension(dialect, "a", "u1", true))],
            removed: Vec::new(),
        }));
        assert_eq!(lab.ticket("a"), retry, "the retry goes on");
        lab.says(&[]);
        lab.fail("a", "404");
        lab.says(&["refuse n2: a: 404"]);
        lab.succeed("a", "A1");
        lab.accept();
        lab.says(&["deliver v1: A1", "accept n2 v1"]);
    }
}

#[test]
fn a_fallback_takes_the_place_of_what_cannot_be_had() {
    let mut lab = Lab::subscribed(Dialect::Delta, &["a"]);
    lab.ecds = Ecds::new(Dialect::Delta, OnFailure::Replace);
    lab.subscribe(&["a"], &[]);
    lab.said.clear();
    lab.push(1, &[("a", "u1")]);
    lab.fail("a", "404");
    lab.accept();
    lab.says(&["deliver v1: fallback", "accept n1 v1"]);
    lab.fail("a", "404");
    lab.says(&[]);
    lab.succeed("a", "A1");
    lab.accept();
    lab.says(&["deliver v1: A1"]);
}

#[test]
fn who_unsubscribes_is_no_longer_worked_for() {
    for dialect in BOTH {
        let mut lab = Lab::subscribed(dialect, &["a"]);
        lab.push(1, &[("a", "u1")]);
        lab.fail("a", "404");
        lab.subscribe(&[], &["a"]);
        assert!(lab.work.is_empty());
        assert!(lab.ecds.fresh.is_empty() && lab.ecds.tickets.is_empty());
    }
}

#[test]
fn an_answer_to_something_else_changes_nothing() {
    let mut lab = Lab::subscribed(Dialect::StateOfTheWorld, &["a"]);
    lab.push(1, &[("a", "u1")]);
    lab.succeed("a", "A1");
    lab.said.clear();
    for nonce in ["", "n1", "wasm-agent-7", "wasm-agent-x"] {
        let nonce = nonce.to_owned();
        lab.handle(Event::Answered {
            nonce,
            error: Some(Vec::new()),
        });
    }
    lab.says(&[]);
    lab.accept();
    lab.says(&["accept n1 v1"]);
}

/// Whatever happens in whatever order: a response is refused at most once, and Envoy ends with the newest good one.
#[test]
fn any_order_of_events_ends_with_the_newest() {
    for seed in 0..300 {
        let mut random = fastrand::Rng::with_seed(seed);
        let dialect = BOTH[random.usize(..2)];
        let mut lab = Lab::subscribed(dialect, &["a", "b"]);
        let mut number = 0;
        for _ in 0..60 {
            match random.u8(..7) {
                0 => {
                    number += 1;
                    let content = format!("u{number}");
                    let both = [("a", content.as_str()), ("b", content.as_str())];
                    lab.push(number, &both[random.usize(..2)..]);
                }
                1 | 2 if !lab.work.is_empty() => {
                    let name = lab.work.values().next().unwrap().0.clone();
                    lab.succeed(&name, "x");
                }
                3 if !lab.work.is_empty() => {
                    let name = lab.work.values().last().unwrap().0.clone();
                    lab.fail(&name, "404");
                }
                4 => lab.accept(),
                5 => lab.reject(),
                _ => lab.time_passes(),
            }
        }
        number += 1;
        let content = format!("u{number}");
        lab.push(number, &[("a", content.as_str()), ("b", content.as_str())]);
        lab.succeed("a", "last-a");
        lab.succeed("b", "last-b");
        for _ in 0..20 {
            lab.accept();
        }
        let refusals: Vec<_> = lab
            .said
            .iter()
            .filter_map(|said| said.strip_prefix("refuse ")?.split_once(':'))
            .map(|(nonce, _)| nonce)
            .collect();
        let distinct: BTreeSet<_> = refusals.iter().collect();
        assert_eq!(distinct.len(), refusals.len(), "seed {seed}: {refusals:?}");
        for (name, content) in [("a", "last-a"), ("b", "last-b")] {
            let given = lab.ecds.entries[name].given.as_ref().unwrap();
            assert_eq!(given.prepared.octets, content.as_bytes(), "seed {seed}");
            let accepted = lab.ecds.entries[name].accepted.as_ref().unwrap();
            assert!(Arc::ptr_eq(given, accepted), "seed {seed}");
        }
        let last = format!("accept n{number} v{number}");
        assert!(lab.said.contains(&last), "seed {seed}: {:?}", lab.said);
        assert!(
            lab.ecds.unanswered.is_empty() && lab.ecds.fresh.is_empty(),
            "seed {seed}"
        );
    }
}
