//! The vectors of `tests/passwords`: hashes made by the tools that people use, and from each what
//! must not verify.
//!
//! A vector has a `hash`, `made_by`, and either the `error` that it is refused with or a `password`
//! and the `format` that is detected. `encoding` names that of the digest where it does not follow
//! from the format: `standard` base64, `passlib`'s, or `hex`. `matches = false` is for a password that must not match, and
//! `slow = true` spares a vector of high cost all but one of its negatives.

#![cfg(not(target_arch = "wasm32"))]

use std::fs;
use std::path::{Path, PathBuf};

use basic_auth::{HashCostCaps, HashError, Verifier};
use serde::Deserialize;

const STANDARD: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const PASSLIB: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789./";
const BCRYPT: &str = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const HEX: &str = "0123456789abcdef";
const CRYPT: &str = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    vector: Vec<Vector>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    made_by: String,
    hash: String,
    password: Option<String>,
    format: Option<String>,
    error: Option<String>,
    encoding: Option<String>,
    #[serde(default = "yes")]
    matches: bool,
    #[serde(default)]
    slow: bool,
}

fn yes() -> bool {
    true
}

impl Vector {
    /// The password, with `\xNN` as that octet.
    fn password(&self) -> Vec<u8> {
        let text = self
            .password
            .as_deref()
            .expect("a vector has a password or an error");
        let mut parts = text.split(r"\x");
        let mut octets = parts.next().unwrap_or_default().as_bytes().to_vec();
        for part in parts {
            let (digits, rest) = part.split_at(2);
            octets.push(u8::from_str_radix(digits, 16).expect("two hexadecimal digits"));
            octets.extend(rest.as_bytes());
        }
        octets
    }

    fn verifier(&self) -> Verifier {
        parse(&self.hash).unwrap_or_else(|error| panic!("{}: {error}", self.made_by))
    }

    /// The text before the digest, and the digest in its encoding. `None` for what has none.
    fn digest(&self) -> Option<(&str, Digest<'_>)> {
        let format = self.format.as_deref()?;
        let start = match format {
            "{PLAIN}" | "locked" => return None,
            "bcrypt" => self.hash.len() - 31,
            _ if format.starts_with('{') && self.hash.starts_with('{') => self.hash.find('}')? + 1,
            _ => self.hash.rfind('$')? + 1,
        };
        let (before, text) = self.hash.split_at(start);
        let alphabet = match (self.encoding.as_deref(), format) {
            (Some("standard"), _) => STANDARD,
            (Some("passlib"), _) => PASSLIB,
            (Some("hex"), _) => HEX,
            (Some(other), _) => panic!("no such encoding: {other}"),
            (_, "bcrypt") => BCRYPT,
            (_, "apr1" | "md5-crypt" | "sha256-crypt" | "sha512-crypt" | "yescrypt") => CRYPT,
            (_, "scrypt") if before.starts_with("$7$") => CRYPT,
            _ if format.starts_with("pbkdf2") && !before.contains("$i=") => PASSLIB,
            _ => STANDARD,
        };
        Some((
            before,
            Digest {
                text,
                alphabet,
                low_first: alphabet == CRYPT,
            },
        ))
    }
}

/// A digest as it is written.
struct Digest<'a> {
    text: &'a str,
    alphabet: &'static str,
    /// Whether the first character has the low bits of the first octet, as crypt writes it.
    low_first: bool,
}

impl Digest<'_> {
    fn octets(&self) -> Vec<u8> {
        let value = |character| {
            self.alphabet
                .find(character)
                .expect("a character of the alphabet")
        };
        let width = self.bits_a_character();
        let bits = self
            .text
            .trim_end_matches('=')
            .chars()
            .flat_map(|character| {
                let value = value(character);
                (0..width).map(move |bit| (bit, value)).collect::<Vec<_>>()
            });
        let bits: Vec<bool> = bits
            .map(|(bit, value)| {
                value >> if self.low_first { bit } else { width - 1 - bit } & 1 == 1
            })
            .collect();
        bits.chunks_exact(8)
            .map(|bits| self.number(bits) as u8)
            .collect()
    }

    fn encode(&self, octets: &[u8]) -> String {
        let bit = |octet: u8, bit: u8| octet >> if self.low_first { bit } else { 7 - bit } & 1 == 1;
        let bits: Vec<bool> = octets
            .iter()
            .flat_map(|octet| (0..8).map(move |at| bit(*octet, at)))
            .collect();
        let mut text: String = bits
            .chunks(self.bits_a_character())
            .map(|bits| {
                let mut bits = bits.to_vec();
                bits.resize(self.bits_a_character(), false);
                char::from(self.alphabet.as_bytes()[self.number(&bits)])
            })
            .collect();
        let is_padded = self.text.len().is_multiple_of(4) && self.alphabet == STANDARD;
        while is_padded && !text.len().is_multiple_of(4) {
            text.push('=');
        }
        text
    }

    fn bits_a_character(&self) -> usize {
        if self.alphabet == HEX { 4 } else { 6 }
    }

    fn number(&self, bits: &[bool]) -> usize {
        let fold = |number: usize, bit: &bool| number << 1 | usize::from(*bit);
        if self.low_first {
            bits.iter().rev().fold(0, fold)
        } else {
            bits.iter().fold(0, fold)
        }
    }
}

fn parse(hash: &str) -> Result<Verifier, HashError> {
    Verifier::parse(hash.as_bytes(), &HashCostCaps::DEFAULT)
}

/// Whether the hash is refused, or accepted and the password does not match.
fn is_rejected(hash: &str, password: &[u8]) -> bool {
    parse(hash).map_or(true, |verifier| !verifier.verify(password))
}

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("passwords");
    let entries = fs::read_dir(folder).expect("the folder of the vectors");
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    files
}

fn vectors() -> Vec<Vector> {
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("a file of vectors");
        let file: File =
            toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        file.vector
    };
    files().into_iter().flat_map(read).collect()
}

/// The vectors of hashes that are accepted.
fn accepted() -> impl Iterator<Item = Vector> {
    vectors()
        .into_iter()
        .filter(|vector| vector.error.is_none())
}

#[test]
fn what_the_tools_print_verifies() {
    for vector in accepted() {
        let verifier = vector.verifier();
        assert_eq!(
            Some(verifier.format().name()),
            vector.format.as_deref(),
            "{}",
            vector.made_by
        );
        assert_eq!(
            verifier.verify(&vector.password()),
            vector.matches,
            "{}",
            vector.made_by
        );
    }
}

#[test]
fn what_is_not_accepted_is_refused_with_its_reason_and_without_the_hash() {
    for vector in vectors() {
        let Some(expected) = &vector.error else {
            continue;
        };
        let error = match parse(&vector.hash) {
            Ok(_) => panic!("{} is accepted", vector.made_by),
            Err(error) => error.to_string(),
        };
        assert!(error.contains(expected), "{}: {error}", vector.made_by);
        let last = vector
            .hash
            .rsplit(['$', '}'])
            .next()
            .filter(|field| field.len() > 6);
        let secret = last.unwrap_or("\0");
        assert!(!error.contains(secret), "{}: {error}", vector.made_by);
    }
}

#[test]
fn a_password_with_one_more_octet_or_one_less_does_not_match() {
    for vector in accepted() {
        let verifier = vector.verifier();
        let password = vector.password();
        let longer = [&password[..], b"a"].concat();
        assert!(!verifier.verify(&longer), "{}", vector.made_by);
        let (_, shorter) = password.split_last().expect("a password");
        assert!(
            vector.slow || !verifier.verify(shorter),
            "{}",
            vector.made_by
        );
    }
}

#[test]
fn a_hash_with_one_letter_wrong_does_not_match() {
    for vector in accepted() {
        // Letters of the costs are another matter: they may make a verification long.
        let Some((before, digest)) = vector.digest() else {
            continue;
        };
        let text = digest.text.trim_end_matches('=');
        let positions: &[usize] = if vector.slow {
            &[0]
        } else {
            &[0, 1, text.len() / 2, text.len() - 2, text.len() - 1]
        };
        let (letter, other) = if digest.alphabet == HEX {
            ("a", "e")
        } else {
            ("A", "E")
        };
        for position in positions {
            let is_letter = text[*position..].starts_with(letter);
            let wrong = if is_letter { other } else { letter };
            let mut hash = vector.hash.clone();
            let position = before.len() + position;
            hash.replace_range(position..=position, wrong);
            assert!(
                is_rejected(&hash, &vector.password()),
                "{} at {position}",
                vector.made_by
            );
        }
    }
}

#[test]
fn a_hash_with_a_wrong_letter_in_the_salt_does_not_match() {
    for vector in accepted().filter(|vector| !vector.slow) {
        let Some((before, _)) = vector.digest() else {
            continue;
        };
        let salt = before.strip_suffix('$').unwrap_or(before);
        // `{…}` has its salt after the digest, and some hashes have none.
        if salt.ends_with(['}', '$']) {
            continue;
        }
        let wrong = if salt.ends_with('e') { "u" } else { "e" };
        let hash = vector
            .hash
            .replacen(salt, &format!("{}{wrong}", &salt[..salt.len() - 1]), 1);
        assert!(is_rejected(&hash, &vector.password()), "{}", vector.made_by);
    }
}

#[test]
fn a_digest_of_another_length_does_not_match() {
    for vector in accepted() {
        let Some((before, digest)) = vector.digest() else {
            continue;
        };
        let octets = digest.octets();
        assert_eq!(digest.encode(&octets), digest.text, "{}", vector.made_by);
        let shorter = digest.encode(&octets[..octets.len() - 1]);
        let longer = digest.encode(&[&octets[..], &[0]].concat());
        for digest in [shorter, longer, String::new()] {
            let hash = format!("{before}{digest}");
            let is_spared = vector.slow && parse(&hash).is_ok();
            assert!(
                is_spared || is_rejected(&hash, &vector.password()),
                "{}",
                vector.made_by
            );
        }
    }
}
