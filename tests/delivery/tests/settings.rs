//! Settings: they are documented, and reach what they are for.

use std::fs;
use std::process::Command;

use bytes::Bytes;
use delivery_tests::agent::{Agent, program};
use delivery_tests::fake_envoy::FakeEnvoy;
use delivery_tests::lab::{Lab, module};
use delivery_tests::messages::{Wasm, local, remote};
use delivery_tests::module_server::Behaviour;
use delivery_tests::wait_for;
use wasm_agent::discovery::Dialect;

#[test]
fn the_page_has_every_flag_and_every_variable() {
    let output = Command::new(program()).arg("--help").output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    let page = xtask::repository_root().join("docs/agent.md");
    let page = fs::read_to_string(page).unwrap();
    let words = help.split(|character: char| {
        !(character.is_ascii_alphanumeric() || character == '-' || character == '_')
    });
    let is_flag = |word: &&str| {
        word.starts_with("--") && word.len() > 2 && !["--help", "--version"].contains(word)
    };
    let is_variable = |word: &&str| {
        let is_shouted = |character: char| character.is_ascii_uppercase() || character == '_';
        word.chars().all(is_shouted) && word.contains('_') && !word.starts_with("WASM_AGENT_")
    };
    let named: Vec<&str> = words
        .filter(|word| is_flag(word) || is_variable(word))
        .collect();
    assert!(named.len() > 25, "{named:?}");
    for word in named {
        assert!(page.contains(word), "docs/agent.md has no {word}");
    }
}

/// Flags and variables reach what they are for: each of them makes the agent refuse a module that it would deliver.
#[test]
fn what_is_set_is_heeded() {
    let mut lab = Lab::alone();
    lab.modules.set("/500", Behaviour::Fail(500));
    lab.modules.set("/hang", Behaviour::Hang);
    let blocked = "127.0.0.1";
    type Variables = &'static [(&'static str, &'static str)];
    let table: [(&[&str], Variables, &str, &str); 8] = [
        (
            &["--require-checksum"],
            &[],
            "/good.wasm",
            "without `--require-checksum`",
        ),
        (&["--block-cidr", "127.0.0.0/8"], &[], "/good.wasm", blocked),
        (
            &[],
            &[("WASM_AGENT_BLOCK_CIDR", "10.0.0.0/8,127.0.0.0/8")],
            "/good.wasm",
            blocked,
        ),
        (
            &[],
            &[("BLOCKED_CIDRS_IN_WASM_FETCH", "127.0.0.0/8")],
            "/good.wasm",
            blocked,
        ),
        (
            &[],
            &[("ISTIO_WASM_MAX_BINARY_SIZE_BYTES", "100")],
            "/good.wasm",
            "larger than 100 bytes",
        ),
        (
            &[],
            &[("WASM_HTTP_REQUEST_MAX_RETRIES", "2")],
            "/500",
            "after 2 attempts",
        ),
        (
            &[],
            &[
                ("WASM_HTTP_REQUEST_MAX_RETRIES", "1"),
                ("WASM_HTTP_REQUEST_TIMEOUT", "50ms"),
            ],
            "/hang",
            "after 1 attempts",
        ),
        (
            &["--check-local"],
            &[("WASM_AGENT_CHECK_LOCAL", "off")],
            "",
            "cannot be read",
        ),
    ];
    for (arguments, variables, path, expected) in table {
        let upstream = lab.xds.url();
        let arguments = [&["--upstream", upstream.as_str()], arguments].concat();
        lab.agent = Some(Agent::start(&arguments, variables));
        let code = match path {
            "" => local("/nowhere.wasm"),
            path => remote(&lab.modules.url(path), ""),
        };
        let before = lab.xds.refusals().len();
        lab.set(&Wasm::basic_auth(code, "a:1").any());
        let envoy = FakeEnvoy::connect(&lab.agent().socket(), Dialect::Delta);
        envoy.subscribe(&["lab"]);
        let what = format!("{arguments:?} {variables:?}");
        let reason = wait_for(&what, || lab.xds.refusals().into_iter().nth(before));
        let reason = reason.error.unwrap();
        assert!(reason.contains(expected), "{what}: {reason}");
    }
}

/// Without the check, Envoy itself has to refuse what is not there.
#[test]
fn local_code_passes_unseen_if_that_is_wanted() {
    let mut lab = Lab::alone();
    lab.agent = Some(Agent::with_upstream(
        &lab.xds.url(),
        &["--check-local", "off"],
    ));
    lab.set(&Wasm::basic_auth(local("/nowhere.wasm"), "a:1").any());
    let envoy = FakeEnvoy::connect(&lab.agent().socket(), Dialect::Delta);
    envoy.subscribe(&["lab"]);
    assert_eq!(envoy.response().resources.len(), 1);
}

/// The registry gives the module to who has the right secret; the secret stays with the agent.
#[test]
fn a_pull_secret_opens_the_registry_and_does_not_reach_envoy() {
    let lab = Lab::with_agent(&[]);
    let proxy = lab.proxy(&lab.bootstrap());
    let private = |path: &str, body: Bytes| {
        let behaviour = Behaviour::Private("puller:s3cret", body);
        lab.modules.set(&format!("/v2/p/m/{path}"), behaviour);
    };
    let bytes = &module().bytes;
    let layer = format!("sha256:{}", module().digest);
    let manifest = serde_json::json!({"schemaVersion": 2,
        "config": {"mediaType": "application/vnd.wasm.config.v1+json", "digest": layer, "size": 0},
        "layers": [{"mediaType": "application/vnd.module.wasm.content.layer.v1+wasm", "digest": layer, "size": bytes.len()}]});
    private("manifests/v1", Bytes::from(manifest.to_string()));
    private(&format!("blobs/{layer}"), Bytes::from_static(bytes));
    let host = lab.modules.address().to_string();
    let with_secret = |password: &str| {
        let entry = serde_json::json!({"username": "puller", "password": password});
        let secret = serde_json::json!({ "auths": { &host: entry } }).to_string();
        let code = remote(&format!("oci://{host}/p/m:v1"), "");
        Wasm::basic_auth(code, "second:2")
            .with_variable("ISTIO_META_WASM_IMAGE_PULL_SECRET", &secret)
            .any()
    };
    let sent = lab.set(&with_secret("s3cret-of-old"));
    let reason = lab.xds.wait_for_refusal(&sent).error.unwrap();
    assert_eq!(
        reason,
        format!(
            "lab: could not fetch Wasm OCI image oci://{host}/p/m:v1: could not fetch manifest: {host} refuses the credentials for p/m"
        )
    );
    let sent = lab.set(&with_secret("s3cret"));
    lab.xds.wait_for_acceptance(&sent);
    proxy.wait_for_user("lab", "second:2");
    let agent = lab.agent();
    let dump = proxy.config_dump();
    assert!(dump.contains("second:2"), "{dump}");
    for text in [dump, agent.log(), agent.modules().to_string()] {
        assert!(!text.contains("s3cret"), "{text}");
    }
}
