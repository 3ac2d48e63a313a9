//! What is wrong is refused in one line, and nothing is written; what is risky is warned of.

use std::fs;
use std::path::Path;

use publish_tests::golden::envoy_folder;
use publish_tests::program::run;
use publish_tests::refusing_registry::{RefusingRegistry, reply};
use xtask::module::Digest;

/// Arguments that work for `target`, and more.
fn with<'a>(target: &'a str, url: &'a str, config: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let fixed = [
        "manifests",
        "--for",
        target,
        "--offline",
        "--url",
        url,
        "--config",
        config,
    ];
    [&fixed, more].concat()
}

const PINNED: &str = "oci://registry.example/basic-auth@sha256:9c56cc51b374c3ba189210d5b6d4bf57790d351c96c47c02190ecf1e430635ab";

#[test]
fn what_is_wrong_is_refused_in_one_line() {
    let example = envoy_folder().join("example/config.json");
    let config = example.to_str().unwrap();
    let zeros = "0".repeat(64);
    let tagged = "oci://registry.example/basic-auth:1";
    let contradiction = format!(
        "the URL names the manifest 9c56cc51b374c3ba189210d5b6d4bf57790d351c96c47c02190ecf1e430635ab, and `--sha256` \
         is {zeros}: for an image it is the manifest's digest"
    );
    let addressed = format!("http://m.example/{}/basic_auth.wasm", "1".repeat(64));
    let other = format!(
        "the URL names the module {}, and the checksum is {zeros}",
        "1".repeat(64)
    );
    let plugin = "istio-wasmplugin";
    let table: &[(&str, &str, &[&str], &str)] = &[
        (
            "istio",
            PINNED,
            &[],
            "invalid value 'istio' for '--for <TARGET>' [possible values: istio-envoyfilter, \
          istio-wasmplugin, istio-trafficextension, envoy-gateway, envoy-static, envoy-ecds]",
        ),
        (
            plugin,
            "registry.example/basic-auth",
            &[],
            "`registry.example/basic-auth` is no http://, https:// or oci:// URL",
        ),
        (
            plugin,
            "oci://registry.example/basic-auth",
            &[],
            "oci://registry.example/basic-auth has neither a tag nor a digest, and would be whatever is newest: write \
             oci://registry.example/basic-auth@sha256:…, as `cargo xtask push` prints it",
        ),
        (
            plugin,
            tagged,
            &[],
            "the tag of oci://registry.example/basic-auth:1 may name another image tomorrow: add `--sha256` with the \
             digest that `cargo xtask push` printed",
        ),
        (plugin, PINNED, &["--sha256", &zeros], &contradiction),
        (plugin, &addressed, &["--sha256", &zeros], &other),
        (
            plugin,
            PINNED,
            &["--sha256", "12"],
            "invalid value '12' for '--sha256 <HEX>': a SHA-256 digest is 64 hexadecimal digits",
        ),
        (
            plugin,
            "http://u:p@m.example/m.wasm",
            &[],
            "a user in the URL would not reach the server: Envoy sends it as a part of the host",
        ),
        (
            plugin,
            PINNED,
            &["--name", "Basic_Auth"],
            "invalid value 'Basic_Auth' for '--name <NAME>': Kubernetes does not allow the name `Basic_Auth`: \
             lower-case letters, digits and `-` between them, at most 50",
        ),
        (
            plugin,
            PINNED,
            &["--namespace", "a.b"],
            "invalid value 'a.b' for '--namespace <NAMESPACE>': Kubernetes does not allow the namespace `a.b`: \
             lower-case letters, digits and `-` between them, at most 63",
        ),
        (
            plugin,
            PINNED,
            &["--selector", "a=b", "--target", "gateway/public"],
            "`--selector` and `--target` exclude each other: pods by label, or resources by name",
        ),
        (
            plugin,
            PINNED,
            &["--target", "httproute/x"],
            "a policy of this kind cannot be attached to a HTTPRoute, but to a Gateway or a Service",
        ),
        (
            plugin,
            PINNED,
            &["--listen", "127.0.0.1:1"],
            "`--listen` says nothing to istio-wasmplugin: leave it out",
        ),
        (
            "envoy-gateway",
            PINNED,
            &[],
            "Envoy Gateway attaches a policy to a resource by name: add --target gateway/NAME",
        ),
        (
            "envoy-gateway",
            PINNED,
            &["--target", "gateway/a/https", "--eg-version", "1.5"],
            "Envoy Gateway 1.5 cannot name a listener of a Gateway: 1.6 can",
        ),
        (
            "envoy-static",
            PINNED,
            &[],
            "Envoy itself takes no image: use --for envoy-ecds, whose agent does, or an http:// URL",
        ),
        (
            "envoy-ecds",
            PINNED,
            &["--selector", "a=b"],
            "`--selector` says nothing to envoy-ecds: leave it out",
        ),
        (
            "envoy-ecds",
            PINNED,
            &["--socket", "agent.sock"],
            "invalid value 'agent.sock' for '--socket <PATH>': `agent.sock` is no absolute path",
        ),
    ];
    let users = envoy_folder().join("example/users.htpasswd");
    let users = ["--users", users.to_str().unwrap()];
    for (target, url, more, refusal) in table {
        let more = [&users[..], more].concat();
        assert_eq!(
            run(&with(target, url, config, &more)).expect_refusal(),
            *refusal
        );
    }
}

#[test]
fn a_configuration_that_the_filter_refuses_is_refused_with_its_error_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| format!("{}/{name}", folder.path().display());
    let (config, users, output) = (path("c.json"), path("u"), path("out"));
    let rules = r#"{"basic_auth_rules": [{"path_separated_prefix": "/admin"}]}"#;
    let kilobyte = format!("{{PLAIN}}{}", "x".repeat(500));
    let many: String = (0..300)
        .map(|user| format!("u{user}:{kilobyte}\n"))
        .collect();
    for (configuration, htpasswd, refusal) in [
        (
            r#"{"basic_auth_rules": [{"prefx": "/"}]}"#,
            None,
            format!("{config}: basic_auth_rules[0].prefx: unknown key; did you mean `prefix`?"),
        ),
        (
            "no",
            None,
            format!("{config}: configuration: not JSON at line 1, column 2: expected ident, found \"o\""),
        ),
        ("[]", Some("a:{PLAIN}b"), format!("{config}: configuration: must be an object, is a list")),
        (rules, Some("alice"), format!("{users}: line 1: there is no `:`; a line is `user:hash`")),
        (rules, Some("# nobody\n\n"), format!("{users} names no user")),
        (
            rules,
            Some("# two\na:{PLAIN}b\na:{PLAIN}c\n"),
            format!(
                "{config}: users_env, line 3: user \"a\" is there already in users_env, line 2 with another password; \
                 keep one"
            ),
        ),
        (
            rules,
            Some(many.as_str()),
            "the users take 151 KiB, and an environment variable holds 120 KiB: use the agent, whose folder has no such \
             limit (--for envoy-ecds)"
                .to_owned(),
        ),
    ] {
        fs::write(&config, configuration).unwrap();
        let mut more = vec!["-o", output.as_str()];
        if let Some(htpasswd) = htpasswd {
            fs::write(&users, htpasswd).unwrap();
            more.extend(["--users", &users]);
        }
        let said = run(&with("istio-wasmplugin", PINNED, &config, &more)).expect_refusal();
        assert_eq!(said, refusal);
        assert!(!Path::new(&output).exists(), "{said}");
    }
    // What no process can have in its environment, the agent's folder can.
    fs::write(&users, &many).unwrap();
    run(&with(
        "envoy-ecds",
        PINNED,
        &config,
        &["-o", &output, "--users", &users],
    ))
    .expect_success();
    assert_eq!(
        fs::read_to_string(format!("{output}/users/htpasswd")).unwrap(),
        many
    );
}

#[test]
fn a_checksum_is_compared_with_what_is_at_the_url() {
    let config = envoy_folder().join("example/config.json");
    let users = envoy_folder().join("example/users.htpasswd");
    let (config, users) = (config.to_str().unwrap(), users.to_str().unwrap());
    let server = RefusingRegistry::start(|_| reply("200 OK", "", "module"));
    let zeros = "0".repeat(64);
    let made = |url: &str, checksum: &str| {
        let arguments = [
            "manifests",
            "--for",
            "istio-wasmplugin",
            "--plain-http",
            "--config",
            config,
            "--users",
            users,
        ];
        run(&[&arguments[..], &["--url", url, "--sha256", checksum]].concat())
    };
    let found = Digest::of(b"module").to_string();
    for url in [
        format!("http://{}/basic_auth.wasm", server.address),
        format!("oci://{}/basic-auth:1", server.address),
    ] {
        assert_eq!(
            made(&url, &zeros).expect_refusal(),
            format!("the checksum does not fit: at {url} is {found}, and it should be {zeros}")
        );
        let outcome = made(&url, &found.to_uppercase());
        assert_eq!(outcome.warned, "");
        assert!(
            outcome.said.contains(&format!("sha256: \"{found}\"")),
            "{}",
            outcome.said
        );
    }
    let gone = RefusingRegistry::start(|_| reply("404 Not Found", "", ""));
    let outcome = made(&format!("http://{}/m.wasm", gone.address), &zeros);
    assert_eq!(
        outcome.warned,
        format!(
            "warning: the checksum was not compared with what is at the URL: {} answers 404 Not Found\n",
            gone.address
        )
    );
}

#[test]
fn a_policy_on_a_route_is_warned_of_in_the_file_and_on_the_terminal() {
    let config = envoy_folder().join("example/config.json");
    let users = envoy_folder().join("example/users.htpasswd");
    let (config, users) = (config.to_str().unwrap(), users.to_str().unwrap());
    let more = [
        "--users",
        users,
        "--target",
        "httproute/admin",
        "--eg-version",
        "1.9",
    ];
    let order = ["--filter-order", "envoy.filters.http.ext_authz"];
    let outcome = run(&with(
        "envoy-gateway",
        PINNED,
        config,
        &[&more[..], &order].concat(),
    ));
    assert_eq!(
        outcome.warned,
        "warning: the policy is attached to a route: a request that takes another route to the same service gets round \
         it. Attach it to the Gateway (--target gateway/NAME)\n"
    );
    assert!(
        outcome
            .said
            .contains("# WARNING: it is attached to a route.")
    );
    assert!(
        outcome
            .said
            .contains("# `mergeType: StrategicMerge` on that policy")
    );
    let order = "  filterOrder:\n  - name: envoy.filters.http.wasm\n    before: envoy.filters.http.ext_authz\n";
    assert!(outcome.said.contains(order), "{}", outcome.said);
}
