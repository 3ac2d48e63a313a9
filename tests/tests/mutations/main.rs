//! Ten thousand accidents to good configurations and user lists: each is refused, or means what it says; and
//! nothing that is secret is shown.

#![cfg(not(target_arch = "wasm32"))]

mod accidents;
mod good;
mod meaning;

use basic_auth::Policy;
use fastrand::Rng;
use good::{ACCOUNTS, PLAIN};
use meaning::Meaning;
use serde_json::Value;

const ACCIDENTS: usize = 5_000;

/// What the log gets of a configuration: why it is refused, or what it is.
fn load(text: &[u8], users: &str) -> (Option<Policy>, String) {
    let variable = |name: &str| (name == "USERS").then(|| users.as_bytes().to_vec());
    match Policy::parse(text, &variable) {
        Ok(policy) => {
            let log = format!("{}\n{}", policy.summary(), policy.warnings().join("\n"));
            (Some(policy), log)
        }
        Err(error) => (None, error.to_string()),
    }
}

/// Panics if a text has a password, or what could be used to find one.
fn assert_keeps_secrets(log: &str, what: &str) {
    for account in ACCOUNTS.iter().chain([&PLAIN]) {
        let digest = &account.hash[account.hash.len() - 12..];
        for secret in [account.password, account.hash, digest] {
            let is_shown = log.to_lowercase().contains(&secret.to_lowercase());
            assert!(!is_shown, "{log}\nshows {secret:?}, of:\n{what}");
        }
    }
}

#[test]
fn a_user_list_after_an_accident_lets_in_whom_it_names_or_is_refused() {
    let mut random = Rng::with_seed(16);
    let mut loaded = 0;
    for number in 0..ACCIDENTS {
        // Slow hashes now and then.
        let count = [5, 3, 2][usize::from(number % 50 > 0) + usize::from(number % 10 > 0)];
        let original = good::users(count);
        let users = accidents::to_users(&original, &mut random);
        let mut configuration = good::configuration(&users);
        if random.bool() {
            configuration["users_env"] = "USERS".into();
            configuration
                .as_object_mut()
                .expect("an object")
                .remove("users");
        }
        let (policy, log) = load(configuration.to_string().as_bytes(), &users);
        assert_keeps_secrets(&log, &users);
        let Some(policy) = policy else { continue };
        loaded += 1;
        let meaning = Meaning::new(&policy, &users);
        meaning.assert_unchanged_users(&original);
        meaning.assert_nobody_else();
    }
    // Blanks, comments and the like mean nothing: many accidents do no harm.
    assert!(
        (ACCIDENTS / 20..ACCIDENTS).contains(&loaded),
        "{loaded} loaded"
    );
}

#[test]
fn a_configuration_after_an_accident_means_what_it_says_or_is_refused() {
    let mut random = Rng::with_seed(61);
    let original = good::configuration(&good::users(2));
    let pretty = serde_json::to_string_pretty(&original).expect("JSON");
    let (mut same, mut different) = (0, 0);
    for _ in 0..ACCIDENTS {
        let text = accidents::to_octets(pretty.as_bytes(), &mut random);
        let shown = String::from_utf8_lossy(&text);
        let (policy, log) = load(&text, "");
        assert_keeps_secrets(&log, &shown);
        let Some(policy) = policy else { continue };
        let value: Value = serde_json::from_slice(&text).expect("what loads is JSON");
        let meaning = Meaning::new(&policy, value["users"].as_str().unwrap_or_default());
        if value == original {
            same += 1;
        } else {
            different += 1;
        }
        meaning.assert_unchanged_rules(&original, &value);
        meaning.assert_nobody_else();
    }
    assert!(same > ACCIDENTS / 50, "{same} mean the same");
    assert!(
        different > ACCIDENTS / 50,
        "{different} mean something else"
    );
}
