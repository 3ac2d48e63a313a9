//! Random accidents that befall a user list: it loads and means the same, or is refused, and no error
//! shows a password or a hash.

use super::{BCRYPT, CAPS, SHA};
use crate::password::{HtpasswdUser, parse_htpasswd_users};
use fastrand::Rng;

fn one_of<T: Copy>(choices: &[T], random: &mut Rng) -> T {
    choices[random.usize(..choices.len())]
}

/// What stands after the colons, and what must not be shown of it.
const FIELDS: [(&str, &str); 12] = [
    (
        BCRYPT,
        "qbvIx6NFuDEAaWbZ4UFSZOvVokJJ4sZXs7efRy0DF3924CUzoc8hq",
    ),
    (SHA, "W8r/fyL/UzygmbNAjq2HbA67qac="),
    (
        "$apr1$saltsalt$Yypmi8Gott0lqZLzf57qz1",
        "Yypmi8Gott0lqZLzf57qz1",
    ),
    ("{PLAIN}correct horse:battery", "correct horse:battery"),
    ("{PLAIN}hunter2", "hunter2"),
    ("*", "\0"),
    (
        "!$1$saltsalt$vvCky5bDDvoZuHXerWdwR.",
        "vvCky5bDDvoZuHXerWdwR.",
    ),
    (
        "{BLF-CRYPT}$2y$05$7IbjK1QVOYQTZZoek7Rup.uGy6.Ej9yiqQQlgYlEHT6CXd5qOUyIm",
        "7IbjK1QVOYQTZZoek7Rup.uGy6.Ej9yiqQQlgYlEHT6CXd5qOUyIm",
    ),
    (
        "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$59VJuj9HND9twqKjJXSk0AbMwIzezcmEQLtP7Rj0F7Q",
        "59VJuj9HND9twqKjJXSk0AbMwIzezcmEQLtP7Rj0F7Q",
    ),
    (
        "pbkdf2:sha256:1000$saltsalt$97cde38028ad898ebc02e690819fa220e88c62e0699403e94fff291cfffaf841",
        "97cde38028ad898ebc02e690819fa220e88c62e0699403e94fff291cfffaf841",
    ),
    (
        "$7$101$pJSDJc8K+KVDml+c$eOQNJ4HDUNt9VBR0CUxY5bXBfIqCsMaKxfKiafzg18MxHkzGnF7kPk3D/qc1/q839VwZbxfCwBTiY0ONNImssQ==",
        "eOQNJ4HDUNt9VBR0CUxY5bXBfIqCsMaKxfKiafzg18MxHkzGnF7kPk3D",
    ),
    (
        "$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy:autocreated 2024",
        "N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy",
    ),
];

const NAMES: [&str; 6] = [
    "alice",
    "bob",
    "carol@example.com",
    "d.e-f_g",
    "jürgen",
    "b o b",
];

/// A list of users with different names.
fn good_lines(random: &mut Rng) -> Vec<String> {
    let first = random.usize(..NAMES.len());
    let names = NAMES.iter().cycle().skip(first);
    let count = 1 + random.usize(..3);
    let line = |name: &&str| format!("{name}:{}", one_of(&FIELDS, random).0);
    names.take(count).map(line).collect()
}

/// Something that happens to one line.
fn befall_line(line: &str, random: &mut Rng) -> String {
    let (user, field) = line.split_once(':').unwrap_or_default();
    // What can be seen at a name or a plain password may be meant.
    let unseen = ["\u{feff}", " ", "\t", "\u{200b}", "\r"];
    let seen = ["\"", "'", ",", ";", "\\n", "$", "#", "\\", " # x"];
    let behind = if field.starts_with("{PLAIN}") || random.usize(..2) == 0 {
        one_of(&unseen, random)
    } else {
        one_of(&seen, random)
    };
    let before = if random.usize(..2) == 0 {
        one_of(&unseen, random)
    } else {
        one_of(&seen, random)
    };
    match random.usize(..16) {
        0 => format!("{}{line}", one_of(&unseen, random)),
        1 => format!("{line}{behind}"),
        2 => format!("{user}{}:{field}", one_of(&unseen, random)),
        3 => format!("{user}:{before}{field}"),
        4 => line.replace('$', "$$"),
        5 => line.replace('$', "\\$"),
        6 => line.replacen('$', "", 1),
        7 => field.to_owned(),
        8 => format!("{field}:{user}"),
        9 => format!("{user}{field}"),
        10 => format!("{user}::{field}"),
        11 if field != "*" => format!("{user}:{{PLAIN}}{field}"),
        12 => format!("\"{line}\""),
        13 => base64::Engine::encode(&base64::prelude::BASE64_STANDARD, line),
        14 => {
            let encoded = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, field);
            format!("{user}:{encoded}")
        }
        // As a shell does with `$` and the letters that follow it.
        _ => {
            let mut parts = line.split('$');
            let start = parts.next().unwrap_or_default().to_owned();
            let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
            let left = parts.map(|part| part.trim_start_matches(is_name));
            start + &left.collect::<String>()
        }
    }
}

/// Something that happens to the whole text.
fn befall_text(lines: &[String], random: &mut Rng) -> String {
    let ends = [
        "\n", "\r\n", "\r", ",", " ", ";", "\\n", "\n\n", "\n# x\n", ", ",
    ];
    let text = lines.join(one_of(&ends, random));
    match random.usize(..4) {
        0 => format!("\u{feff}{text}"),
        1 => format!(
            "{text}{}",
            one_of(&["\n", "\r\n", "\n\n", "\n# x\n"], random)
        ),
        _ => text,
    }
}

/// Name and stored hash of each user, as far as they decide who may log in.
fn meaning(users: &[HtpasswdUser]) -> Vec<(Vec<u8>, [u8; 32])> {
    let user = |user: &HtpasswdUser| (user.name.clone(), *user.verifier.identity());
    users.iter().map(user).collect()
}

#[test]
fn a_list_after_an_accident_means_the_same_or_is_refused() {
    let mut random = Rng::with_seed(1);
    let mut loaded = 0;
    for round in 0..10_000 {
        let mut lines = good_lines(&mut random);
        let before = parse_htpasswd_users(lines.join("\n").as_bytes(), &CAPS);
        let before = before.unwrap_or_else(|error| panic!("{lines:?}: {error}"));
        let text = if round % 2 == 0 {
            let place = random.usize(..lines.len());
            lines[place] = befall_line(&lines[place], &mut random);
            lines.join("\n")
        } else {
            befall_text(&lines, &mut random)
        };
        match parse_htpasswd_users(text.as_bytes(), &CAPS) {
            Ok(after) => {
                assert_eq!(meaning(&after), meaning(&before), "{text:?}");
                loaded += 1;
            }
            Err(error) => {
                let line = text.split('\n').nth(error.line - 1).unwrap_or_default();
                let error = error.to_string();
                for (field, secret) in FIELDS {
                    let is_shown =
                        error.contains(secret) || field.len() > 1 && error.contains(field);
                    assert!(!is_shown, "{text:?}: {error}");
                }
                // Nobody is told to make a hash, or what is left of one, the password.
                let is_plain_advised = error.contains("write a password as it is");
                let is_hash = line.len() > 24 && line.contains(['$', '=']);
                assert!(!(is_plain_advised && is_hash), "{line:?}: {error}");
            }
        }
    }
    assert!((1_000..9_000).contains(&loaded), "{loaded}");
}

#[test]
fn a_list_with_octets_changed_neither_panics_nor_shows_a_secret() {
    const OCTETS: &[u8] = b"$$$,,==:*!{}[]./+0123456789AZaz \t\r\n#\0\x7f\xff\"'\\";
    let mut random = Rng::with_seed(2);
    for _ in 0..10_000 {
        let lines = good_lines(&mut random);
        let mut text = lines.join("\n").into_bytes();
        for _ in 0..=random.usize(..4) {
            let place = random.usize(..=text.len());
            let octet = one_of(OCTETS, &mut random);
            match random.usize(..3) {
                0 => text.insert(place, octet),
                _ if place == text.len() => text.push(octet),
                1 => drop(text.remove(place)),
                _ => drop(text.splice(place..=place, [octet])),
            }
        }
        if let Err(error) = parse_htpasswd_users(&text, &CAPS) {
            let error = error.to_string();
            let shown = FIELDS.iter().find(|(_, secret)| error.contains(secret));
            assert_eq!(shown, None, "{}: {error}", text.escape_ascii());
        }
    }
}
