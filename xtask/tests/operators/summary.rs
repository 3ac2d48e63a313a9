//! `cargo xtask check`: what is said of a configuration that holds.

use super::check::{check, folder};
use super::xtask;

#[test]
fn a_summary_says_what_is_protected_and_what_is_open() {
    let text = r#"users: ["alice:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "bob:*", "carol:*"]
basic_auth_rules:
- {path_separated_prefix: /api, request_methods: [POST]}
- {exact: /healthz, exempt: true}
- {prefix: /, hosts: [admin.example], allow: [alice], realm: staff, remote_ips: [10.0.0.0/8]}
"#;
    let said = check("plugin.yaml", text);
    assert_eq!(
        said.output,
        "plugin.yaml:1: configuration (a file of its own)\n  \
         rule 0: POST on every host, path_separated_prefix `/api`: for every user, realm `istio`\n          \
         such as POST basic-auth-witness.example/api\n  \
         rule 1: every method on every host, exact `/healthz`: passes without credentials\n          \
         such as GET basic-auth-witness.example/healthz\n  \
         rule 2: every method on admin.example, prefix `/`, from 10.0.0.0/8: for alice, realm `staff`\n          \
         such as GET admin.example/ from 10.0.0.0\n  \
         open: every path and host that no rule names\n  \
         open: GET, HEAD, PUT, PATCH, DELETE, OPTIONS basic-auth-witness.example/api, beside rule 0\n  \
         users: 1 {SHA} (weak), 2 locked\n"
    );
    assert_eq!(said.status, Some(0));
    // Of the weak hash, and of other addresses than those of the third rule.
    let strict = xtask(
        folder(&[("plugin.yaml", text)]).path(),
        &["check", "--strict", "plugin.yaml"],
        b"",
    );
    assert_eq!(strict.status, Some(1));
    assert_eq!(
        strict.error.matches("warning: ").count(),
        2,
        "{}",
        strict.error
    );
}

#[test]
fn the_analysis_knows_what_expressions_cover() {
    // The second decides nothing, and no comparison of texts can tell: `regex` behind `regex`.
    let covered = r#"rule_selection: first
users: ["alice:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "bob:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g="]
basic_auth_rules:
- {regex: "/api/v[0-9]+/.*", allow: [alice]}
- {regex: "/api/v[12]/users/.*", allow: [bob]}
"#;
    let said = check("plugin.yaml", covered);
    assert_eq!(said.status, Some(1));
    assert!(
        said.error.starts_with(
            "error: basic_auth_rules[1]: decides no request, since basic_auth_rules[0] decides all that it could; remove \
             it, or make the others narrower\n --> plugin.yaml:5:3\n"
        ),
        "{}",
        said.error
    );
    // Two together.
    let together = covered.replace(
        "- {regex: \"/api/v[0-9]+/.*\", allow: [alice]}",
        "- {prefix: /api/v1}\n- {prefix: /api/v2}",
    );
    let said = check("plugin.yaml", &together);
    assert!(
        said.error.contains(
            "since basic_auth_rules[0] and basic_auth_rules[1] decides all that it could"
        ),
        "{}",
        said.error
    );
    // One digit more, and it does.
    let said = check("plugin.yaml", &covered.replace("[12]", "[12x]"));
    assert_eq!(said.status, Some(0), "{}", said.error);
    assert!(
        said.output
            .contains("such as GET basic-auth-witness.example/api/vx/users/\n"),
        "{}",
        said.output
    );
}

#[test]
fn rules_that_nobody_satisfies_together_are_told() {
    let text = r#"users: ["alice:*", "bob:*"]
basic_auth_rules:
- {prefix: /admin, allow: [alice]}
- {path_separated_prefix: /admin/users, allow: [bob]}
"#;
    let said = check("plugin.yaml", &text.replace(":*", ":{SSHA512}ic2Njk1OF5j0iE5mtXVkQHWd0RKYXhoQk3wZ3UM0t7lHRoHkiPxlg0aE5iQB5T1hDIkKKm8yJ3oJ8ZlLl8wO6nNhbHQ="));
    assert!(
        said.error.contains(
            "warning: basic_auth_rules[0]: decides the same requests as basic_auth_rules[1], and they accept no user in \
             common, so that nobody passes\n"
        ),
        "{}",
        said.error
    );
}

/// Who may pass is known by name alone: what rests on that is checked, and nobody is counted.
#[test]
fn a_configuration_holds_whose_users_are_known_only_where_envoy_runs() {
    let root = xtask::repository_root();
    for file in [
        "envoy/istio/gateway-envoyfilter/envoyfilter.yaml",
        "envoy/istio/sidecar-envoyfilter/envoyfilter.yaml",
        "envoy/istio/trafficextension/trafficextension.yaml",
        "envoy/istio/wasmplugin/wasmplugin.yaml",
        "envoy/envoy-gateway/envoyextensionpolicy.yaml",
        "envoy/envoy-ecds/extensions/basic_auth.yaml",
    ] {
        let said = xtask(&root, &["check", "--strict", file], b"");
        assert_eq!(said.status, Some(0), "{file}: {}", said.error);
        let users = said.output.lines().last();
        let expected = "  users: those of the variable `BASIC_AUTH_USERS`";
        assert_eq!(users, Some(expected), "{file}");
    }
    let plugin = |rules: &str| {
        let text = format!(
            "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {{name: basic-auth}}\nspec:\n  \
             vmConfig: {{env: [{{name: USERS, valueFrom: HOST}}]}}\n  pluginConfig: {{users_env: USERS, \
             users: ['carol:*', 'dave:{{PLAIN}}d'], groups: {{ops: [alice, dave]}}, basic_auth_rules: [{rules}]}}\n"
        );
        check("plugin.yaml", &text)
    };
    let said = plugin("{prefix: /, allow: ['@ops', bob]}, {prefix: /admin}");
    assert_eq!(said.status, Some(0), "{}", said.error);
    let users = "  users: 1 {PLAIN} (weak), 1 locked, those of the variable `USERS`";
    assert_eq!(said.output.lines().last(), Some(users));
    assert!(!said.error.contains("nobody passes"), "{}", said.error);
    for (rules, error) in [
        (
            "{prefix: /, allow: [ops]}",
            "is a group; write it with `@` in front",
        ),
        ("{prefix: /, allow: [carol]}", "lets nobody pass"),
    ] {
        let said = plugin(rules);
        assert_eq!(said.status, Some(1), "{rules}");
        assert!(said.error.contains(error), "{rules}: {}", said.error);
    }
    let apart = plugin("{prefix: /, allow: [alice]}, {prefix: /admin, allow: [bob]}");
    assert!(apart.error.contains("nobody passes"), "{}", apart.error);
}

#[test]
fn what_is_shipped_holds() {
    let root = xtask::repository_root();
    let files = [
        "envoy/envoy.yaml",
        "envoy/ecds/basic_auth.yaml",
        "envoy/ecds/users.htpasswd",
        "envoy/ecds-file/basic_auth.yaml",
    ];
    let arguments = [&["check", "--strict"], &files[..]].concat();
    let said = xtask(&root, &arguments, b"");
    assert_eq!((said.status, said.error.as_str()), (Some(0), ""));
}
