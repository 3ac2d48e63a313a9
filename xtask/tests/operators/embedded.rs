//! `cargo xtask check`: configurations in files that a ConfigMap or a Secret of Kubernetes holds.

use serde_json::{Value, json};

use super::Said;
use super::check::{check, folder};
use super::xtask;

const CONFIG_MAP: &str = r#"apiVersion: v1
kind: ConfigMap
metadata: {name: envoy}
data:
  LOG_LEVEL: info
  start.sh: |
    exec envoy -c /etc/envoy/envoy.yaml
  envoy.yaml: |
    static_resources:
      listeners:
      - filter_chains:
        - filters:
          - typed_config:
              http_filters:
              - typed_config:
                  "@type": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
                  config:
                    name: basic_auth
                    vm_config: {runtime: envoy.wasm.runtime.v8}
                    configuration:
                      "@type": type.googleapis.com/google.protobuf.StringValue
                      value: |
                        {"users": "alice:hunter2hunter2", "basic_auth_rules": [
                          {"prefix": "admin", "credentials": ["admin:hunter2"]},
                          {"prefx": "/"}
                        ]}
"#;

/// What `cargo xtask check --format json` finds in `text`: place and form of each configuration, and how it ends.
fn found(text: &str) -> (Value, Option<i32>) {
    let folder = folder(&[("file", text)]);
    let said = xtask(folder.path(), &["check", "file", "--format", "json"], b"");
    let report: Value =
        serde_json::from_str(&said.output).unwrap_or_else(|_| panic!("{text}\n{said:?}"));
    let configurations = report["files"][0]["configurations"].as_array().unwrap();
    let places = configurations.iter();
    let places = places.map(|found| json!([found["place"], found["form"]]));
    (places.collect(), said.status)
}

#[test]
fn a_fault_in_a_bootstrap_within_a_config_map_is_shown_where_it_is() {
    let expected = Said {
        status: Some(1),
        output: String::new(),
        error: r#"error: users: line 1 (user "alice"): not a password hash; re-hash with bcrypt, e.g. by `htpasswd -nB -C 10`, or write a password as it is after `{PLAIN}`
  --> envoy.yaml:23:35
   |
23 |                         {"users": **********************, "basic_auth_rules": [
   |                                   ^^^^^^^^^^^^^^^^^^^^^^
error: the file does not hold
"#
        .to_owned(),
    };
    assert_eq!(check("envoy.yaml", CONFIG_MAP), expected);
}

#[test]
fn every_file_of_a_config_map_and_a_secret_is_looked_into() {
    let rule = r#"{"basic_auth_rules": [{"prefix": "/admin", "credentials": ["admin:hunter2"]}]}"#;
    let wasm = format!(
        r#"{{"name": "x", "typed_config": {{"config": {{"name": "basic_auth", "vm_config": {{}}, "configuration":
        {{"@type": "x/google.protobuf.Struct", "value": {rule}}}}}}}}}"#
    );
    let within = |kind: &str, key: &str| {
        json!({"apiVersion": "v1", "kind": kind, key: {"plugin.json": rule, "ecds": wasm, "other": "a: [", "n": "x: 1"}})
            .to_string()
    };
    for (kind, key) in [("ConfigMap", "data"), ("Secret", "stringData")] {
        let place = |name: &str| format!("{key}[\"{name}\"]");
        let expected = json!([
            [
                place("ecds") + ".typed_config.config.configuration.value",
                "Struct"
            ],
            [place("plugin.json"), "a file of its own"],
        ]);
        assert_eq!(found(&within(kind, key)), (expected, Some(0)), "{kind}");
    }
    let list = format!(
        r#"{{"apiVersion": "v1", "kind": "List", "items": [{}]}}"#,
        within("ConfigMap", "data")
    );
    let expected = json!([
        [
            "items[0].data[\"ecds\"].typed_config.config.configuration.value",
            "Struct"
        ],
        ["items[0].data[\"plugin.json\"]", "a file of its own"],
    ]);
    assert_eq!(found(&list), (expected, Some(0)));
}

/// In a string of JSON, nobody can tell where exactly.
#[test]
fn no_password_of_a_file_in_a_string_is_shown() {
    let file = r#"{"basic_auth_rules": [{"prefx": "/", "credentials": ["prefx:prefx"]}]}"#;
    let config_map =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a.json": file}}).to_string();
    let expected = Said {
        status: Some(1),
        output: String::new(),
        error: r#"error: basic_auth_rules[0].prefx: unknown key; did you mean `prefix`?
 --> map.json:1:37
  |
1 | {"apiVersion":"v1","data":{"a.json":*********************** ************ ****** **************** *********************},"kind":"Confi...
  |                                     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
error: the file does not hold
"#
        .to_owned(),
    };
    assert_eq!(check("map.json", &config_map), expected);
}

#[test]
fn a_file_that_is_no_yaml_is_told() {
    let config_map = "kind: ConfigMap\napiVersion: v1\ndata:\n  a.yaml: |\n    b: 1\n    a: [\n  b.json: |\n    {\"basic_auth_rules\": \
                      [{\"prefix\": \"/\", \"users\": \"a:*\"}]}\n";
    let folder = folder(&[("map.yaml", config_map)]);
    let said = xtask(folder.path(), &["check", "--strict", "map.yaml"], b"");
    let expected = r#"warning: data["a.yaml"]: is not YAML, and not looked into: unclosed bracket '['
 --> map.yaml:6:8
  |
6 |     a: [
  |        ^
error: the file does not hold
"#;
    assert_eq!((said.status, said.error.as_str()), (Some(1), expected));
}
