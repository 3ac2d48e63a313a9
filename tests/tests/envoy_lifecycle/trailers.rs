//! Request trailers: what the upstream must not get as a header field it does not get as a trailer.

use super::{GOOD, assert_at_work, get};
use basic_auth_tests::{envoy::Tuned, fixture::plugin};
use serde_json::{Value, json};
use std::net::SocketAddr;
use xtask::{
    envoy::bootstrap::{listeners, manager, typed},
    http,
};

const STRICT: &str = r#"{"forward_username_header": "x-user", "hide_credentials": true,
    "basic_auth_rules": [{"path_separated_prefix": "/admin", "credentials": ["Aladdin:open sesame"]}]}"#;
const FORWARDING: &str = r#"{"forward_username_header": "x-user",
    "basic_auth_rules": [{"path_separated_prefix": "/admin", "credentials": ["Aladdin:open sesame"]}]}"#;
const LAX: &str =
    r#"{"basic_auth_rules": [{"prefix": "/admin", "credentials": ["Aladdin:open sesame"]}]}"#;
const ALL: &str =
    r#"{"basic_auth_rules": [{"prefix": "/", "credentials": ["Aladdin:open sesame"]}]}"#;

/// Envoy drops the trailers of HTTP/1.1 unless it is told to read and to write them.
fn with_trailers(configuration: &mut Value) {
    for listener in listeners(configuration) {
        manager(listener)["http_protocol_options"] = json!({"enable_trailers": true});
    }
    let options = typed(
        "extensions.upstreams.http.v3.HttpProtocolOptions",
        json!({"explicit_http_config": {"http_protocol_options": {"enable_trailers": true}}}),
    );
    let name = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
    configuration["static_resources"]["clusters"][0]["typed_extension_protocol_options"] =
        json!({ name: options });
}

/// The trailers that the upstream gets of these, with a body before them.
fn upstream_gets(address: SocketAddr, path: &str, trailers: &[(&str, &str)]) -> Value {
    let trailers = trailers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"));
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: example.com\r\nauthorization: {GOOD}\r\nte: trailers\r\n\
         transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n{}\r\n",
        trailers.collect::<String>()
    );
    let answer = http::send_octets(address, request.as_bytes()).expect("an answer");
    assert_eq!(answer.status, 200, "{answer:?}");
    let body: Value = serde_json::from_slice(&answer.body).expect("JSON");
    body["trailers"].clone()
}

#[test]
fn trailers_have_neither_the_user_name_nor_hidden_credentials_by_any_spelling() {
    let plugins = [
        ("strict", STRICT),
        ("forwarding", FORWARDING),
        ("lax", LAX),
        ("main", ALL),
    ];
    let plugins = plugins.map(|(name, configuration)| plugin(name, configuration));
    let Tuned { proxy, .. } = &Tuned::live(plugins.into(), with_trailers, &[]);
    let sent = [
        ("X-User", "root"),
        ("x-other", "kept"),
        ("x_user", "root"),
        ("X_USER", "root"),
        ("x.user", "root"),
        ("x-user", "again"),
        ("x-users", "kept"),
        ("Authorization", GOOD),
        ("AUTHORIZATION", GOOD),
    ];
    let others = json!([["x-other", "kept"], ["x-users", "kept"]]);
    let with_credentials = json!([
        ["x-other", "kept"],
        ["x-users", "kept"],
        ["authorization", GOOD],
        ["authorization", GOOD]
    ]);
    for path in ["/admin", "/unmatched"] {
        let got = |listener| upstream_gets(proxy.listener(listener), path, &sent);
        assert_eq!(got("strict"), others, "{path}");
        assert_eq!(got("forwarding"), with_credentials, "{path}");
        assert_eq!(
            got("lax"),
            json!(sent.map(|(name, value)| [name.to_lowercase(), value.into()]))
        );
    }

    // 60 KB are what Envoy takes of trailers, in up to 100 fields.
    let long = "a".repeat(630);
    let many: Vec<_> = (0..90)
        .map(|at| ["x-user", "x_user", "authorization"][at % 3])
        .collect();
    let many: Vec<_> = many.into_iter().map(|name| (name, long.as_str())).collect();
    assert_eq!(
        upstream_gets(proxy.listener("strict"), "/admin", &many),
        json!([])
    );
    assert_eq!(
        upstream_gets(proxy.listener("strict"), "/admin", &[]),
        json!([])
    );
    assert_at_work(proxy.listener("main"));
    assert_eq!(get(proxy.listener("strict"), b"/admin", &[]).status, 401);
}
