//! `cargo xtask check`: what is found in which files, how faults are shown, how it ends.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Said, xtask};

pub(super) fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

pub(super) fn check(name: &str, text: &str) -> Said {
    xtask(folder(&[(name, text)]).path(), &["check", name], b"")
}

/// What is refused with this, as a whole.
#[track_caller]
fn refused(name: &str, text: &str, error: &str) {
    let expected = Said {
        status: Some(1),
        output: String::new(),
        error: format!(
            "{}\nerror: the file does not hold\n",
            error.trim_matches('\n')
        ),
    };
    assert_eq!(check(name, text), expected);
}

const RULE: &str =
    r#"{"basic_auth_rules": [{"prefix": "/admin", "credentials": ["admin:hunter2"]}]}"#;

const WASM_PLUGIN: &str = r#"
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: basic-auth}
spec:
  url: oci://registry.example/basic-auth
  pluginConfig:
    basic_auth_rules:
    - prefix: /admin
      credentials: ["admin:hunter2", "nocolon"]
"#;

#[test]
fn a_fault_is_shown_where_it_is_and_passwords_are_not() {
    refused(
        "plugin.yaml",
        WASM_PLUGIN,
        r#"
error: basic_auth_rules[0].credentials[1]: must be `user:password` or the base64 of that
  --> plugin.yaml:10:38
   |
10 |       credentials: ["admin:*******", "*******"]
   |                                      ^^^^^^^^^
"#,
    );
}

#[test]
fn a_fault_in_a_string_is_shown_in_the_file_around_it() {
    let bootstrap = r#"static_resources:
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
                    {
                      "basic_auth_rules": [
                        {"prefix": "/admin", "user": ["alice:hunter2"]}
                      ]
                    }
"#;
    refused(
        "envoy.yaml",
        bootstrap,
        r#"
error: basic_auth_rules[0].user: unknown key; did you mean `users`?
  --> envoy.yaml:17:46
   |
17 |                         {"prefix": "/admin", "user": [***************]}
   |                                              ^^^^^^
"#,
    );
}

#[test]
fn what_cannot_be_read_is_told_with_its_place() {
    refused(
        "plugin.json",
        "{\"basic_auth_rules\": [\n {\"prefix\": \"/x\", \"credentials\": [\"a:hunter2\"],}]}",
        r#"
error: not JSON at line 2, column 48: trailing comma, found "}"
 --> plugin.json:2:48
  |
2 |  {"prefix": "/x", "credentials": [***********],}]}
  |                                                ^
"#,
    );
    refused(
        "plugin.yaml",
        "basic_auth_rules: [1\nsecret: c: d",
        "
error: is not YAML: illegal placement of ':' indicator
 --> plugin.yaml:2:7
  |
2 | ******: *: *
  |       ^
",
    );
    refused(
        "none.yaml",
        "kind: ConfigMap\ndata: {}\n",
        "
error: no configuration of this filter is in it
 --> none.yaml:1:1
  |
1 | kind: ConfigMap
  | ^
",
    );
    refused(
        "users.htpasswd",
        "bob:*\nalice:hunter2\n",
        r#"
error: line 2 (user "alice"): not a password hash; re-hash with bcrypt, e.g. by `htpasswd -nB -C 10`, or write a password as it is after `{PLAIN}`
 --> users.htpasswd:2:1
  |
2 | alice:*******
  | ^^^^^^^^^^^^^
"#,
    );
    let missing = xtask(Path::new("/"), &["check", "missing.yaml"], b"");
    assert_eq!(
        missing.error,
        "error: missing.yaml cannot be read: No such file or directory (os error 2)\n\
         error: the file does not hold\n"
    );
}

#[test]
fn a_resource_of_unknown_version_is_refused() {
    let resource = WASM_PLUGIN
        .replace("v1alpha1", "v2")
        .replace(", \"nocolon\"", "");
    let said = check("plugin.yaml", &resource);
    assert_eq!(said.status, Some(1));
    assert!(
        said.error.starts_with(
            "error: `WasmPlugin` is known here as `extensions.istio.io/v1alpha1` only; what is found in another \
             may be misread\n --> plugin.yaml:2:13\n"
        ),
        "{}",
        said.error
    );
}

/// Every file that the configuration may be in, and the place where it is.
#[test]
fn the_configuration_is_found_in_every_file_that_holds_one() {
    let wasm = |configuration: &str| {
        format!(
            r#"{{"@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm", "config": {{"name": "basic_auth",
             "vm_config": {{}}, "configuration": {configuration}}}}}"#
        )
    };
    let string = format!(
        r#"{{"@type": "type.googleapis.com/google.protobuf.StringValue", "value": {}}}"#,
        json!(RULE)
    );
    let bytes = r#"{"@type": "type.googleapis.com/google.protobuf.BytesValue", "value": "e30="}"#;
    let object =
        format!(r#"{{"@type": "type.googleapis.com/google.protobuf.Struct", "value": {RULE}}}"#);
    let typed_struct = format!(
        r#"{{"@type": "type.googleapis.com/udpa.type.v1.TypedStruct", "type_url": "x", "value": {{"config": {{"name": "basic_auth",
            "vm_config": {{}}, "configuration": {object}}}}}}}"#
    );
    let resource = |kind: &str, version: &str, spec: &str| {
        format!(
            r#"{{"apiVersion": "{version}", "kind": "{kind}", "metadata": {{"name": "basic-auth"}}, "spec": {spec}}}"#
        )
    };
    let istio = "extensions.istio.io/v1alpha1";
    for (text, place, form) in [
        (RULE.to_owned(), "configuration", "a file of its own"),
        (
            "basic_auth_rules:\n- {prefix: /admin, credentials: ['admin:hunter2']}\n".to_owned(),
            "configuration",
            "a file of its own",
        ),
        (
            format!(
                r#"{{"resources": [{{"name": "x", "typed_config": {}}}]}}"#,
                wasm(&string)
            ),
            "resources[0].typed_config.config.configuration.value",
            "StringValue",
        ),
        (
            format!(r#"{{"name": "x", "typed_config": {}}}"#, wasm(bytes)),
            "typed_config.config.configuration.value",
            "StringValue",
        ),
        (
            format!(r#"{{"name": "x", "typed_config": {typed_struct}}}"#),
            "typed_config.value.config.configuration.value",
            "Struct",
        ),
        (
            resource(
                "WasmPlugin",
                istio,
                &format!(r#"{{"pluginConfig": {RULE}}}"#),
            ),
            "spec.pluginConfig",
            "Struct",
        ),
        (
            resource(
                "TrafficExtension",
                istio,
                &format!(r#"{{"wasm": {{"pluginConfig": {RULE}}}}}"#),
            ),
            "spec.wasm.pluginConfig",
            "Struct",
        ),
        (
            resource(
                "EnvoyExtensionPolicy",
                "gateway.envoyproxy.io/v1alpha1",
                &format!(r#"{{"wasm": [{{"name": "basic-auth", "config": {RULE}}}]}}"#),
            ),
            "spec.wasm[0].config",
            "Struct",
        ),
        (
            resource(
                "EnvoyFilter",
                "networking.istio.io/v1alpha3",
                &format!(
                    r#"{{"configPatches": [{{"patch": {{"value": {{"typed_config": {}}}}}}}]}}"#,
                    wasm(&object)
                ),
            ),
            "spec.configPatches[0].patch.value.typed_config.config.configuration.value",
            "Struct",
        ),
    ] {
        let folder = folder(&[("file", &text)]);
        let said = xtask(folder.path(), &["check", "file", "--format", "json"], b"");
        let report: Value =
            serde_json::from_str(&said.output).unwrap_or_else(|_| panic!("{text}\n{said:?}"));
        let found = &report["files"][0]["configurations"];
        assert_eq!(
            (&found[0]["place"], &found[0]["form"]),
            (&json!(place), &json!(form)),
            "{text}"
        );
        assert_eq!(found.as_array().unwrap().len(), 1);
        assert_eq!(said.status, Some(0), "{text}");
    }
}

#[test]
fn users_of_the_environment_are_read_where_they_are_known() {
    let bootstrap = |variables: &str| {
        format!(
            r#"{{"typed_config": {{"config": {{"name": "basic_auth", "vm_config": {{"environment_variables": {variables}}},
            "configuration": {{"@type": "x/google.protobuf.Struct", "value":
            {{"users_env": "USERS", "basic_auth_rules": [{{"prefix": "/"}}]}}}}}}}}}}"#
        )
    };
    for (variables, users, note) in [
        (
            r#"{"key_values": {"USERS": "alice:*\nbob:*"}}"#,
            json!([2, []]),
            None,
        ),
        (
            r#"{"key_values": {"USERS": "file://list"}}"#,
            json!([3, []]),
            None,
        ),
        (
            r#"{"host_env_keys": ["USERS"]}"#,
            json!([null, ["USERS"]]),
            Some(
                "the users in the variable `USERS` are known only where Envoy runs, and are not checked here",
            ),
        ),
    ] {
        let folder = folder(&[("file", &bootstrap(variables)), ("list", "a:*\nb:*\nc:*\n")]);
        let said = xtask(folder.path(), &["check", "file", "--format", "json"], b"");
        let report: Value = serde_json::from_str(&said.output).unwrap();
        let found = &report["files"][0]["configurations"][0];
        let summary = &found["summary"];
        let counted = json!([summary["users"][0]["users"], summary["users_elsewhere"]]);
        assert_eq!(counted, users, "{variables}");
        assert_eq!(found["findings"][0]["message"].as_str(), note);
    }
    let said = check("file", &bootstrap("{}"));
    assert!(
        said.error
            .starts_with("error: users_env: names a VM environment variable that is not set;"),
        "{}",
        said.error
    );
}
