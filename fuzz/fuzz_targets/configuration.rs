//! Any configuration: it is read or refused, and the refusal holds no secret of it.

#![no_main]

use basic_auth::{FieldValues, Policy, Request, Worker};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

/// This many octets of a secret in an error are a leak.
const LEAK: usize = 6;

fuzz_target!(|configuration: &[u8]| {
    if let Ok(policy) = parse(configuration) {
        decide(&policy);
    }
    let Ok(mut value) = serde_json::from_slice::<Value>(configuration) else {
        return;
    };
    let Err(error) = parse(value.to_string().as_bytes()) else {
        return;
    };
    // The words of an error may occur in a secret by chance. A leak does with every secret.
    let secrets = disguise_secrets(&mut value);
    let other_error = parse(value.to_string().as_bytes()).err();
    for run in secrets.iter().flat_map(|secret| secret.windows(LEAK)) {
        let other_run: Vec<u8> = run.iter().map(disguised).collect();
        let is_in =
            |error: &str, run: &[u8]| error.as_bytes().windows(LEAK).any(|part| part == run);
        let is_leak = other_run != run
            && is_in(&error, run)
            && other_error
                .as_ref()
                .is_some_and(|error| is_in(error, &other_run) && !is_in(error, run));
        // A cost is no secret, and an error says how high it is.
        assert!(
            !is_leak || run.iter().all(u8::is_ascii_digit),
            "{error:?} holds {run:?}"
        );
    }
});

fn parse(configuration: &[u8]) -> Result<Policy, String> {
    let environment = |name: &str| (name == "USERS").then(|| b"env:{PLAIN}environment".to_vec());
    Policy::parse(configuration, &environment).map_err(|error| error.to_string())
}

/// One request, without a password that would have to be verified.
fn decide(policy: &Policy) {
    let mut worker = Worker::new(policy.worker_limits(), [7; 32], || core::time::Duration::ZERO);
    let request = Request {
        method: Some(b"GET"),
        authority: Some(b"example.com"),
        path: Some(b"/a/%2e%2e/b;c?d"),
        credentials: FieldValues::One(b"Basic Og=="),
        ..Request::default()
    };
    policy.decide(&request, &mut worker);
}

/// Replaces the secrets of a configuration by others of the same form, and returns them.
fn disguise_secrets(value: &mut Value) -> Vec<Vec<u8>> {
    let mut secrets = Vec::new();
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                if matches!(key.as_str(), "credentials" | "users") {
                    disguise_texts(value, &mut secrets);
                } else {
                    secrets.extend(disguise_secrets(value));
                }
            }
        }
        Value::Array(values) => secrets.extend(values.iter_mut().flat_map(disguise_secrets)),
        _ => {}
    }
    secrets
}

fn disguise_texts(value: &mut Value, secrets: &mut Vec<Vec<u8>>) {
    match value {
        Value::String(text) => {
            let lines = text.split('\n').map(|line| disguise_line(line, secrets));
            *text = lines.collect::<Vec<_>>().join("\n");
        }
        Value::Array(values) => values
            .iter_mut()
            .for_each(|value| disguise_texts(value, secrets)),
        _ => {}
    }
}

/// What follows the user's name. Without a colon all of the line may be a password.
fn disguise_line(line: &str, secrets: &mut Vec<Vec<u8>>) -> String {
    let (user, secret) = match line.split_once(':') {
        Some((user, secret)) => (format!("{user}:"), secret),
        None => (String::new(), line),
    };
    secrets.push(secret.as_bytes().to_vec());
    let disguise = |character: char| match u8::try_from(character) {
        Ok(octet) if octet.is_ascii() => char::from(disguised(&octet)),
        _ => character,
    };
    user + &secret.chars().map(disguise).collect::<String>()
}

/// Another letter of the same kind. The prefix of a hash mostly becomes that of no format, so
/// that this finds what an error says of the text, and not what it says of a format.
fn disguised(octet: &u8) -> u8 {
    match octet {
        b'a'..=b'z' => (octet - b'a' + 13) % 26 + b'a',
        b'A'..=b'Z' => (octet - b'A' + 13) % 26 + b'A',
        other => *other,
    }
}
