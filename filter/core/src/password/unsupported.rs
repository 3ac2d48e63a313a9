//! Formats that are known by name and not accepted.

use super::error::HashError;

const NO_VERIFIER: &str = "there is no verifier for it here";
const ONE_ROUND: &str = "it is a single round of a fast hash function";

/// What stands between the first two `$`, what it is called, and why it is not accepted.
const PREFIXES: [(&[u8], &str, &str); 20] = [
    (
        b"2",
        "the first bcrypt, `$2$`,",
        "it mishandles the end of the password",
    ),
    (
        b"2x",
        "bcrypt's `$2x$`",
        "it stands for hashes by a broken implementation",
    ),
    (
        b"3",
        "the NT hash `$3$`",
        "it is one round of MD4 without salt",
    ),
    (b"B", "MediaWiki's `$B$`", NO_VERIFIER),
    (b"H", "phpass (`$H$`)", NO_VERIFIER),
    (b"P", "phpass (`$P$`, WordPress)", NO_VERIFIER),
    (b"S", "Drupal's `$S$`", NO_VERIFIER),
    (
        b"argon2d",
        "argon2d",
        "argon2id is the variant for passwords",
    ),
    (b"bcrypt-sha256", "bcrypt-sha256", NO_VERIFIER),
    (b"e0801", "Spring's scrypt", NO_VERIFIER),
    (b"gy", "gost-yescrypt", NO_VERIFIER),
    (b"md5", "SunMD5", NO_VERIFIER),
    (b"ml", "the PBKDF2 of macOS, `$ml$`,", NO_VERIFIER),
    (b"p5k2", "`$p5k2$`", NO_VERIFIER),
    (b"pbkdf2-digest", "`$pbkdf2-digest$`", NO_VERIFIER),
    (b"s0", "scrypt as `$s0$`", NO_VERIFIER),
    (b"scram", "SCRAM", NO_VERIFIER),
    (b"sha1", "`$sha1$` crypt", NO_VERIFIER),
    (b"shiro1", "Apache Shiro's hash (Nexus)", NO_VERIFIER),
    (b"wp", "WordPress's `$wp$`", NO_VERIFIER),
];

/// Labels in braces, in upper case.
const LABELS: [(&[u8], &str, &str); 22] = [
    (b"CRAM-MD5", "`{CRAM-MD5}`", NO_VERIFIER),
    (
        b"DES-CRYPT",
        "`{DES-CRYPT}`",
        "DES crypt cuts passwords at 8 octets",
    ),
    (b"DIGEST-MD5", "`{DIGEST-MD5}`", NO_VERIFIER),
    (b"LANMAN", "`{LANMAN}`", NO_VERIFIER),
    (b"LDAP-MD5", "`{LDAP-MD5}`", ONE_ROUND),
    (b"LDAP", "`{ldap}`", NO_VERIFIER),
    (b"MD4", "`{MD4}`", ONE_ROUND),
    (b"MD5", "`{MD5}`", ONE_ROUND),
    (b"NTLM", "`{NTLM}`", NO_VERIFIER),
    (
        b"PBKDF2@SPRINGSECURITY_V5_8",
        "Spring's `{pbkdf2}`",
        NO_VERIFIER,
    ),
    (b"PBKDF2", "Spring's `{pbkdf2}`", NO_VERIFIER),
    (b"PBKDF2_SHA256", "`{PBKDF2_SHA256}`", NO_VERIFIER),
    (b"PBKDF2_STRETCH", "`{PBKDF2_STRETCH}`", NO_VERIFIER),
    (b"PKCS5S2", "`{PKCS5S2}`", NO_VERIFIER),
    (b"PLAIN-MD5", "`{PLAIN-MD5}`", ONE_ROUND),
    (b"SASL", "`{SASL}`", "it names a user of another server"),
    (b"SCRAM-SHA-1", "SCRAM", NO_VERIFIER),
    (b"SCRAM-SHA-256", "SCRAM", NO_VERIFIER),
    (b"SCRYPT", "Spring's `{scrypt}`", NO_VERIFIER),
    (
        b"SCRYPT@SPRINGSECURITY_V5_8",
        "Spring's `{scrypt}`",
        NO_VERIFIER,
    ),
    (b"SMD5", "`{SMD5}`", ONE_ROUND),
    (b"X-PBKDF2", "`{x-pbkdf2}`", NO_VERIFIER),
];

/// How hashes start that have neither a `$` nor a label in front.
const NAMES: [(&[u8], &str, &str); 9] = [
    (b"SCRAM-SHA-256$", "SCRAM", NO_VERIFIER),
    (b"bcrypt_sha256$", "Django's bcrypt_sha256", NO_VERIFIER),
    (
        b"crypt$",
        "Django's DES crypt",
        "DES crypt cuts passwords at 8 octets",
    ),
    (b"md5$", "a salted MD5", ONE_ROUND),
    (
        b"pbkdf2:",
        "PBKDF2 without its function or iterations",
        "it does not say how to verify it",
    ),
    (b"pbkdf2_", "this variant of PBKDF2", NO_VERIFIER),
    (b"sha1$", "a salted SHA-1", ONE_ROUND),
    (b"sha256$", "a salted SHA-256", ONE_ROUND),
    (b"sha512$", "a salted SHA-512", ONE_ROUND),
];

/// What is accepted in another spelling: how it starts, what that is called, and the cure.
const OTHER_SPELLINGS: [(&[u8], &str, &str); 4] = [
    (b"{CLEAR}", "the label `{CLEAR}`", "write `{PLAIN}`"),
    (b"{CLEARTEXT}", "the label `{CLEARTEXT}`", "write `{PLAIN}`"),
    (b"{NOOP}", "the label `{noop}`", "write `{PLAIN}`"),
    (
        b"#JBCRYPT:",
        "Jenkins's `#jbcrypt:`",
        "remove it; the hash behind it is accepted",
    ),
];

/// The error for what is accepted in another spelling.
pub(super) fn other_spelling(hash: &[u8]) -> Option<HashError> {
    let starts = |start: &[u8]| {
        let found = hash.get(..start.len());
        found.is_some_and(|found| found.eq_ignore_ascii_case(start))
    };
    let mut spellings = OTHER_SPELLINGS.iter();
    let (_, name, cure) = spellings.find(|(start, ..)| starts(start))?;
    Some(HashError::OtherSpelling { name, cure })
}

/// The error for `$name$…`.
pub(super) fn with_prefix(name: &[u8]) -> Option<HashError> {
    // SunMD5 has its rounds in the same field.
    let name = if name.starts_with(b"md5,") {
        b"md5"
    } else {
        name
    };
    find(&PREFIXES, |prefix| prefix == name)
}

/// The error for `{label}…`.
pub(super) fn with_label(label: &[u8]) -> Option<HashError> {
    find(&LABELS, |known| known.eq_ignore_ascii_case(label))
        .or_else(|| label.contains(&b'.').then(encoded_label))
}

/// The error for what starts with the name of a function.
pub(super) fn with_name(hash: &[u8]) -> Option<HashError> {
    find(&NAMES, |name| hash.starts_with(name))
}

/// The error for DES crypt, which has no prefix.
pub(super) fn without_prefix(hash: &[u8]) -> Option<HashError> {
    let is_crypt = |octet: &u8| octet.is_ascii_alphanumeric() || b"./".contains(octet);
    match hash {
        [b'_', rest @ ..] if rest.len() == 19 && rest.iter().all(is_crypt) => {
            Some(HashError::Unsupported {
                name: "bsdicrypt",
                reason: "it is DES",
            })
        }
        _ if hash.len() == 13 && hash.iter().all(is_crypt) => Some(HashError::Unsupported {
            name: "DES crypt, or a bare password of 13 characters,",
            reason: "DES crypt cuts passwords at 8 octets",
        }),
        _ => None,
    }
}

/// Dovecot's `{SHA256.HEX}`.
fn encoded_label() -> HashError {
    HashError::OtherSpelling {
        name: "a label with an encoding",
        cure: "write the digest in base64, after the label without it",
    }
}

fn find(
    table: &[(&[u8], &'static str, &'static str)],
    is_meant: impl Fn(&[u8]) -> bool,
) -> Option<HashError> {
    let (_, name, reason) = table.iter().find(|(key, ..)| is_meant(key))?;
    Some(HashError::Unsupported { name, reason })
}
