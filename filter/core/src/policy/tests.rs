//! Properties of every policy, on made-up ones: the index finds all that applies, a rule decides what its
//! witness says, and an exemption lets nothing pass but what its text says.

use super::*;
use crate::matching::SourceAddress;
use crate::request::StreamMemory;
use fastrand::Rng;
use std::format;

const PATHS: [&str; 14] = [
    "/",
    "/a",
    "/A/b",
    "/a/b/",
    "/api",
    "/api/v1",
    ".php",
    "/x.php",
    "/open files",
    "/\u{f6}l",
    "/a;b",
    "/a.b",
    "/%61",
    "//a",
];
const HOSTS: [&str; 9] = [
    "a.example",
    "*.example",
    "b.*",
    "[2001:db8::1]",
    "2001:db8:*",
    "*:1",
    "127.1",
    "*",
    "x.a.example",
];
const REGEXES: [&str; 6] = [
    "/a.*",
    ".*\\\\.php",
    "/(a|api)/v[0-9]+",
    "^/a$",
    "/[^/]+",
    "(/.*)?/b",
];
const METHODS: [&str; 4] = ["GET", "POST", "PUT", "get"];

const REQUESTED: [&str; 34] = [
    "/",
    "/a",
    "/A",
    "/a/",
    "/a/b",
    "/A/B",
    "/a/b/c",
    "/api",
    "/API/v1",
    "/api/v1/x",
    "/x.php",
    "/X.PHP",
    "/x.php/y",
    "//a",
    "/./a",
    "/x/../a",
    "/%61",
    "/%2561",
    "/a%2fb",
    "/open%20files",
    "/open%20files/x",
    "/%C3%B6l",
    "/%c3%b6l",
    "/a;b",
    "/a;x/b",
    "/a.",
    "/a%00",
    "/a%",
    "/%u0061",
    "/%ffa",
    "*",
    "http://b.x/a",
    "/a?x=/api",
    "/c",
];
const AUTHORITIES: [&str; 10] = [
    "a.example",
    "A.Example:80",
    "b.example",
    "b.x",
    "[2001:db8::1]:8443",
    "127.0.0.1",
    "",
    "x y",
    "[::1]",
    "x.a.example.",
];

fn pick<'t>(random: &mut Rng, texts: &[&'t str]) -> &'t str {
    texts
        .get(random.usize(..texts.len()))
        .copied()
        .unwrap_or_default()
}

fn rule(random: &mut Rng) -> String {
    let keys = [
        "exact",
        "prefix",
        "path_separated_prefix",
        "suffix",
        "regex",
    ];
    let key = pick(random, &keys);
    let path = if key == "regex" {
        pick(random, &REGEXES)
    } else {
        pick(random, &PATHS)
    };
    let mut rule = format!(r#""{key}": "{path}""#);
    if random.u8(..3) == 0 {
        rule += &format!(
            r#", "hosts": ["{}", "{}"]"#,
            pick(random, &HOSTS),
            pick(random, &HOSTS)
        );
    }
    if random.u8(..3) == 0 {
        rule += &format!(r#", "request_methods": ["{}"]"#, pick(random, &METHODS));
    }
    if random.u8(..5) == 0 {
        rule += r#", "remote_ips": ["10.0.0.0/8"]"#;
    }
    rule += match random.u8(..4) {
        0 => r#", "exempt": true"#,
        1 => r#", "allow_missing": true, "credentials": ["ok:test"]"#,
        2 => r#", "ignore_case": false, "credentials": ["ok:test"]"#,
        _ => r#", "credentials": ["ok:test"]"#,
    };
    format!("{{{rule}}}")
}

/// A policy of some rules; most configurations are accepted.
fn policy(random: &mut Rng) -> Option<(String, Policy)> {
    let rules: Vec<String> = (0..random.usize(1..6)).map(|_| rule(random)).collect();
    let selection = pick(random, &["all", "first"]);
    let configuration = format!(
        r#"{{"rule_selection": "{selection}", "basic_auth_rules": [{}]}}"#,
        rules.join(", ")
    );
    let policy = Policy::parse(configuration.as_bytes(), &|_| None).ok()?;
    Some((configuration, policy))
}

fn request(random: &mut Rng) -> Request<'static> {
    let mut request = Request {
        method: Some(pick(random, &METHODS).as_bytes()),
        authority: Some(pick(random, &AUTHORITIES).as_bytes()),
        path: Some(pick(random, &REQUESTED).as_bytes()),
        overrides_method: random.u8(..9) == 0,
        overrides_path: random.u8(..9) == 0,
        ..Request::default()
    };
    if random.u8(..5) == 0 {
        request.other_authorities = Vec::from([pick(random, &AUTHORITIES).as_bytes()]);
    }
    request.source = match random.u8(..3) {
        0 => SourceAddress::default(),
        1 => SourceAddress::new(&|| Some([10, 1, 2, 3].into())),
        _ => SourceAddress::new(&|| Some([192, 0, 2, 1].into())),
    };
    request
}

fn worker(policy: &Policy) -> Worker {
    Worker::new(policy.worker_limits(), [7; 32], || Duration::ZERO)
}

#[test]
fn the_index_finds_every_rule_that_applies() {
    let mut random = Rng::with_seed(7617);
    let (mut applied, mut policies) = (0, 0);
    while policies < 2_000 {
        let Some((configuration, policy)) = policy(&mut random) else {
            continue;
        };
        policies += 1;
        for _ in 0..20 {
            let request = request(&mut random);
            let (mut host, mut candidates) = (Vec::new(), Vec::new());
            let subject = policy.subject(&request, &mut host);
            policy.index.candidates(&subject, &mut candidates);
            assert!(
                candidates.is_sorted_by(|a, b| a < b),
                "{configuration}: {candidates:?}"
            );
            for (index, rule) in policy.rules.iter().enumerate() {
                if rule.scope.matches(&subject).is_some() {
                    applied += 1;
                    assert!(
                        candidates.contains(&index),
                        "{configuration}: rule {index}, {request:?}"
                    );
                }
            }
        }
    }
    assert!(applied > 20_000, "{applied}");
}

#[test]
fn a_rule_decides_its_witness() {
    let mut random = Rng::with_seed(2617);
    let (mut found, mut missing) = (0, 0);
    for _ in 0..4_000 {
        let Some((configuration, policy)) = policy(&mut random) else {
            continue;
        };
        for (index, rule) in policy.rules.iter().enumerate() {
            let Some(witness) = policy.witness(index) else {
                missing += 1;
                continue;
            };
            found += 1;
            let source = || witness.source;
            let decision = policy.decide(&witness.request(&source), &mut worker(&policy));
            let allows_missing = rule
                .protection()
                .map(|protection| protection.allows_missing);
            let is_expected = match (&decision, allows_missing) {
                (Decision::Allow(Allowance::Exempt), None) => true,
                (Decision::Allow(Allowance::Missing) | Decision::Deny(_), Some(true)) => true,
                (Decision::Deny(denied), Some(false)) => denied.denial == Denial::NoCredentials,
                _ => false,
            };
            assert!(
                is_expected,
                "{configuration}: rule {index}, {witness:?}, {decision:?}"
            );
        }
    }
    // Nearly every rule of an accepted configuration has one.
    assert!(found > 5_000 && missing * 50 < found, "{found}, {missing}");
}

#[test]
fn an_exemption_opens_what_its_text_says_under_every_reading() {
    let mut random = Rng::with_seed(3986);
    let mut opened = 0;
    for _ in 0..20_000 {
        let text = pick(&mut random, &PATHS);
        let key = pick(
            &mut random,
            &["exact", "prefix", "path_separated_prefix", "suffix"],
        );
        let configuration = format!(
            r#"{{"basic_auth_rules": [{{"{key}": "{text}", "exempt": true}}, {{"prefix": "/", "credentials": ["ok:test"]}}]}}"#
        );
        let Ok(policy) = Policy::parse(configuration.as_bytes(), &|_| None) else {
            continue;
        };
        let request = request(&mut random);
        let decision = policy.decide(&request, &mut worker(&policy));
        if !matches!(decision, Decision::Allow(Allowance::Exempt)) {
            continue;
        }
        opened += 1;
        assert!(!request.overrides_path, "{configuration}: {request:?}");
        // As it is written, and as the client writes what cannot stand in a path.
        let written = text.as_bytes().to_vec();
        let encoded = crate::matching::percent_encoded(&written);
        for reading in Readings::of(request.path).iter() {
            let says = |text: &[u8]| match key {
                "exact" => reading == text,
                "prefix" => reading.starts_with(text),
                "suffix" => reading.ends_with(text),
                _ => reading.strip_prefix(text).is_some_and(|rest| {
                    rest.is_empty() || rest.starts_with(b"/") || text.ends_with(b"/")
                }),
            };
            let decoded = [b"/a".as_slice()].into_iter().filter(|_| text == "/%61");
            let mut texts = [written.as_slice(), &encoded].into_iter().chain(decoded);
            assert!(
                texts.any(says),
                "{configuration}: {request:?}, {}",
                reading.escape_ascii()
            );
        }
    }
    assert!(opened > 500, "{opened}");
}

/// A rule that lets missing credentials pass was proved nothing by a stream that is known from before.
#[test]
fn what_was_not_proved_is_not_remembered() {
    let configuration = br#"{"hide_credentials": true, "basic_auth_rules": [
        {"path_separated_prefix": "/a", "users": "alice:{PLAIN}one"},
        {"path_separated_prefix": "/a/b", "users": "alice:{PLAIN}two", "allow_missing": true},
        {"path_separated_prefix": "/c", "users": "alice:{PLAIN}two"}
    ]}"#;
    let policy = Policy::parse(configuration, &|_| None).unwrap();
    let look = |path: &[u8], credentials: &[&[u8]], record: &[u8]| {
        let recall = || (!record.is_empty()).then(|| record.to_vec());
        let request = Request {
            method: Some(b"GET"),
            authority: Some(b"a.example"),
            path: Some(path),
            credentials: credentials.iter().copied().collect(),
            memory: StreamMemory::new(&recall),
            ..Request::default()
        };
        let mut worker = Worker::new(policy.worker_limits(), [7; 32], || Duration::ZERO);
        match policy.decide(&request, &mut worker) {
            Decision::Allow(Allowance::Authenticated(user)) => policy.record(user, &worker),
            _ => None,
        }
    };
    let first = look(b"/a", &[b"Basic YWxpY2U6b25l"], b"").unwrap();
    // The first one is kept.
    assert_eq!(look(b"/a/b", &[], &first), None);
    let other = look(b"/c", &[b"Basic YWxpY2U6dHdv"], b"").unwrap();
    assert_ne!(other, first);
}
