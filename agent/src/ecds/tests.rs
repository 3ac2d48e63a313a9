//! The protocol, step by step: what is said to Envoy and to the server after each event.

mod envoys_answers;
mod lab;
mod refusals;
mod subscriptions;

use std::collections::BTreeSet;
use std::sync::Arc;

use super::*;
use crate::extension::InvalidExtension;
use lab::{Lab, extension};

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
