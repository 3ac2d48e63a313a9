use super::*;
use serde_json::Value;

/// What both parsers should make of a text, in the words of this one.
fn expected(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Number(number) => Json::Number(whole(number.as_f64().unwrap())),
        Value::String(text) => Json::Text(text.clone()),
        Value::Array(list) => Json::List(list.iter().map(expected).collect()),
        Value::Object(members) => {
            let members = members
                .iter()
                .map(|(key, value)| (key.clone(), expected(value)));
            Json::Object(members.collect())
        }
    }
}

fn whole(number: f64) -> Option<u32> {
    let is_whole = number.is_sign_positive() && number.fract() == 0.0;
    (is_whole && number <= u32::MAX.into()).then_some(number as u32)
}

/// Keys that were given twice are once in `serde_json`'s, and all of them in order.
fn sorted(json: Json) -> Json {
    match json {
        Json::List(list) => Json::List(list.into_iter().map(sorted).collect()),
        Json::Object(members) => {
            let mut once: Vec<(String, Json)> = Vec::new();
            for (key, value) in members {
                once.retain(|(other, _)| *other != key);
                once.push((key, sorted(value)));
            }
            once.sort_by(|one, other| one.0.cmp(&other.0));
            Json::Object(once)
        }
        other => other,
    }
}

fn compare(octets: &[u8]) {
    let shown = String::from_utf8_lossy(octets);
    match (Json::parse(octets), serde_json::from_slice::<Value>(octets)) {
        (Ok(own), Ok(other)) => assert_eq!(sorted(own), expected(&other), "{shown}"),
        (Err(_), Err(_)) => {}
        // Too large for `serde_json`, and of no use here.
        (Ok(_), Err(error)) if error.to_string().starts_with("number out of range") => {}
        (own, other) => panic!("{shown}: {own:?}, but {other:?}"),
    }
}

const TEXTS: [&str; 11] = [
    r#"{"a": [1, 2.0, -3, 4.5, 1e3, 12E-1, 120e-1, 0, -0, 4294967295, 4294967296]}"#,
    r#" [ true , false , null , "" , {} , [] ] "#,
    r#""\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00é😀""#,
    r#"{"a": 1, "a": {"b": 2, "b": [3]}, "": "x"}"#,
    "1.25e2",
    "10000e-4",
    "0.0001e+4",
    "-1e-4",
    "\"\\ud83d\\u0041\"",
    "\t\r\n{\n\"key\"\n:\n[\n]\n}\n",
    "{\"basic_auth_rules\": [{\"prefix\": \"/\", \"credentials\": [\"a:b\"]}]}",
];

#[test]
fn reads_what_serde_json_reads() {
    for text in TEXTS {
        compare(text.as_bytes());
    }
}

#[test]
fn reads_what_serde_json_reads_of_every_mutation() {
    let replacements = b"\0\x1f \n\"\\{}[]:,.-+0195eEutfna/\x80\xc3\xff";
    for text in TEXTS.map(str::as_bytes) {
        for index in 0..=text.len() {
            compare(&text[..index]);
            let (before, from) = text.split_at(index);
            for octet in replacements {
                compare(&[before, &[*octet], from].concat());
                compare(&[before, &[*octet], from.get(1..).unwrap_or_default()].concat());
            }
            compare(&[before, from.get(1..).unwrap_or_default()].concat());
        }
    }
}

#[test]
fn a_number_beyond_all_others_is_still_a_number() {
    for text in [
        "1e400",
        "123456789012345678901234567890",
        "1e99999999999999999999",
    ] {
        assert_eq!(
            Json::parse(text.as_bytes()),
            Ok(Json::Number(None)),
            "{text}"
        );
    }
    let zero = "0e99999999999999999999".as_bytes();
    assert_eq!(Json::parse(zero), Ok(Json::Number(Some(0))));
}

#[test]
fn nests_as_deeply_as_serde_json() {
    for depth in [1, 126, 127, 128, 100_000] {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let inner = if open == "[" { "" } else { "1" };
            let text = [&open.repeat(depth), inner, &close.repeat(depth)].concat();
            compare(text.as_bytes());
        }
    }
}

#[test]
fn says_where_it_stops_to_be_json() {
    let at = |text: &str| Json::parse(text.as_bytes()).unwrap_err();
    assert_eq!(at("{\n  \"a\": x}"), NotJson { line: 2, column: 8 });
    assert_eq!(at("[1, 2"), NotJson { line: 1, column: 6 });
    assert_eq!(at("{} {}"), NotJson { line: 1, column: 4 });
    assert_eq!(at("[01]"), NotJson { line: 1, column: 3 });
    let not_utf8 = Json::parse(b"\n[\"\xff\"]").unwrap_err();
    assert_eq!(not_utf8, NotJson { line: 2, column: 3 });
}
