//! What the vectors of `tests/passwords` cannot say.

use super::*;
use base64::Engine;
use fastrand::Rng;

const CAPS: HashCostCaps = HashCostCaps::DEFAULT;

fn parsed(hash: &str) -> Verifier {
    Verifier::parse(hash.as_bytes(), &CAPS).unwrap_or_else(|error| panic!("{hash}: {error}"))
}

fn refused(hash: &str) -> String {
    match Verifier::parse(hash.as_bytes(), &CAPS) {
        Ok(_) => panic!("{hash} is accepted"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn the_known_answer_of_every_format_holds() {
    for format in Format::ALL {
        assert!(known_answer_holds(format), "{format}");
    }
}

#[test]
fn a_dummy_costs_the_same_and_never_matches() {
    let verifier = parsed("$apr1$saltsalt$Yypmi8Gott0lqZLzf57qz1");
    let dummy = verifier.dummy();
    assert!(verifier.verify(b"known answer"));
    assert!(!dummy.verify(b"known answer"));
    assert_eq!(dummy.format(), verifier.format());
    assert_eq!(dummy.estimated_cost(), verifier.estimated_cost());
    assert_ne!(dummy.identity(), verifier.identity());
}

/// The answers of all steps but the last, and the verdict.
fn steps(verifier: &Verifier, password: &[u8]) -> (usize, Verdict) {
    let mut check = verifier.begin(password);
    let mut steps = 1;
    loop {
        if let Progress::Done(verdict) = check.step() {
            assert_eq!(check.step(), Progress::Done(verdict));
            return (steps, verdict);
        }
        steps += 1;
    }
}

#[test]
fn a_slow_check_is_cut_into_steps() {
    let digest = "PPxTK/60YzUzrgsNfEtoNAsvcPQTiBTfeNG5wm97vDY";
    let longest = "a".repeat(MAX_PASSWORD_OCTETS);
    for (hash, password, count) in [
        (
            "$2b$12$14xLvVe/.g1D0FjQQvzHHOIrXStiJRrSTWA7arwdJVrrXiJpIVxGi".to_owned(),
            "a",
            2048,
        ),
        (
            format!("$pbkdf2-sha256$i=600000$c2FsdHNhbHQ${digest}"),
            "a",
            2344,
        ),
        // Two blocks of output, each as slow as one.
        (
            format!("$pbkdf2-sha1$i=10000,l=32$c2FsdHNhbHQ${digest}"),
            "a",
            80,
        ),
        (format!("$6$saltsalt${}", ".".repeat(86)), "a", 20),
        // A round hashes 18 blocks.
        (format!("$6$saltsalt${}", ".".repeat(86)), &longest, 179),
        ("$apr1$saltsalt$Yypmi8Gott0lqZLzf57qz1".to_owned(), "a", 2),
        (format!("$y$j1/$c2FsdHNhbHQ0${}", ".".repeat(43)), "a", 1),
        // These fill memory in one step.
        (format!("$scrypt$ln=1,r=1,p=1$c2FsdHNhbHQ${digest}"), "a", 1),
        (
            format!("$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ${digest}"),
            "a",
            1,
        ),
        // These are done at the beginning.
        ("{SHA}nJEupDMklqeBsMkX9+JmkTcaoP0=".to_owned(), "a", 1),
        ("{PLAIN}b".to_owned(), "a", 1),
        ("!".to_owned(), "a", 1),
    ] {
        let verifier = parsed(&hash);
        let expected = (count, Verdict::Mismatch);
        assert_eq!(steps(&verifier, password.as_bytes()), expected, "{hash}");
        assert_eq!(
            steps(&verifier.dummy(), password.as_bytes()),
            expected,
            "{hash}"
        );
    }
}

#[test]
fn a_check_tells_the_operator_that_a_password_is_too_long() {
    for (hash, longest) in [
        (
            "$2b$04$14xLvVe/.g1D0FjQQvzHHOIrXStiJRrSTWA7arwdJVrrXiJpIVxGi",
            72,
        ),
        ("$apr1$saltsalt$Yypmi8Gott0lqZLzf57qz1", 512),
        ("{SHA}nJEupDMklqeBsMkX9+JmkTcaoP0=", 512),
    ] {
        let verifier = parsed(hash);
        let verdict = |verifier: &Verifier, octets| verifier.begin(&vec![b'a'; octets]).finish();
        assert_eq!(verdict(&verifier, longest), Verdict::Mismatch, "{hash}");
        assert_eq!(verdict(&verifier, longest + 1), Verdict::TooLong, "{hash}");
        // Nobody's password is not too long for anybody.
        assert_eq!(
            verdict(&verifier.dummy(), longest + 1),
            Verdict::Mismatch,
            "{hash}"
        );
    }
    let plain = Verifier::plain(b"a");
    assert_eq!(plain.begin(&[b'a'; 4096]).finish(), Verdict::Mismatch);
}

#[test]
fn a_check_outlives_verifier_and_password_and_shows_nothing() {
    let mut check = {
        let password = b"known answer".to_vec();
        parsed("$apr1$saltsalt$Yypmi8Gott0lqZLzf57qz1").begin(&password)
    };
    assert_eq!(format!("{check:?}"), "Check { is_done: false, .. }");
    assert_eq!(check.step(), Progress::More);
    assert_eq!(check.finish(), Verdict::Match);
}

#[test]
fn a_plain_password_is_the_same_whoever_states_it() {
    let stated = parsed("{PLAIN}open sesame");
    let known = Verifier::plain(b"open sesame");
    assert_eq!(stated.identity(), known.identity());
    assert!(known.verify(b"open sesame"));
    assert!(!known.verify(b"open sesame!"));
    assert!(!known.is_slow());
}

#[test]
fn debug_output_names_the_format_only() {
    let debug = format!("{:?}", parsed("{PLAIN}hunter2"));
    assert_eq!(debug, "Verifier { format: Plain, .. }");
}

#[test]
fn the_estimates_follow_the_table_of_the_design() {
    let milliseconds = |hash| parsed(hash).estimated_cost().as_millis();
    let bcrypt = "$2b$12$14xLvVe/.g1D0FjQQvzHHOIrXStiJRrSTWA7arwdJVrrXiJpIVxGi";
    assert_eq!(milliseconds(bcrypt), 212);
    let argon2 =
        "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$lwGO26pbaxV6AAvdcDp7XMBXoIM+tuDZcMRQLJkbRn8";
    assert_eq!(milliseconds(argon2), 24);
    let scrypt = "$scrypt$ln=14,r=8,p=1$c2FsdHNhbHQ$KCL9Q+5K9WGh4//XJVil/A77zkdahMi+pXuXhlqfxkU";
    assert_eq!(milliseconds(scrypt), 43);
    let pbkdf2 = "$pbkdf2-sha256$i=600000$c2FsdHNhbHQ$PPxTK/60YzUzrgsNfEtoNAsvcPQTiBTfeNG5wm97vDY";
    assert_eq!(milliseconds(pbkdf2), 168);
}

#[test]
fn a_password_over_the_limit_matches_only_if_nothing_is_hashed() {
    let longest = vec![b'a'; MAX_PASSWORD_OCTETS];
    let longer = vec![b'a'; MAX_PASSWORD_OCTETS + 1];
    let hashed = |password: &[u8]| {
        let digest = base64::engine::general_purpose::STANDARD
            .encode(<sha1::Sha1 as sha2::Digest>::digest(password));
        Verifier::parse(format!("{{SHA}}{digest}").as_bytes(), &CAPS).unwrap()
    };
    assert!(hashed(&longest).verify(&longest));
    assert!(!hashed(&longer).verify(&longer));
    assert!(Verifier::plain(&longer).verify(&longer));
}

#[test]
fn sha_crypt_takes_shorter_passwords_the_more_rounds_there_are() {
    let hash = |rounds: u32| format!("$6$rounds={rounds}$saltsalt${}", ".".repeat(86));
    for (rounds, length) in [(5_000, 512), (125_000, 512), (250_000, 256), (500_000, 128)] {
        let verifier = Verifier::parse(hash(rounds).as_bytes(), &CAPS).unwrap();
        let Scheme::ShaCrypt(sha_crypt) = &verifier.scheme else {
            panic!("{rounds}")
        };
        assert_eq!(sha_crypt.longest_password(), length, "{rounds}");
    }
}

#[test]
fn a_plain_password_is_compared_as_a_whole() {
    let verifier = Verifier::plain(b"ab");
    for other in ["", "a", "b", "aba", "abab", "ac", "cb"] {
        assert!(!verifier.verify(other.as_bytes()), "{other}");
    }
    assert!(verifier.verify(b"ab"));
}

#[test]
fn a_cost_over_the_cap_names_the_key_that_raises_it() {
    assert_eq!(
        refused("$2b$14$14xLvVe/.g1D0FjQQvzHHOIrXStiJRrSTWA7arwdJVrrXiJpIVxGi"),
        "bcrypt cost 14 is above the cap of 12; raise max_hash_cost.bcrypt or re-hash"
    );
    let raised = HashCostCaps { bcrypt: 14, ..CAPS };
    let hash = b"$2b$14$14xLvVe/.g1D0FjQQvzHHOIrXStiJRrSTWA7arwdJVrrXiJpIVxGi";
    assert!(Verifier::parse(hash, &raised).is_ok());
}

#[test]
fn no_cap_raises_the_bound_of_time_and_memory() {
    let raised = HashCostCaps {
        bcrypt: 31,
        argon2_memory_kib: u32::MAX,
        ..HashCostCaps::MAXIMUM
    };
    let digest = "$c2FsdHNhbHQ$KCL9Q+5K9WGh4//XJVil/A77zkdahMi+pXuXhlqfxkU";
    for (costs, error) in [
        (
            "$2b$16$14xLvVe/.g1D0FjQQvzHHOIrXStiJRrSTWA7arwdJVrrXiJpIVxGi",
            "bcrypt cost 16 is above 15",
        ),
        (
            "$argon2id$v=19$m=66561,t=1,p=1",
            "argon2id with these parameters needs 66 MiB",
        ),
        (
            "$argon2id$v=19$m=4294967295,t=4294967295,p=1",
            "needs 4194304 MiB",
        ),
        ("$scrypt$ln=17,r=8,p=1", "needs 129 MiB"),
        ("$scrypt$ln=31,r=4294967295,p=4294967295", "MiB of memory"),
        ("$scrypt$ln=1,r=1,p=4294967295", "MiB of memory"),
        (
            "$scrypt$ln=10,r=8,p=900",
            "scrypt ln (at r=8, p=1) of 20 is above 19",
        ),
    ] {
        let hash = if costs.starts_with("$2b$") {
            costs.to_owned()
        } else {
            format!("{costs}{digest}")
        };
        let outcome = Verifier::parse(hash.as_bytes(), &raised).map_err(|error| error.to_string());
        assert!(outcome.is_err_and(|text| text.contains(error)), "{hash}");
    }
}

#[test]
fn the_costs_at_the_cap_are_accepted() {
    let digest = "$c2FsdHNhbHQ$KCL9Q+5K9WGh4//XJVil/A77zkdahMi+pXuXhlqfxkU";
    for costs in [
        "$argon2id$v=19$m=65540,t=6,p=4",
        "$scrypt$ln=16,r=8,p=1",
        "$scrypt$ln=14,r=32,p=1",
        "$scrypt$ln=14,r=8,p=4",
        "$pbkdf2-sha256$i=900000",
        "$pbkdf2-sha512$i=400000,l=32",
    ] {
        let verifier = parsed(&format!("{costs}{digest}"));
        assert!(
            verifier.estimated_cost() < Duration::from_millis(260),
            "{costs}"
        );
        assert!(verifier.is_slow(), "{costs}");
    }
}

fn mutate(text: &mut Vec<u8>, random: &mut Rng) {
    const OCTETS: &[u8] = b"$$$,,==:*!{}[]./+0123456789AZaz \t\r\n#\0\x7f\xff";
    let position = random.usize(..=text.len());
    let octet = OCTETS
        .iter()
        .copied()
        .cycle()
        .nth(random.usize(..OCTETS.len()))
        .unwrap_or_default();
    match random.usize(..4) {
        0 => text.insert(position, octet),
        1 => text.truncate(position),
        _ if position == text.len() => text.push(octet),
        2 => drop(text.remove(position)),
        _ => drop(text.splice(position..=position, [octet])),
    }
}

#[test]
fn no_mutation_of_a_hash_panics_or_matches_another_password() {
    // Low caps, so that no mutation of a cost makes the test slow.
    let caps = HashCostCaps {
        bcrypt: 4,
        argon2_memory_times_passes: 128,
        scrypt_log_n: 4,
        sha_crypt_rounds: 1000,
        ..CAPS
    };
    let mut random = Rng::with_seed(1);
    for round in 0..20_000 {
        let format = Format::ALL
            .into_iter()
            .nth(round % Format::ALL.len())
            .unwrap_or(Format::Sha);
        let mut hash = known_answer::hash(format).to_vec();
        for _ in 0..=random.usize(..4) {
            mutate(&mut hash, &mut random);
        }
        if let Ok(verifier) = Verifier::parse(&hash, &caps)
            && !verifier.is_slow()
        {
            assert!(
                !verifier.verify(b"another password"),
                "{}",
                hash.escape_ascii()
            );
        }
    }
}
