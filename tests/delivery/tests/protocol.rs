//! What is said on the wire, with a client in Envoy's place.

use std::fs;
use std::time::Duration;

use bytes::Bytes;
use delivery_tests::agent::Agent;
use delivery_tests::authority::Authority;
use delivery_tests::envoy::XdsAddress;
use delivery_tests::fake_envoy::FakeEnvoy;
use delivery_tests::messages::{Wasm, extension_any, local, remote};
use delivery_tests::module_server::ModuleServer;
use delivery_tests::wait_for;
use delivery_tests::xds_server::XdsServer;
use wasm_agent::discovery::{Dialect, Response};
use wasm_agent::wire::{message, put_bytes};

const BOTH: [Dialect; 2] = [Dialect::StateOfTheWorld, Dialect::Delta];
const CDS: &str = "type.googleapis.com/envoy.config.cluster.v3.Cluster";

fn inline(name: &str, text: &str) -> Bytes {
    let code = message(&[(1, &message(&[(3, text.as_bytes())]))]);
    extension_any(name, &Wasm::basic_auth(code, "a:1").any())
}

/// The fields of a request or response, in their order.
fn request(dialect: Dialect, type_url: &str, filling: &[u8]) -> Vec<u8> {
    let type_field = if dialect == Dialect::Delta { 2 } else { 4 };
    message(&[(type_field, type_url.as_bytes()), (3, b"a"), (99, filling)])
}

#[test]
fn other_types_pass_in_both_directions_as_they_are_whatever_their_size() {
    for dialect in BOTH {
        let xds = XdsServer::start();
        let agent = Agent::with_upstream(&xds.url(), &[]);
        let envoy = FakeEnvoy::connect(&agent.socket(), dialect);
        // The server answers with what it has, which is nothing.
        envoy.send(request(dialect, CDS, &vec![7; 8 << 20]));
        envoy.message();
        let response = message(&[
            (4, CDS.as_bytes()),
            (2, &vec![9; 16 << 20]),
            (99, b"unknown"),
            (5, b"n"),
        ]);
        xds.send_raw(&response);
        assert_eq!(envoy.message(), response);
    }
}

#[test]
fn extension_configurations_have_no_limit_of_size() {
    for dialect in BOTH {
        let xds = XdsServer::start();
        let agent = Agent::with_upstream(&xds.url(), &[]);
        let big = inline("a", &"x".repeat(16 << 20));
        xds.set("a", big.clone());
        let envoy = FakeEnvoy::connect(&agent.socket(), dialect);
        envoy.subscribe(&["a"]);
        let response = envoy.response();
        assert_eq!(response.resources.len(), 1);
        assert!(
            response.resources[0]
                .windows(big.len())
                .any(|window| window == big)
                || response.resources[0] == big
        );
    }
}

#[test]
fn a_name_that_does_not_exist_is_answered() {
    let xds = XdsServer::start();
    let agent = Agent::with_upstream(&xds.url(), &[]);
    let envoy = FakeEnvoy::connect(&agent.socket(), Dialect::Delta);
    envoy.subscribe(&["nothing"]);
    assert_eq!(envoy.response().removed, ["nothing"]);
    let envoy = FakeEnvoy::connect(&agent.socket(), Dialect::StateOfTheWorld);
    envoy.subscribe(&["nothing"]);
    assert_eq!(envoy.response().resources, Vec::<Bytes>::new());
}

#[test]
fn a_removal_is_held_back_until_envoy_unsubscribes() {
    let xds = XdsServer::start();
    let agent = Agent::with_upstream(&xds.url(), &[]);
    xds.set("a", inline("a", "code"));
    let envoy = FakeEnvoy::connect(&agent.socket(), Dialect::Delta);
    envoy.subscribe(&["a"]);
    let first = envoy.response();
    envoy.accept(&["a"], &first);
    wait_for("the acceptance", || {
        xds.seen()
            .iter()
            .any(|seen| !seen.nonce.is_empty())
            .then_some(())
    });
    xds.remove("a");
    wait_for("the removal's acceptance", || {
        (xds.seen().len() >= 3).then_some(())
    });
    envoy.hears_nothing(Duration::from_millis(300));
}

/// Section 4.7: a subscription that changes after the agent refused something reaches the server.
#[test]
fn the_server_hears_of_new_names_after_a_refusal_of_the_agents() {
    let xds = XdsServer::start();
    let modules = ModuleServer::start();
    let agent = Agent::with_upstream(&xds.url(), &[]);
    let first = xds.set("a", inline("a", "code"));
    xds.set("b", inline("b", "code"));
    let envoy = FakeEnvoy::connect(&agent.socket(), Dialect::StateOfTheWorld);
    envoy.subscribe(&["a"]);
    let response = envoy.response();
    envoy.accept(&["a"], &response);
    wait_for("the acceptance", || {
        xds.seen()
            .iter()
            .any(|seen| !seen.version.is_empty() && seen.error.is_none())
            .then_some(())
    });
    let code = remote(&modules.url("/404"), "");
    let bad = xds.set(
        "a",
        extension_any("a", &Wasm::basic_auth(code, "a:1").any()),
    );
    let refusal = xds.wait_for_refusal(&bad);
    assert_eq!(refusal.names, ["a"]);
    assert_ne!(refusal.version, bad.version);
    assert!(refusal.version >= first.version);
    // Envoy still has the nonce of what it saw last.
    envoy.accept(&["a", "b"], &response);
    let response = envoy.response();
    assert!(
        response.resources.contains(&inline("b", "code")),
        "{response:?}"
    );
}

/// Trap 3 of section B3: local code that is not there must not reach Envoy, which would be poisoned by it.
#[test]
fn local_code_that_is_missing_is_refused_and_delivered_when_it_is_there() {
    let xds = XdsServer::start();
    let agent = Agent::with_upstream(&xds.url(), &[]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("late.wasm");
    let resource = extension_any(
        "a",
        &Wasm::basic_auth(local(path.to_str().unwrap()), "a:1").any(),
    );
    let envoy = FakeEnvoy::connect(&agent.socket(), Dialect::Delta);
    envoy.subscribe(&["a"]);
    let nothing = envoy.response();
    envoy.accept(&["a"], &nothing);
    let sent = xds.set("a", resource);
    let refusal = xds.wait_for_refusal(&sent).error.unwrap();
    assert!(refusal.contains("late.wasm"), "{refusal}");
    fs::write(&path, b"\0asm\x01\0\0\0").unwrap();
    let response = envoy.response();
    assert_eq!(
        (response.version, response.resources.len()),
        (sent.version, 1)
    );
}

#[test]
fn the_token_is_read_again_and_headers_are_passed_on() {
    let xds = XdsServer::start();
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    fs::write(&token, "first\n").unwrap();
    let agent = Agent::with_upstream(
        &xds.url(),
        &["--upstream-token-file", token.to_str().unwrap()],
    );
    for text in ["first", "second"] {
        fs::write(&token, text).unwrap();
        let envoy = FakeEnvoy::connect(&agent.socket(), Dialect::Delta);
        envoy.subscribe(&["a"]);
        envoy.response();
        let authorization = xds.seen().last().unwrap().authorization.clone();
        assert_eq!(authorization, Some(format!("Bearer {text}")));
    }
    assert!(!agent.log().contains("second"));
}

#[test]
fn hostile_responses_are_survived() {
    for dialect in BOTH {
        let xds = XdsServer::start();
        let agent = Agent::with_upstream(&xds.url(), &[]);
        let envoy = FakeEnvoy::connect(&agent.socket(), dialect);
        envoy.subscribe(&["a"]);
        envoy.response();
        envoy.accept(
            &["a"],
            &Response {
                nonce: "wasm-agent-1".to_owned(),
                ..Response::default()
            },
        );
        for hostile in [
            &b"\xff\xff\xff"[..],
            b"\x22\x05abc",
            b"\x0a\x80\x80\x80\x80\x80\x01",
            b"\x00",
        ] {
            xds.send_raw(hostile);
        }
        // A tag in more octets than it needs is one to Envoy, too: what the agent cannot read, Envoy does not get.
        let mut hidden = message(&[(
            4,
            b"type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
        )]);
        put_bytes(&mut hidden, 5, b"hidden");
        hidden.extend_from_slice(b"\x92\x80\x00\x00");
        xds.send_raw(&hidden);
        let sent = xds.set("a", inline("a", "code"));
        let response = envoy.response();
        assert_eq!(response.version, sent.version);
        assert!(agent.log().contains("cannot be read, and is dropped"));
    }
}

/// An answer to `FetchExtensionConfigs` would pass as it is, with remote code in it.
#[test]
fn a_method_that_nobody_converts_for_is_refused() {
    let xds = XdsServer::start();
    let agent = Agent::with_upstream(&xds.url(), &[]);
    const FETCH: &str =
        "/envoy.service.extension.v3.ExtensionConfigDiscoveryService/FetchExtensionConfigs";
    let socket = XdsAddress::Unix(agent.socket());
    let envoy = FakeEnvoy::call(&socket, FETCH, Dialect::StateOfTheWorld);
    envoy.subscribe(&["a"]);
    let end = envoy.end();
    assert_eq!(
        (end.code(), end.message()),
        (
            tonic::Code::Unimplemented,
            "extension configurations are served by the methods StreamExtensionConfigs and \
             DeltaExtensionConfigs, and over ADS, but by no other method"
        )
    );
    assert!(xds.seen().is_empty());
}

/// What a server sends must not look like another event in the log.
#[test]
fn a_name_with_line_breaks_stays_in_one_line_of_the_log() {
    let xds = XdsServer::start();
    let agent = Agent::with_upstream(&xds.url(), &[]);
    let name = "a\n2026-01-01 forged";
    let nowhere = local("/nowhere.wasm");
    xds.set(
        name,
        extension_any(name, &Wasm::basic_auth(nowhere, "a:1").any()),
    );
    let envoy = FakeEnvoy::connect(&agent.socket(), Dialect::Delta);
    envoy.subscribe(&[name]);
    wait_for("the refusal", || {
        agent
            .log()
            .contains("resource=a 2026-01-01 forged")
            .then_some(())
    });
    xds.set(name, inline(name, "code"));
    envoy.accept(&[name], &envoy.response());
    wait_for("the acceptance", || {
        agent.log().contains("accepts an extension").then_some(())
    });
    assert!(!agent.log().contains("\n2026-01-01"), "{}", agent.log());
}

#[test]
fn a_server_that_is_gone_ends_the_stream_and_the_agent_goes_on() {
    let mut xds = XdsServer::start();
    let agent = Agent::with_upstream(&xds.url(), &[]);
    let envoy = FakeEnvoy::connect(&agent.socket(), Dialect::Delta);
    envoy.subscribe(&["a"]);
    envoy.response();
    xds.kill();
    assert_eq!(envoy.end().code(), tonic::Code::Unavailable);
    let envoy = FakeEnvoy::connect(&agent.socket(), Dialect::Delta);
    assert_eq!(envoy.end().code(), tonic::Code::Unavailable);
    xds.restart();
    let envoy = FakeEnvoy::connect(&agent.socket(), Dialect::Delta);
    envoy.subscribe(&["a"]);
    assert_eq!(envoy.response().removed, ["a"]);
}

#[test]
fn a_switch_of_istios_turns_everything_off() {
    let xds = XdsServer::start();
    let variables = [("ISTIO_AGENT_ENABLE_WASM_REMOTE_LOAD_CONVERSION", "false")];
    let agent = Agent::start(&["--upstream", &xds.url()], &variables);
    let envoy = FakeEnvoy::connect(&agent.socket(), Dialect::StateOfTheWorld);
    let resource = extension_any(
        "a",
        &Wasm::basic_auth(remote("http://127.0.0.1:1/x", ""), "a:1").any(),
    );
    xds.set("a", resource.clone());
    envoy.subscribe(&["a"]);
    assert_eq!(envoy.response().resources, [resource]);
}

/// As istiod wants it: its own authority, a certificate of the agent's, and a token.
#[test]
fn a_server_with_tls_gets_a_certificate_and_a_token() {
    let authority = Authority::new();
    let xds = XdsServer::start_with_tls(authority.acceptor());
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (certificate, key) = authority.identity();
    let (certificate, key) = (file("cert.pem", &certificate), file("key.pem", &key));
    let (ca, token) = (file("ca.pem", &authority.pem()), file("token", "t0ken"));
    let other_ca = file("other.pem", &Authority::new().pem());
    let all = [
        "--upstream-cert",
        &certificate,
        "--upstream-key",
        &key,
        "--upstream-token-file",
        &token,
    ];
    xds.set("a", inline("a", "code"));
    let good = Agent::with_upstream(&xds.url(), &[&["--upstream-ca", &ca], &all[..]].concat());
    let envoy = FakeEnvoy::connect(&good.socket(), Dialect::Delta);
    envoy.subscribe(&["a"]);
    assert_eq!(envoy.response().resources.len(), 1);
    let authorization = xds.seen().last().unwrap().authorization.clone();
    assert_eq!(authorization, Some("Bearer t0ken".to_owned()));
    // Another authority than the server's, and no certificate of its own.
    for arguments in [
        [&["--upstream-ca", other_ca.as_str()], &all[..]].concat(),
        vec!["--upstream-ca", &ca],
    ] {
        let agent = Agent::with_upstream(&xds.url(), &arguments);
        let envoy = FakeEnvoy::connect(&agent.socket(), Dialect::Delta);
        envoy.subscribe(&["a"]);
        assert_eq!(
            envoy.end().code(),
            tonic::Code::Unavailable,
            "{arguments:?}"
        );
    }
}

/// What an upstream sends must not make the agent read files.
#[test]
fn a_file_that_an_upstream_names_is_not_read() {
    let xds = XdsServer::start();
    let agent = Agent::with_upstream(&xds.url(), &[]);
    let code = message(&[(1, &message(&[(3, b"code")]))]);
    let filter = Wasm::basic_auth(code, "a:1").with_variable("USERS", "file:///etc/passwd");
    let resource = extension_any("a", &filter.any());
    xds.set("a", resource.clone());
    let envoy = FakeEnvoy::connect(&agent.socket(), Dialect::StateOfTheWorld);
    envoy.subscribe(&["a"]);
    assert_eq!(envoy.response().resources, [resource]);
}

/// xDS protocol, "TTL": a heartbeat has a name and a time, but no resource.
#[test]
fn a_heartbeat_is_accepted() {
    for dialect in BOTH {
        let xds = XdsServer::start();
        let agent = Agent::with_upstream(&xds.url(), &[]);
        xds.set("a", inline("a", "code"));
        let envoy = FakeEnvoy::connect(&agent.socket(), dialect);
        envoy.subscribe(&["a"]);
        envoy.response();
        let heartbeat = message(&[(3, b"a"), (6, b"\x08\x05")]);
        let url = format!("type.googleapis.com/{}", wasm_agent::discovery::RESOURCE);
        let response = Response {
            resources: vec![Bytes::from(match dialect {
                Dialect::StateOfTheWorld => message(&[(1, url.as_bytes()), (2, &heartbeat)]),
                Dialect::Delta => heartbeat,
            })],
            nonce: "heartbeat".to_owned(),
            ..Response::default()
        };
        xds.send_raw(&response.encode());
        let answer = wait_for("the answer", || {
            xds.seen()
                .into_iter()
                .find(|seen| seen.nonce == "heartbeat")
        });
        assert_eq!(answer.error, None);
    }
}
