//! What Envoy wants, and what becomes of what is gone.

use super::*;

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
        already_there: vec![("a".to_owned(), "v0".to_owned())],
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
fn who_no_longer_wants_everything_keeps_what_it_named() {
    for dialect in BOTH {
        let mut lab = Lab::new(dialect);
        lab.wants_everything(Wildcard::Begins);
        lab.subscribe(&["a"], &[]);
        lab.push(1, &[("a", "u1"), ("b", "u2")]);
        lab.succeed("a", "A1");
        lab.succeed("b", "B1");
        lab.accept();
        lab.wants_everything(Wildcard::Ends);
        let names: Vec<_> = lab.ecds.entries.keys().collect();
        assert_eq!(names, ["a"]);
        lab.said.clear();
        lab.push(2, &[("a", "u3"), ("b", "u4")]);
        assert_eq!(lab.work.len(), 1, "nobody wants `b`");
        lab.succeed("a", "A2");
        lab.accept();
        lab.says(&["deliver v2: A2", "accept n2 v2"]);
    }
}

#[test]
fn what_is_unsubscribed_from_by_name_is_still_a_part_of_everything() {
    let mut lab = Lab::new(Dialect::Delta);
    lab.wants_everything(Wildcard::Begins);
    lab.subscribe(&["a"], &[]);
    lab.push(1, &[("a", "u1")]);
    lab.succeed("a", "A1");
    lab.accept();
    lab.subscribe(&[], &["a"]);
    lab.said.clear();
    // It is at work: its removal is held back, and its update goes through.
    lab.push_all(2, Vec::new(), &["a"]);
    lab.says(&["accept n2 v2"]);
    lab.push(3, &[("a", "u3")]);
    lab.succeed("a", "A3");
    lab.says(&["deliver v3: A3"]);
}

/// Names come and go at a server for ever.
#[test]
fn what_comes_and_goes_unused_is_forgotten() {
    let mut lab = Lab::new(Dialect::Delta);
    lab.wants_everything(Wildcard::Begins);
    lab.push(1, &[("a", "u1")]);
    lab.said.clear();
    lab.push_all(2, Vec::new(), &["a"]);
    lab.says(&["accept n1 v1", "accept n2 v2", "deliver v2: -[\"a\"]"]);
    assert!(lab.ecds.entries.is_empty() && lab.work.is_empty());
}

#[test]
fn a_name_that_is_given_up_and_wanted_at_once_is_wanted() {
    let mut lab = Lab::subscribed(Dialect::Delta, &["a"]);
    lab.subscribe(&["a"], &["a"]);
    lab.says(&["ask +[\"a\"] -[\"a\"]"]);
    lab.push(1, &[("a", "u1")]);
    lab.succeed("a", "A1");
    lab.says(&["deliver v1: A1"]);
}
