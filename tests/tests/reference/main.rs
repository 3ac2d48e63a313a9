//! docs/configuration.md and docs/configuration.schema.json say what the core does: every key,
//! every example, every number.

#![cfg(not(target_arch = "wasm32"))]

mod claims;
mod figures;
mod schema;

use basic_auth::{BlockError, CONFIGURATION_KEYS, Cost, HashCostCaps, Policy, Problem, RULE_KEYS};
use basic_auth_tests::{corpus::Corpus, fixture};
use schema::Schema;
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn read(path: &str) -> String {
    let path = fixture::root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn docs() -> String {
    read("docs/configuration.md")
}

fn schema() -> Schema {
    Schema::parse(&read("docs/configuration.schema.json"))
}

fn parse(configuration: &str) -> Result<Policy, basic_auth::ConfigurationError> {
    Policy::parse(configuration.as_bytes(), &|_| None)
}

/// What stands below a heading of the second level.
fn section<'d>(docs: &'d str, heading: &str) -> &'d str {
    let start = docs.find(&format!("\n## {heading}\n"));
    let rest = &docs[start.unwrap_or_else(|| panic!("no section `{heading}`")) + 1..];
    rest.find("\n## ").map_or(rest, |end| &rest[..end])
}

/// The keys that have a heading in a section.
fn documented(section: &str) -> Vec<String> {
    let key = |line: &str| {
        let rest = line.strip_prefix("### `")?;
        Some(rest.split_once('`')?.0.to_owned())
    };
    let mut keys: Vec<String> = section.lines().filter_map(key).collect();
    keys.sort();
    keys
}

/// The cells of a table's rows, below its head.
fn rows<'d>(text: &'d str, head: &str) -> Vec<Vec<&'d str>> {
    let start = text
        .find(head)
        .unwrap_or_else(|| panic!("no table `{head}`"));
    let rows = text[start..]
        .lines()
        .take_while(|line| line.starts_with('|'))
        .skip(2);
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect())
        .collect()
}

#[test]
fn every_key_is_in_the_documentation_the_schema_and_the_core() {
    let (docs, schema) = (docs(), schema());
    assert_eq!(documented(section(&docs, "Top level")), CONFIGURATION_KEYS);
    assert_eq!(schema.keys(""), CONFIGURATION_KEYS);
    assert_eq!(documented(section(&docs, "A rule")), RULE_KEYS);
    assert_eq!(schema.keys("/$defs/rule"), RULE_KEYS);
    // `null` is of no key's type: a known key is refused for that, an unknown one for itself.
    for key in CONFIGURATION_KEYS
        .iter()
        .chain(&RULE_KEYS)
        .chain(&["unknown", "max_entries"])
    {
        let is_known = |configuration: &Value| {
            let error = parse(&configuration.to_string()).expect_err("refused");
            !matches!(error.problem(), Problem::UnknownKey(_))
        };
        assert_eq!(
            is_known(&json!({ *key: null })),
            CONFIGURATION_KEYS.contains(key),
            "{key}"
        );
        let rule = json!({"basic_auth_rules": [{ *key: null }]});
        assert_eq!(is_known(&rule), RULE_KEYS.contains(key), "{key} of a rule");
    }
}

#[test]
fn every_example_is_accepted_by_the_core_and_by_the_schema() {
    let (docs, schema) = (docs(), schema());
    let blocks: Vec<&str> = docs
        .split("```json\n")
        .skip(1)
        .filter_map(|rest| rest.split_once("```"))
        .map(|(block, _)| block)
        .collect();
    assert!(blocks.len() > 20, "{} examples", blocks.len());
    for block in &blocks {
        parse(block).unwrap_or_else(|error| panic!("{error}\n{block}"));
        let value = serde_json::from_str(block).expect("JSON");
        assert!(schema.accepts(&value), "{block}");
    }
    // `users_env` needs an environment, and an example of it would need one too.
    for key in CONFIGURATION_KEYS
        .iter()
        .chain(&RULE_KEYS)
        .filter(|key| **key != "users_env")
    {
        let named = format!("\"{key}\":");
        assert!(
            blocks.iter().any(|block| block.contains(&named)),
            "no example of {key}"
        );
    }
}

#[test]
fn the_schema_accepts_every_configuration_of_the_corpus_that_the_core_does() {
    let schema = schema();
    let corpus = Corpus::embedded();
    let mut count = 0;
    for case in &corpus.cases {
        if let Ok(value) = serde_json::from_str(&case.configuration) {
            assert!(schema.accepts(&value), "{}: {value}", case.place);
            count += 1;
        }
    }
    assert!(count > 50, "{count} configurations");
}

/// What no schema can say: it compares no two places, has no hash and no grammar of expressions.
fn is_beyond_a_schema(problem: &Problem) -> bool {
    match problem {
        Problem::TooLarge
        | Problem::NotJson(_)
        | Problem::RepeatedKey
        | Problem::Covered(_)
        | Problem::DecidesNothing
        | Problem::NotABlock(BlockError::BitsBehindPrefix)
        | Problem::TooManyExpressions
        | Problem::OtherPassword { .. }
        | Problem::NoSuchVariable
        | Problem::NoSuchUser
        | Problem::NoSuchGroup
        | Problem::GroupAsUser
        | Problem::AllowsNobody
        | Problem::WrongAnswer(_) => true,
        // Some of each kind it can say, and does: the test counts them.
        Problem::Regex(_) | Problem::Htpasswd(_) => true,
        _ => false,
    }
}

/// Cases for which a schema had to decode base64, to compare two keys, or to know every reading of a path.
const BEYOND_A_PATTERN: [&str; 10] = [
    "a beginning that dot segments take back",
    "a beginning that is a parameter",
    "a control character in base64",
    "a hash among the credentials, in base64",
    "a word without a colon",
    "base64 with trailing bits that are not zero",
    "one header for both, chosen",
    "the base64 of a text without a colon",
    "the forwarded name is the credentials' in another spelling",
    "the third credential",
];

#[test]
fn the_schema_refuses_what_the_core_refuses_but_for_what_no_schema_can_say() {
    let schema = schema();
    let (mut refused_by_both, mut passed) = (0, Vec::new());
    for refused in &Corpus::embedded().refused {
        let Ok(value) = serde_json::from_str::<Value>(&refused.configuration) else {
            continue;
        };
        let error = parse(&refused.configuration).expect_err("refused");
        if !schema.accepts(&value) {
            refused_by_both += 1;
        } else if !is_beyond_a_schema(error.problem())
            && !BEYOND_A_PATTERN.contains(&refused.name.as_str())
        {
            passed.push(format!("{}: {error}: {value:.200}", refused.name));
        }
    }
    assert!(
        passed.is_empty(),
        "{} pass the schema: {passed:#?}",
        passed.len()
    );
    assert!(refused_by_both > 300, "{refused_by_both} refused by both");
}

#[test]
fn the_table_of_caps_is_that_of_the_core() {
    let docs = docs();
    let number = |cell: &str| cell.parse::<u32>().unwrap_or_else(|_| panic!("`{cell}`"));
    let rows = rows(&docs, "| key | unit | default | at most |");
    let documented: Vec<(&str, u32, u32)> = rows
        .iter()
        .map(|row| (row[0].trim_matches('`'), number(row[2]), number(row[3])))
        .collect();
    let core = Cost::ALL.map(|cost| {
        let [default, most] = [HashCostCaps::DEFAULT, HashCostCaps::MAXIMUM].map(|c| c.cap(cost));
        (cost.key(), default, most)
    });
    assert_eq!(documented, core);
    let schema = schema().json;
    for (key, default, most) in core {
        let of_schema = &schema["properties"]["max_hash_cost"]["properties"][key];
        let limits = (
            &of_schema["default"],
            &of_schema["maximum"],
            &of_schema["minimum"],
        );
        assert_eq!(limits, (&json!(default), &json!(most), &json!(1)), "{key}");
    }
}

#[test]
fn the_other_bounds_are_those_of_the_core_and_the_schema() {
    let (docs, schema) = (docs(), schema());
    for (object, key, [least, most, default]) in [
        ("credentials_cache", "max_entries", [0_i64, 100_000, 4096]),
        ("credentials_cache", "ttl_seconds", [1, 86_400, 300]),
        ("verification_budget", "share_percent", [1, 100, 25]),
        ("verification_budget", "burst_ms", [1, 10_000, 500]),
        ("verification_budget", "slice_ms", [1, 100, 2]),
        ("verification_budget", "max_wait_ms", [0, 60_000, 5000]),
        ("verification_budget", "client_share_percent", [1, 100, 20]),
    ] {
        let text = section(&docs, "Top level").replace('\n', " ");
        let documented = format!("({least} to {most}, default {default}");
        let after = text.split(&format!("`{key}`")).nth(1).unwrap_or_default();
        let bounds = &after[after.find('(').expect("bounds")..];
        assert!(
            bounds.starts_with(&documented),
            "{key}: {documented} in {bounds:.40}"
        );
        for (number, is_valid) in [
            (least - 1, false),
            (least, true),
            (most, true),
            (most + 1, false),
        ] {
            let value = json!({ object: { key: number } });
            assert_eq!(parse(&value.to_string()).is_ok(), is_valid, "{value}");
            assert_eq!(schema.accepts(&value), is_valid, "{value}");
        }
        assert_eq!(
            schema.json["properties"][object]["properties"][key]["default"],
            json!(default)
        );
    }
}

#[test]
fn the_table_of_statistics_is_that_of_the_module() {
    let docs = docs();
    let mut documented = BTreeSet::new();
    for row in rows(&docs, "| counter | counts |") {
        // The first name is whole, the others stand for its last part.
        let names: Vec<&str> = row[0]
            .split(',')
            .map(|name| name.trim().trim_matches('`'))
            .collect();
        let (stem, _) = names[0].rsplit_once('.').expect("a dot");
        documented.insert(names[0].to_owned());
        documented.extend(names[1..].iter().map(|name| format!("{stem}{name}")));
    }
    let defined = |configuration| -> BTreeSet<String> {
        fixture::vm_with(configuration)
            .metrics()
            .into_keys()
            .collect()
    };
    assert_eq!(documented, defined(r#"{"dry_run": true}"#));
    // Those of a dry run are not there without one.
    documented.retain(|name| !name.starts_with("basic_auth.dry_run."));
    assert_eq!(documented, defined("{}"));
}

#[test]
fn the_table_of_reasons_is_that_of_the_core() {
    let docs = docs();
    let details: Vec<String> = rows(&docs, "| reason | status | response code details |")
        .iter()
        .map(|row| format!("{} {}", row[1], row[2].trim_matches('`')))
        .collect();
    let status = |denial: basic_auth::Denial| match denial {
        basic_auth::Denial::Forbidden => 403,
        basic_auth::Denial::Overloaded | basic_auth::Denial::ClientOverloaded => 503,
        basic_auth::Denial::InsecureTransport => 301,
        _ => 401,
    };
    let core = basic_auth::Denial::ALL.map(|d| format!("{} {}", status(d), d.details()));
    assert_eq!(details, core);
}

#[test]
fn the_errors_that_are_shown_are_those_of_the_core() {
    let docs = docs();
    let shown: Vec<&str> = docs
        .lines()
        .filter_map(|line| line.strip_prefix("configuration refused: "))
        .collect();
    let hash = "$2y$14$B4LHUUdzm/vhbkRGm10wzu5cErCG0GFeKxVcwdgazjEU9s4kwpXa2";
    let configurations = [
        r#"{"basic_auth_rules": [{"exact": "/", "exempt": true}, {"exact": "/a", "exempt": true},
            {"prefx": "/"}]}"#
            .to_owned(),
        format!(r##"{{"users": "#\n#\n#\n#\n#\n#\nbob:{hash}"}}"##),
        r#"{"basic_auth_rules": [{"regex": "/private(?=/)", "exempt": true}]}"#.to_owned(),
        r#"{"basic_auth_rules": [{"regex": "^/private", "exempt": true}]}"#.to_owned(),
    ];
    let errors = configurations.map(|text| parse(&text).expect_err("refused").to_string());
    assert_eq!(shown, errors);
}

#[test]
fn expressions_have_the_syntax_and_the_size_that_are_documented() {
    let is_accepted = |expression: &str| {
        basic_auth::Expression::parse(&format!("(?:/({expression}))?.*")).is_ok()
    };
    // A bar is written so that it does not end the cell.
    let docs = docs().replace(r"\|", "¦");
    let rows = rows(&docs, "| syntax | matches |");
    let expressions = rows
        .iter()
        .flat_map(|row| row[0].split('`').skip(1).step_by(2));
    let expressions: Vec<String> = expressions.map(|text| text.replace('¦', "|")).collect();
    assert!(expressions.len() > 40, "{expressions:?}");
    for expression in expressions {
        assert!(is_accepted(&expression), "{expression}");
    }
    assert!(docs.contains("an expression that takes more than 64 KiB compiled"));
    assert!(is_accepted("a{1000}") && !is_accepted("a{5000}"));
}
