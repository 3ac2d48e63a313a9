//! What cannot be delivered is refused at the server, and tried again.

use super::*;

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

/// xDS protocol, "Duplicate Resource Names".
#[test]
fn what_a_response_names_twice_is_refused_and_the_others_go_through() {
    for dialect in BOTH {
        let mut lab = Lab::subscribed(dialect, &["a", "b"]);
        lab.push(1, &[("a", "u1"), ("b", "u2"), ("a", "u3")]);
        assert_eq!(lab.work.len(), 1, "nobody knows which `a` is meant");
        lab.succeed("b", "B1");
        lab.accept();
        lab.says(&[
            "refuse n1: a: the response names it more than once",
            "deliver v1: B1",
        ]);
    }
    let mut lab = Lab::subscribed(Dialect::Delta, &["a"]);
    let resource = extension(Dialect::Delta, "a", "u1", true);
    lab.push_all(1, vec![Ok(resource)], &["a"]);
    lab.says(&["refuse n1: a: the response names it more than once"]);
}

#[test]
fn the_retries_of_many_agents_are_spread_and_those_of_one_are_not() {
    let waits: BTreeSet<Duration> = (0..10)
        .map(|_| {
            let mut lab = Lab::subscribed(Dialect::Delta, &["a", "b"]);
            lab.push(1, &[("a", "u1"), ("b", "u1")]);
            lab.fail("a", "404");
            lab.fail("b", "404");
            let wait = |name| lab.work[&lab.ticket(name)].1;
            assert_eq!(wait("a"), wait("b"), "they could share a download");
            wait("a")
        })
        .collect();
    assert!(waits.len() > 5, "{waits:?}");
}

/// A registry that is down for an hour shall not fill the log.
#[test]
fn a_failure_that_goes_on_is_told_ever_more_seldom_and_a_new_reason_at_once() {
    let mut lab = Lab::subscribed(Dialect::Delta, &["a"]);
    lab.push(1, &[("a", "u1")]);
    for _ in 0..40 {
        lab.fail("a", "404");
    }
    lab.fail("a", "503");
    lab.fail("a", "503");
    let reasons = lab.reports.iter().map(|report| match report {
        Report::Failed { reason, .. } => reason.as_str(),
        other => panic!("{other:?}"),
    });
    // After 1, 2, 4, 8, 16, 32 and 41 failures.
    let expected = [&["404"; 6][..], &["503"]].concat();
    assert_eq!(reasons.collect::<Vec<_>>(), expected);
}

#[test]
fn a_refusal_of_a_thousand_is_no_longer_than_one_of_envoys() {
    let names: Vec<_> = (0..1000).map(|number| format!("r{number:03}")).collect();
    let resources: Vec<_> = names.iter().map(|name| (name.as_str(), "u1")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let mut lab = Lab::subscribed(Dialect::Delta, &names);
    lab.push(1, &resources);
    for name in &names {
        lab.fail(name, "404");
    }
    let said = lab.said.pop().unwrap();
    assert!(
        said.starts_with("refuse n1: r000: 404; r001: 404; "),
        "{said}"
    );
    assert!(
        said.ends_with("; r370: 404; r371: 404; and 628 more"),
        "{said}"
    );
}
