//! Any htpasswd text and any hash: read or refused, and what was read verifies.

#![no_main]

use std::time::Duration;

use basic_auth::{HashCostCaps, Verifier, parse_htpasswd};
use libfuzzer_sys::fuzz_target;

/// Low, so that most of what is accepted is verified.
const CAPS: HashCostCaps = HashCostCaps {
    bcrypt: 4,
    argon2_memory_kib: 64,
    argon2_memory_times_passes: 128,
    scrypt_log_n: 4,
    yescrypt_log_n: 4,
    sha_crypt_rounds: 1000,
    pbkdf2_sha1_iterations: 10,
    pbkdf2_sha256_iterations: 10,
    pbkdf2_sha512_iterations: 10,
};

/// What costs more is not verified here.
const CHEAP: Duration = Duration::from_millis(3);

fuzz_target!(|text: &[u8]| {
    match parse_htpasswd(text, &CAPS) {
        Ok(entries) => {
            for (user, verifier) in &entries {
                let is_sendable = !user.is_empty()
                    && !user
                        .iter()
                        .any(|octet| *octet == b':' || octet.is_ascii_control());
                assert!(is_sendable, "no request can name {user:?}");
                verify(verifier);
            }
        }
        Err(error) => drop(error.to_string()),
    }
    match Verifier::parse(text, &CAPS) {
        Ok(verifier) => verify(&verifier),
        Err(error) => drop(error.to_string()),
    }
});

fn verify(verifier: &Verifier) {
    if verifier.estimated_cost() > CHEAP {
        return;
    }
    // A locked user and a long password have no match; the others must only come to an end.
    let _ = verifier.verify(b"password");
    assert!(!verifier.dummy().verify(b"password"), "a dummy matched");
    assert!(verifier.format().name() != "locked" || !verifier.verify(b"*"));
}
