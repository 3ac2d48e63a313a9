//! Every rule of every configuration that is accepted decides something: its witness, sent without credentials
//! through the module, is stopped by a rule that protects, and let through by an exemption.

use basic_auth::{Policy, Witness};
use basic_auth_tests::{
    corpus::{Case, Corpus},
    fixture,
    host::{Host, Outcome},
    observed::Fields,
    report::announce,
};
use serde_json::Value;

/// As it would arrive.
fn fields(witness: &Witness) -> Fields {
    let field = |name: &str, value: &[u8]| (name.as_bytes().to_vec(), value.to_vec());
    let mut fields = vec![
        field(":authority", &witness.authority),
        field(":path", &witness.path),
        field(":method", &witness.method),
        field(":scheme", b"https"),
    ];
    let source = witness.source.map(|source| source.to_string());
    fields.extend(source.map(|source| field("x-forwarded-for", source.as_bytes())));
    fields
}

/// Whether a rule lets its witness pass without credentials.
fn is_open(configuration: &Value, rule: &Value) -> bool {
    let is_set = |object: &Value, key: &str| object[key].as_bool() == Some(true);
    is_set(rule, "exempt") || is_set(configuration, "dry_run")
}

#[test]
fn every_rule_of_the_corpus_decides_its_witness() {
    let host = fixture::host();
    let (mut witnesses, mut without) = (0, 0);
    let mut wrong = Vec::new();
    for case in &Corpus::embedded().cases {
        let Ok(configuration) = serde_json::from_str::<Value>(&case.configuration) else {
            continue;
        };
        let rules = configuration["basic_auth_rules"].as_array();
        let outcomes = outcomes(&host, case, rules.map_or(0, Vec::len));
        for (rule, outcome) in rules.into_iter().flatten().zip(outcomes) {
            let Some((witness, passes)) = outcome else {
                without += 1;
                continue;
            };
            witnesses += 1;
            // Several rules may decide it, and what lets the missing pass is not the only one.
            let is_free = rule["allow_missing"].as_bool() == Some(true);
            if passes != is_open(&configuration, rule) && !is_free {
                wrong.push(format!("{}: {rule}: {witness:?}", case.place));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(
        witnesses > 300 && without * 20 < witnesses,
        "{witnesses}, {without} without"
    );
    announce(&format!("wasm: {witnesses} witnesses of rules"));
}

/// The witness of each rule, and whether the module lets it pass.
fn outcomes(host: &Host, case: &Case, rules: usize) -> Vec<Option<(Witness, bool)>> {
    let variable = |name: &str| {
        let value = case.environment.get(name);
        value.map(|value| value.clone().into_bytes())
    };
    let policy = Policy::parse(case.configuration.as_bytes(), &variable).expect("accepted");
    let mut vm = host.start(&case.environment).expect("the module starts");
    vm.configure(case.configuration.as_bytes())
        .expect("accepted");
    (0..rules)
        .map(|rule| {
            let witness = policy.witness(rule)?;
            let passes = match vm.request(&fields(&witness)) {
                Outcome::Continue { .. } => true,
                Outcome::Reply(_) => false,
                other => panic!("{}: {other:?}", case.place),
            };
            Some((witness, passes))
        })
        .collect()
}
