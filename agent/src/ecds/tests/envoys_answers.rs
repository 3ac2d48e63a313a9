//! What Envoy accepts, refuses, or leaves unanswered.

use super::*;

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

/// Some servers answer each refusal with what was refused.
#[test]
fn what_envoy_refused_and_the_server_repeats_is_sent_again_at_the_pace_of_retries() {
    for dialect in BOTH {
        let mut lab = Lab::subscribed(dialect, &["a"]);
        let repeated = |nonce: &str| {
            Event::Pushed(Pushed {
                version: "v1".to_owned(),
                nonce: nonce.to_owned(),
                resources: vec![Ok(extension(dialect, "a", "inline", false))],
                removed: Vec::new(),
            })
        };
        lab.handle(repeated("n1"));
        lab.reject();
        assert_eq!(lab.said.pop().unwrap(), "refuse n1: Envoy's reason");
        for (nonce, least) in [("n2", 500), ("n3", 1000)] {
            lab.said.clear();
            lab.handle(repeated(nonce));
            lab.says(&[]);
            let (_, wait) = lab.work[&lab.ticket("a")].clone();
            assert!(
                (least..=least * 5 / 4).contains(&wait.as_millis()),
                "{wait:?}"
            );
            lab.succeed("a", "A1");
            lab.reject();
            lab.says(&["deliver v1: A1", &format!("refuse {nonce}: Envoy's reason")]);
        }
    }
}

/// Envoy comes back on another stream, and the server still has what it refused.
#[test]
fn what_was_accepted_on_an_earlier_stream_is_sent_again_after_a_refusal() {
    for dialect in BOTH {
        let resource = |content| vec![Ok(extension(dialect, "a", content, false))];
        for (version, is_known) in [("v1", true), ("v0", false)] {
            let mut before = Lab::subscribed(dialect, &["a"]);
            before.push_all(1, resource("good"), &[]);
            before.accept();
            let good = before.said.remove(0);
            let mut after = Lab::new(dialect);
            after.ecds.remember(before.ecds.accepted_so_far());
            after.handle(Event::Subscribed(Subscription {
                added: vec!["a".to_owned()],
                already_there: vec![("a".to_owned(), version.to_owned())],
                ..Subscription::default()
            }));
            after.push_all(2, resource("bad"), &[]);
            after.said.clear();
            after.reject();
            let refusal = "refuse n2: Envoy's reason".to_owned();
            let expected = match is_known {
                true => vec![refusal, good],
                false => vec![refusal],
            };
            assert_eq!(after.said, expected, "{dialect:?} {version}");
        }
    }
}
