//! Any values of the credentials' field: accepted exactly if they are what RFC 7617 says of a
//! configured user.
//!
//! The first octet of the input says how the rest becomes values: as it is, in base64, or split.

#![no_main]

use std::cell::RefCell;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use basic_auth::{Allowance, Decision, FieldValues, Policy, Request, Worker};
use libfuzzer_sys::fuzz_target;

const CONFIGURATION: &str = r#"{"basic_auth_rules": [{
    "prefix": "/",
    "credentials": ["Aladdin:open sesame", "a:b:c"],
    "users": ["test:{PLAIN}123£", "locked:!", "é:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "out:{PLAIN}out"],
    "allow": ["Aladdin", "a", "test", "locked", "é"]
}]}"#;

/// Who may pass, and with what.
const USERS: [(&str, &str); 4] = [
    ("Aladdin", "open sesame"),
    ("a", "b:c"),
    ("test", "123£"),
    ("é", "password"),
];

const LONGEST: usize = 8 * 1024;

thread_local! {
    static FILTER: RefCell<(&'static Policy, Worker)> = RefCell::new(filter());
}

fn filter() -> (&'static Policy, Worker) {
    let policy =
        Policy::parse(CONFIGURATION.as_bytes(), &|_| None).expect("a configuration that holds");
    let worker = Worker::new(policy.worker_limits(), [7; 32], || Duration::ZERO);
    (Box::leak(Box::new(policy)), worker)
}

fuzz_target!(|input: &[u8]| {
    let Some((form, rest)) = input.split_first() else {
        return;
    };
    let values: Vec<Vec<u8>> = match form % 4 {
        0 => Vec::new(),
        1 => vec![[b"Basic ", STANDARD.encode(rest).as_bytes()].concat()],
        2 => rest
            .split(|octet| *octet == b'\n')
            .map(<[u8]>::to_vec)
            .collect(),
        _ => vec![rest.to_vec()],
    };
    let expected = match &values[..] {
        [value] => read(value),
        _ => None,
    };
    FILTER.with_borrow_mut(|(policy, worker)| {
        let credentials: FieldValues = values.iter().map(Vec::as_slice).collect();
        let request = Request {
            method: Some(b"GET"),
            authority: Some(b"example.com"),
            path: Some(b"/"),
            credentials,
            ..Request::default()
        };
        let accepted = match policy.decide(&request, worker) {
            Decision::Allow(Allowance::Authenticated(user)) => Some(user.as_octets()),
            Decision::Deny(_) => None,
            Decision::Hold(held) => panic!("{held:?}"),
            Decision::Allow(other) => panic!("{}", other.name()),
        };
        assert_eq!(accepted, expected.map(str::as_bytes));
    });
});

/// The user whose credentials these are, read octet by octet: RFC 9110, 11.4 and RFC 7617, 2.
fn read(value: &[u8]) -> Option<&'static str> {
    let (scheme, rest) = value.split_at_checked(5)?;
    let token = rest.trim_ascii_start();
    let spaces = rest.len() - token.len();
    let is_basic = scheme.eq_ignore_ascii_case(b"basic")
        && spaces > 0
        && rest[..spaces].iter().all(|octet| *octet == b' ');
    if !is_basic || value.len() > LONGEST {
        return None;
    }
    let user_pass = decode(token)?;
    let expected =
        |(user, password): &&(&str, &str)| user_pass == format!("{user}:{password}").as_bytes();
    USERS.iter().find(expected).map(|(user, _)| *user)
}

/// Base64 (RFC 4648, 4), bit by bit: padded or not, and the bits that are left over are zero.
fn decode(token: &[u8]) -> Option<Vec<u8>> {
    let end = token
        .iter()
        .position(|octet| *octet == b'=')
        .unwrap_or(token.len());
    let (digits, padding) = token.split_at(end);
    let is_padded = padding.iter().all(|octet| *octet == b'=')
        && padding.len() <= 2
        && token.len().is_multiple_of(4);
    if !padding.is_empty() && !is_padded {
        return None;
    }
    let mut bits = Vec::new();
    for digit in digits {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits.extend((0..6).rev().map(|bit| value >> bit & 1));
    }
    let octets = bits.chunks_exact(8);
    let is_complete =
        octets.remainder().iter().all(|bit| *bit == 0) && octets.remainder().len() < 6;
    let decoded = octets.map(|bits| bits.iter().fold(0, |octet, bit| octet << 1 | bit));
    is_complete.then(|| decoded.collect())
}
