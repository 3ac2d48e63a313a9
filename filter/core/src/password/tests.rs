//! What the vectors of `tests/passwords` cannot say.

use super::*;
use base64::Engine;

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
        ("$argon2id$v=19$m=65537,t=1,p=1", "64 MiB"),
        ("$argon2id$v=19$m=4294967295,t=4294967295,p=1", "64 MiB"),
        ("$scrypt$ln=17,r=8,p=1", "64 MiB"),
        ("$scrypt$ln=31,r=4294967295,p=4294967295", "64 MiB"),
        ("$scrypt$ln=1,r=1,p=4294967295", "64 MiB"),
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
        "$argon2id$v=19$m=65536,t=6,p=4",
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

/// A deterministic generator (xorshift64*), so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let value = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        value as usize % limit.max(1)
    }
}

fn mutate(text: &mut Vec<u8>, random: &mut Random) {
    const OCTETS: &[u8] = b"$$$,,==:*!{}[]./+0123456789AZaz \t\r\n#\0\x7f\xff";
    let position = random.below(text.len() + 1);
    let octet = OCTETS
        .iter()
        .copied()
        .cycle()
        .nth(random.below(OCTETS.len()))
        .unwrap_or_default();
    match random.below(4) {
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
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for round in 0..20_000 {
        let format = Format::ALL
            .into_iter()
            .nth(round % Format::ALL.len())
            .unwrap_or(Format::Sha);
        let mut hash = known_answer::hash(format).to_vec();
        for _ in 0..=random.below(4) {
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

#[test]
fn no_mutation_of_an_htpasswd_text_panics_or_shows_a_hash() {
    let text =
        b"# users\r\nalice:$apr1$saltsalt$Yypmi8Gott0lqZLzf57qz1\r\n\nbob:{PLAIN}hunter2:3\n";
    let mut random = Random(42);
    for _ in 0..20_000 {
        let mut text = text.to_vec();
        for _ in 0..=random.below(4) {
            mutate(&mut text, &mut random);
        }
        if let Err(error) = parse_htpasswd(&text, &CAPS) {
            // The hash may have become the user name, when its line lost its start.
            let shown = error.problem.to_string();
            assert!(
                !shown.contains("Yypmi8") && !shown.contains("hunter"),
                "{shown}"
            );
        }
    }
}

fn entries(text: &str) -> Result<Vec<String>, String> {
    parse_htpasswd(text.as_bytes(), &CAPS)
        .map(|entries| {
            let shown = |(user, verifier): (Vec<u8>, Verifier)| {
                format!("{} {}", user.escape_ascii(), verifier.format())
            };
            entries.into_iter().map(shown).collect()
        })
        .map_err(|error| error.to_string())
}

#[test]
fn htpasswd_text_is_read_by_lines() {
    let text = "\u{feff}# comment\r\n\r\n  alice:{PLAIN}one\r\n\t# another\nb o b:*\t \nc:!";
    assert_eq!(
        entries(text),
        Ok(vec![
            "alice {PLAIN}".into(),
            "b o b locked".into(),
            "c locked".into()
        ])
    );
    assert_eq!(entries(""), Ok(vec![]));
    assert_eq!(entries("a:{PLAIN}with:colon"), Ok(vec!["a {PLAIN}".into()]));
}

#[test]
fn an_htpasswd_error_names_line_and_user() {
    for (text, expected) in [
        ("\n\nbob:x", "line 3 (user \"bob\"): not a password hash; "),
        ("secret", "line 1: there is no `:`"),
        (":*", "line 1: the user name is empty"),
        (
            "bob :*",
            "line 1 (user \"bob \"): the user name is empty or ends with a blank",
        ),
        (
            "b\u{1}b:*",
            "line 1 (user \"b\\u{1}b\"): the user name has a control character",
        ),
        ("bob: *", "line 1 (user \"bob\"): there is a blank"),
        ("bob:{PLAIN}x ", "line 1 (user \"bob\"): there is a blank"),
        ("bob:*:1", "line 1 (user \"bob\"): there is a third field"),
        ("bob:", "line 1 (user \"bob\"): there is no password hash"),
        ("b\"ob:x", "line 1 (user \"b\\\"ob\"): "),
        (
            "bob:$2b$14$14xLvVe/.g1D0FjQQvzHHOIrXStiJRrSTWA7arwdJVrrXiJpIVxGi",
            "line 1 (user \"bob\"): bcrypt cost 14 is above the cap of 12; raise max_hash_cost.bcrypt or re-hash",
        ),
    ] {
        let error = entries(text).expect_err(text);
        assert!(error.starts_with(expected), "{error}");
    }
    let long = entries(&format!("{}:x", "é".repeat(100))).expect_err("a bare text");
    assert!(long.contains(&format!("\"{}\"", "é".repeat(64))), "{long}");
}
