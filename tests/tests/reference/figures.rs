//! Figures of the documentation that are constants of the code: each is read out of its page and compared.

use super::read;
use basic_auth_tests::fixture;

/// The value of a constant, as its source has it: a product of numbers, or so many units of a `Duration`.
fn constant(path: &str, name: &str) -> u64 {
    let source = read(path);
    let declared = source.lines().find_map(|line| {
        line.split_once(&format!("const {name}: "))?
            .1
            .split_once(" = ")
    });
    let (_, value) = declared.unwrap_or_else(|| panic!("{path} has no {name}"));
    let value = value.trim_end_matches([';', ')']);
    let value = value.rsplit_once('(').map_or(value, |(_, units)| units);
    let number = |factor: &str| -> u64 {
        let digits = factor.trim().replace('_', "");
        digits.parse().unwrap_or_else(|_| panic!("{name}: {value}"))
    };
    match value.split_once("<<") {
        Some((number_of, shift)) => number(number_of) << number(shift),
        None => value.split('*').map(number).product(),
    }
}

/// With a comma between thousands.
fn with_commas(number: u64) -> String {
    match number {
        0..1000 => number.to_string(),
        _ => format!("{},{:03}", number / 1000, number % 1000),
    }
}

/// A sentence of a page, with `{}` in the place of a figure.
#[track_caller]
fn says(path: &str, sentence: &str, figure: u64) {
    let text = read(path).split_whitespace().collect::<Vec<_>>().join(" ");
    let sentence = sentence.replace("{}", &with_commas(figure));
    assert!(text.contains(&sentence), "{path} does not say: {sentence}");
}

const CONFIGURATION: &str = "docs/configuration.md";

#[test]
fn the_bounds_of_configurations_and_requests_are_those_of_the_core() {
    let config = |name| constant("filter/core/src/config.rs", name);
    let path = |name| constant("filter/core/src/matching/path.rs", name);
    let pattern = |name| constant("filter/core/src/matching/pattern.rs", name);
    let credentials = constant("filter/core/src/request/credentials.rs", "MAX_FIELD_VALUE");
    let compiled = constant("filter/core/src/matching/expression.rs", "SIZE_LIMIT");
    for (sentence, figure) in [
        (
            "or of more than {} MiB, is refused as a whole",
            config("MAX_OCTETS") >> 20,
        ),
        ("and more than {} expressions", config("MAX_EXPRESSIONS")),
        (
            "String of 1 to {} letters of ASCII",
            config("MAX_STAT_PREFIX"),
        ),
        ("with too many readings (over {}, or", path("MAX_READINGS")),
        ("or {} KiB together)", path("MAX_OCTETS") >> 10),
        (
            "exactly one field value of at most {} KiB",
            credentials >> 10,
        ),
        (
            "A path of more than {} segments counts",
            pattern("MAX_SEGMENTS"),
        ),
        (
            "A path of more than {} KiB, all its readings together",
            pattern("MAX_REGEX_INPUT") >> 10,
        ),
        (
            "an expression that takes more than {} KiB compiled",
            compiled >> 10,
        ),
    ] {
        says(CONFIGURATION, sentence, figure);
    }
}

#[test]
fn the_bounds_of_verifications_are_those_of_the_core() {
    let shared = |name| constant("filter/core/src/verify/shared.rs", name);
    let credentials = shared("SETS") * shared("SLOTS");
    let octets = credentials * (shared("TAG_OCTETS") + 8);
    let queue = constant("filter/core/src/verify/queue.rs", "CAPACITY");
    let check = constant("filter/core/src/verify/job.rs", "USUAL_CHECK");
    let table = constant("filter/core/src/password/memory.rs", "MAX_TABLE_KIB");
    let bcrypt = constant("filter/core/src/password/bcrypt.rs", "MAX_PASSWORD_OCTETS");
    let hashed = constant("filter/core/src/password.rs", "MAX_PASSWORD_OCTETS");
    for (sentence, figure) in [
        ("Shared data has room for {} credentials", credentials),
        ("credentials, {} KiB in all", octets >> 10),
        ("in a queue of {} on each worker", queue),
        ("eight times what the check should take, or {} ms.", check),
        (
            "No cap lets a verification have more than {} MiB of memory",
            table >> 10,
        ),
        (
            "a password too long to be hashed (bcrypt: over {} octets)",
            bcrypt,
        ),
        ("A hashed password over {} octets never matches", hashed),
        ("never matches, for bcrypt over {};", bcrypt),
    ] {
        says(CONFIGURATION, sentence, figure);
    }
    says("SECURITY.md", "(over {} octets for bcrypt,", bcrypt);
    says("SECURITY.md", "over {} for all that hash)", hashed);
    says(
        "docs/troubleshooting.md",
        "made from more than {} octets never matches",
        bcrypt,
    );
}

#[test]
fn what_is_said_to_last_a_second_or_a_minute_does() {
    for (path, name, seconds) in [
        ("filter/core/src/verify/failures.rs", "TTL", 60),
        ("filter/src/timer.rs", "PERIOD", 1),
        ("filter/src/dry_run.rs", "INTERVAL", 1),
    ] {
        assert_eq!(constant(path, name), seconds, "{path}");
    }
    for (page, sentence) in [
        (
            CONFIGURATION,
            "apart from these, for a minute, by each worker",
        ),
        (
            CONFIGURATION,
            "Counted in each worker, and handed over every second.",
        ),
        (
            CONFIGURATION,
            "at most one line a second for each plugin and worker",
        ),
        (
            "SECURITY.md",
            "wrong ones to the same worker and the same list of users, within a minute.",
        ),
    ] {
        says(page, sentence, 0);
    }
}

#[test]
fn the_figures_of_the_commands_are_theirs() {
    let variable = constant(
        "xtask/publish/src/manifests/configuration.rs",
        "LONGEST_VARIABLE",
    ) >> 10;
    says(
        "docs/istio.md",
        "the command refuses more than {} KiB.",
        variable,
    );
    says(
        "docs/envoy-gateway.md",
        "the command refuses more than {} KiB,",
        variable,
    );
    says("docs/sizing.md", "({} KiB)", variable);
    // A line of a bcrypt user whose name has six letters; the figure is rounded down.
    let line = 6 + 1 + 60 + 1;
    let users = (variable << 10) / line / 100 * 100;
    says("docs/sizing.md", "| some {} (", users);
    for page in ["docs/istio.md", "docs/envoy-gateway.md"] {
        says(page, "some {} bcrypt users", users);
    }
    let largest = constant("xtask/publish/src/manifests/check.rs", "LARGEST");
    says("docs/envoy.md", "nothing over {} MiB", largest >> 20);
    says(
        "docs/check.md",
        "takes some {} ms on this machine,",
        constant("xtask/src/users/hash.rs", "AIM"),
    );
    says(
        "docs/check.md",
        "at least {} and at most 12,",
        constant("xtask/src/users/hash.rs", "LEAST_BCRYPT_COST"),
    );
    says(
        "fuzz/README.md",
        "gives each target {} seconds.",
        constant("xtask/src/test.rs", "TIME_OF_A_FUZZ_TARGET"),
    );
}

#[test]
fn the_module_is_as_large_as_the_docs_say() {
    let size = u64::try_from(fixture::module().bytes.len()).expect("a size") / 1000;
    for (page, sentence) in [
        ("docs/sizing.md", "| the module | about {} KB;"),
        ("ARCHITECTURE.md", "it has about {} KB."),
    ] {
        let text = read(page).split_whitespace().collect::<Vec<_>>().join(" ");
        let (before, after) = sentence.split_once("{}").expect("a figure");
        let (_, rest) = text
            .split_once(before)
            .unwrap_or_else(|| panic!("{page}: {before}"));
        let (figure, _) = rest
            .split_once(after)
            .unwrap_or_else(|| panic!("{page}: {after}"));
        let said: u64 = figure
            .parse()
            .unwrap_or_else(|_| panic!("{page}: {figure}"));
        assert!(
            said.abs_diff(size) <= 10,
            "{page} says {said} KB, it is {size}"
        );
    }
}
