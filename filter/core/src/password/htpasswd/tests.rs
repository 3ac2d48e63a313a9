//! Lines as people really have them, and what the error says of each.

mod accidents;

use super::*;

const CAPS: HashCostCaps = HashCostCaps::DEFAULT;

/// Of `open sesame`.
const BCRYPT: &str = "$2b$04$qbvIx6NFuDEAaWbZ4UFSZOvVokJJ4sZXs7efRy0DF3924CUzoc8hq";
const SHA: &str = "{SHA}W8r/fyL/UzygmbNAjq2HbA67qac=";

/// The user, the format and whether `open sesame` is the password, of each line.
fn users(text: &str) -> Result<Vec<String>, String> {
    let users = parse_htpasswd_users(text.as_bytes(), &CAPS).map_err(|error| error.to_string())?;
    let shown = |user: HtpasswdUser| {
        let HtpasswdUser {
            line,
            name,
            verifier,
        } = user;
        let is_right = verifier.verify(b"open sesame");
        let format = verifier.format();
        format!("{line} {} {format} {is_right}", name.escape_ascii())
    };
    Ok(users.into_iter().map(shown).collect())
}

fn check_loads(text: &str, expected: &[&str]) {
    let expected = expected.iter().map(|user| (*user).to_owned()).collect();
    assert_eq!(users(text), Ok(expected), "{text}");
}

fn check_refused(text: &str, expected: &str) {
    assert_eq!(users(text), Err(expected.to_owned()), "{text}");
}

#[test]
fn text_is_read_by_lines() {
    let text = "\u{feff}# comment\r\n\r\n  alice:{PLAIN}one\r\n\t# another\nb o b:*\t \nc:!";
    check_loads(
        text,
        &[
            "3 alice {PLAIN} false",
            "5 b o b locked false",
            "6 c locked false",
        ],
    );
    check_loads("", &[]);
    check_loads("a:{PLAIN}with:colon", &["1 a {PLAIN} false"]);
}

#[test]
fn a_byte_order_mark_is_skipped_at_the_start_of_every_line() {
    let text = format!("\u{feff}a:{SHA}\n\u{feff} b:{SHA}\n \u{feff}\u{feff}c:{SHA}\n\u{feff}\n");
    check_loads(
        &text,
        &["1 a {SHA} true", "2 b {SHA} true", "3 c {SHA} true"],
    );
}

#[test]
fn what_follows_the_colon_of_a_hash_is_a_comment() {
    for hash in [
        BCRYPT,
        SHA,
        "{PBKDF2}$1$2d09bkwPjqe5c8hh$5000$e92535726ec73111307d7c54eff7185620667993",
    ] {
        let format = Verifier::parse(hash.as_bytes(), &CAPS).unwrap().format();
        for comment in [
            "",
            "autocreated 2024-05-01T10:00:00.000Z",
            "19000:0:99999:7:::",
        ] {
            let text = format!("alice:{hash}:{comment}");
            check_loads(&text, &[&format!("1 alice {format} true")]);
        }
    }
    // The hashes of Werkzeug hold colons themselves.
    let werkzeug = "scrypt:2:1:1$saltsalt$";
    let text = format!("alice:{werkzeug}{}:comment", "0".repeat(128));
    check_loads(&text, &["1 alice scrypt false"]);
    check_loads("alice:*:left in May", &["1 alice locked false"]);
    // The comment may not hide a user.
    check_refused(
        &format!("alice:{BCRYPT}:autocreated 2024\\nbob:{BCRYPT}"),
        "line 1 (user \"alice\"): there are several users, with a `\\n` that is no line end between \
         them; each has a line of its own",
    );
}

#[test]
fn users_are_locked_by_a_mark_alone_or_before_a_hash() {
    for field in [
        "*",
        "!",
        "!!",
        "!*",
        &format!("!{BCRYPT}"),
        &format!("!!{BCRYPT}"),
        &format!("!{SHA}"),
        // Whatever a verification would cost.
        "!$2b$31$qbvIx6NFuDEAaWbZ4UFSZOvVokJJ4sZXs7efRy0DF3924CUzoc8hq",
        "!$P$57u1cAA6UYC3LCFfthll2igHvwEbcM0",
    ] {
        check_loads(&format!("alice:{field}"), &["1 alice locked false"]);
    }
    for field in ["!secret123", "!!secret", "! ", "!*x", "!x", "!*!"] {
        let expected = "line 1 (user \"alice\"): not a password hash behind `!`; a locked user is `*`, \
                        or `!` alone or before a hash";
        if field != "! " {
            check_refused(&format!("alice:{field}"), expected);
        }
    }
}

#[test]
fn an_error_names_line_and_user() {
    let not_a_hash = "not a password hash; re-hash with bcrypt, e.g. by `htpasswd -nB -C 10`, or write a \
                      password as it is after `{PLAIN}`";
    check_refused("\n\nbob:y", &format!("line 3 (user \"bob\"): {not_a_hash}"));
    check_refused(
        "b\"ob:y",
        &format!("line 1 (user \"b\\\"ob\"): {not_a_hash}"),
    );
    let long = format!("{}:y", "é".repeat(100));
    let shown = "é".repeat(64);
    check_refused(&long, &format!("line 1 (user \"{shown}\"): {not_a_hash}"));
    for (text, expected) in [
        ("secret", "line 1: there is no `:`; a line is `user:hash`"),
        (":*", "line 1: the user name is empty or ends with a blank"),
        (
            "bob :*",
            "line 1 (user \"bob \"): the user name is empty or ends with a blank",
        ),
        (
            "b\u{1}b:*",
            "line 1 (user \"b\\u{1}b\"): the user name has a control character",
        ),
        (
            "bob: *",
            "line 1 (user \"bob\"): there is a blank before the hash or after a plain password",
        ),
        (
            "bob:{PLAIN}x ",
            "line 1 (user \"bob\"): there is a blank before the hash or after a plain password",
        ),
        (
            "bob:",
            "line 1 (user \"bob\"): there is no password hash; `*` stands for a locked user",
        ),
        (
            "bob:$2b$14$14xLvVe/.g1D0FjQQvzHHOIrXStiJRrSTWA7arwdJVrrXiJpIVxGi",
            "line 1 (user \"bob\"): bcrypt cost 14 is above the cap of 12; raise max_hash_cost.bcrypt or re-hash",
        ),
    ] {
        check_refused(text, expected);
    }
}

/// The error of a hash in the line of `alice`.
fn check_hash_refused(field: &str, expected: &str) {
    let expected = format!("line 1 (user \"alice\"): {expected}");
    check_refused(&format!("alice:{field}"), &expected);
}

#[test]
fn a_damaged_hash_is_told_its_cause() {
    let doubled = "every `$` is doubled, which only a Compose file needs; write each once";
    check_hash_refused(&BCRYPT.replace('$', "$$"), doubled);
    check_hash_refused("$$apr1$$saltsalt$$Yypmi8Gott0lqZLzf57qz1", doubled);
    let escaped = "there is a backslash before each `$`; remove the backslashes";
    check_hash_refused(&BCRYPT.replace('$', "\\$"), escaped);
    let quoted = "there are quotes around the password hash; remove them";
    check_hash_refused(&format!("\"{BCRYPT}\""), quoted);
    check_hash_refused(&format!("'{SHA}'"), quoted);
    let behind = "there is something behind the password hash; a comment follows after a `:`";
    for rest in [" # the boss", "\"", "'", ",", ";", "\\n", " ops", "\\r"] {
        check_hash_refused(&format!("{BCRYPT}{rest}"), behind);
        check_hash_refused(&format!("{SHA}{rest}"), behind);
    }
    check_hash_refused("* # left", behind);
    let before = "there is something in front of the password hash; remove it";
    check_hash_refused(&format!("#{BCRYPT}"), before);
    check_hash_refused(&format!("bcrypt {SHA}"), before);
    let invisible = "there is an invisible character around the password hash; remove it";
    check_hash_refused(&format!("\u{200b}{BCRYPT}"), invisible);
    check_hash_refused(&format!("{SHA}\u{a0}"), invisible);
}

#[test]
fn what_a_shell_leaves_of_a_hash_is_told() {
    let expanded = "this is what is left of a password hash, perhaps by a shell, which takes `$` for \
                    variables; put the hash into single quotes";
    for left in [
        // bash, by its path, and sh, of `$2y$05$Uz2W…/LAFkpk…` and of `$2a$10$….8c`.
        "ybash5/LAFkpkYJIe4CL0kQk1Y6b2yTy1xKxGcqZ1Zpya",
        "y/bin/bash5/LAFkpkYJIe4CL0kQk1Y6b2yTy1xKxGcqZ1Zpya",
        "ash0.8c",
        // make.
        "y5z2Wq1vOnhoaLAFkpkYJIe4CL0kQk1Y6b2yTy1xKxGcqZ1ZpyaUjm",
        // `$argon2id$v=19$m=…`, `$6$rounds=5000$…`, `$pbkdf2-sha256$29000$…`.
        "=19=65536,t=3,p=4",
        "=5000/OFKk",
        "-sha2569000/X",
        // `$apr1$salt/alt$…`.
        "/alt.lqZLzf57qz1",
        // The first `$` alone, and all behind the second.
        "2y$05$Uz2Wq1vOnhoaLAFkpkYJIe4CL0kQk1Y6b2yTy1xKxGcqZ1ZpyaUjm",
        "$2y$05",
        "$apr1$",
    ] {
        check_hash_refused(left, expanded);
    }
}

#[test]
fn a_digest_in_another_encoding_is_told() {
    let hexadecimal = "a digest in hexadecimal does not say how it was made; re-hash with bcrypt, e.g. \
                       by `htpasswd -nB -C 10`";
    for digits in [32, 40, 64, 128] {
        check_hash_refused(&"0aF9".repeat(digits / 4), hexadecimal);
    }
    check_hash_refused("*6BB4837EB74329105EE4568DDA7DC67ED2CA2AD9", hexadecimal);
    check_hash_refused(&format!("sha256:{}", "0aF9".repeat(16)), hexadecimal);
    let base64 = "this is the base64 of a password hash; write what it decodes to";
    for text in [BCRYPT, SHA, &format!("alice:{BCRYPT}")] {
        let encoded = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, text);
        check_hash_refused(&encoded, base64);
        check_hash_refused(encoded.trim_end_matches('='), base64);
    }
    let no_label =
        "this is a digest without its label, such as `{SHA}`, or the base64 of something else";
    check_hash_refused(SHA.trim_start_matches("{SHA}"), no_label);
    check_hash_refused(
        "x",
        "`x` stands for a password hash in /etc/shadow; take the user's line from there",
    );
}

#[test]
fn a_hash_is_no_plain_password() {
    let hash_as_plain = "what stands after `{PLAIN}` is a password hash, and would be the password \
                         itself; remove `{PLAIN}`";
    for hash in [
        BCRYPT,
        SHA,
        "$2b$04$qbvIx6NFuDEAaWbZ4UFSZOv",
        "pbkdf2_sha256$1000$salt$digest",
    ] {
        check_hash_refused(&format!("{{PLAIN}}{hash}"), hash_as_plain);
        let doubled = hash.replace('$', "$$");
        check_hash_refused(&format!("{{PLAIN}}{doubled}"), hash_as_plain);
    }
    for password in [
        "$2 bills",
        "{x}",
        "$money$is all that counts",
        "*",
        "!x",
        "0aF9".repeat(8).as_str(),
    ] {
        check_loads(
            &format!("alice:{{PLAIN}}{password}"),
            &["1 alice {PLAIN} false"],
        );
    }
}

#[test]
fn several_users_on_a_line_are_told() {
    for (between, name) in [
        (",", "a comma"),
        (" ", "a blank"),
        ("\\n", "a `\\n` that is no line end"),
        (";", "a semicolon"),
        (", ", "a blank"),
    ] {
        for first in [BCRYPT, SHA, "*", "{PLAIN}hunter2", "{PLAIN}hunter2:x"] {
            for second in [BCRYPT, SHA, "{PLAIN}hunter3", "*", "!!"] {
                check_refused(
                    &format!("alice:{first}{between}bob:{second}"),
                    &format!(
                        "line 1 (user \"alice\"): there are several users, with {name} between them; \
                         each has a line of its own"
                    ),
                );
            }
        }
    }
    check_refused(
        &format!("alice:{BCRYPT}\rbob:{SHA}\r"),
        "line 1: there is a carriage return amid the line; lines end with LF or CRLF",
    );
}

#[test]
fn a_line_of_another_kind_of_file_is_told() {
    let hash_first =
        "line 1: it starts with what should follow the user's name; a line is `user:hash`";
    for hash in [
        BCRYPT,
        SHA,
        "$apr1$saltsalt$Yypmi8Gott0lqZLzf57qz1",
        "{PLAIN}hunter2",
    ] {
        check_refused(&format!("{hash}:alice"), hash_first);
        check_refused(&format!("{hash}:{SHA}"), hash_first);
        check_refused(hash, hash_first);
    }
    check_refused(
        "alice:private area:939e7578ed9e3c518a452acee763bce9",
        "line 1 (user \"alice\"): this is a line of an htdigest file, for another scheme; make one by \
         `htpasswd -B`",
    );
    let two_colons = "line 1 (user \"alice\"): there are two colons; a line is `user:hash`";
    check_refused("alice::hunter2", two_colons);
    check_refused(&format!("alice::{BCRYPT}"), two_colons);
    let file = format!("alice:{BCRYPT}\nbob:{SHA}\n");
    let encoded = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, file);
    check_refused(
        &encoded,
        "line 1: this is the base64 of a user list; write what it decodes to",
    );
    check_refused(
        &format!("- alice:{BCRYPT}"),
        "line 1: it starts with `- `; a line is `user:hash`",
    );
}

#[test]
fn quotes_and_invisible_characters_make_no_other_user() {
    let quoted = "line 1: there are quotes around it, which belong to it; remove them";
    for quote in ['"', '\'', '`'] {
        check_refused(&format!("{quote}alice:{BCRYPT}{quote}"), quoted);
        check_refused(&format!("{quote}alice:{BCRYPT}{quote},"), quoted);
        check_refused(&format!("{quote}alice{quote}:{BCRYPT}"), quoted);
        check_refused(&format!("{quote}alice:{{PLAIN}}hunter2{quote}"), quoted);
    }
    for character in [
        '\u{feff}', '\u{200b}', '\u{a0}', '\u{ad}', '\u{2028}', '\u{85}', '\u{3000}', '\u{200d}',
    ] {
        for name in [format!("alice{character}"), format!("{character}alice")] {
            // At the start of a line, a byte order mark is skipped.
            if name.starts_with('\u{feff}') {
                continue;
            }
            let error = users(&format!("{name}:{SHA}")).expect_err("an invisible character");
            let expected = "): an invisible character is at an end of the user name or the plain \
                            password; remove it";
            assert!(error.ends_with(expected), "{error}");
        }
        let plain = users(&format!("alice:{{PLAIN}}hunter2{character}"));
        assert!(plain.is_err(), "{character:?}");
    }
    // Amid a name they are the writer's.
    check_loads(
        &format!("a\u{200d}b:{SHA}"),
        &["1 a\\xe2\\x80\\x8db {SHA} true"],
    );
}

#[test]
fn nothing_is_shown_that_could_be_a_secret() {
    for text in [
        "5f4dcc3b5aa765d61d8327deb882cf99:hunter2",
        "W8r/fyL/UzygmbNAjq2HbA67qac=:alice",
        "bob{PLAIN}hunter2:3",
        "x$2b$04$qbvIx6NFuDEAaWbZ4UFSZOvVokJJ4sZXs7efRy0DF3924CUzoc8hq:alice",
        "$admin:y",
    ] {
        let error = users(text).expect_err(text);
        assert!(error.starts_with("line 1: "), "{error}");
    }
    // A `$` may stand in a name; it is only not shown.
    check_loads(&format!("host$:{SHA}"), &["1 host$ {SHA} true"]);
}
