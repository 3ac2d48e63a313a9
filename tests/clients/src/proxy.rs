//! One Envoy with the built module: a listener for each kind of server behind it.

use basic_auth_tests::{envoy::Tuned, fixture::plugin};
use serde_json::{Value, json};
use std::net::SocketAddr;
use xtask::envoy::bootstrap::{cluster, listeners, manager};

/// bcrypt 4 of `open sesame`.
const ALICE: &str = "alice:$2y$04$9Kituig3gNdg3vedn1rUv.u7zG7zRb66G97mDxdbqLuxO4fgH9a/q";

const HTTP_OPTIONS: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/// The right credentials.
pub const GOOD: &str = "alice:open sesame";
/// The same with another password.
pub const WRONG: &str = "alice:open barley";

/// An Envoy in front of these servers.
///
/// `site` protects the upstream that says what it got; `slow_to_ask` is the same without
/// `proxy_100_continue`; `forward` is a proxy that clients are configured to use; `git`,
/// `registry` and `grpc` stand before these servers, `mirror` before the registry for whoever has no credentials, too.
///
/// # Panics
/// With Envoy's last words when it does not get there.
#[must_use]
pub fn start(git: SocketAddr, registry: SocketAddr, grpc: SocketAddr) -> Tuned {
    let everything = json!([{"prefix": "/"}]);
    let site = json!({"users": ALICE, "realm": "staff", "forward_username_header": "x-user",
        "basic_auth_rules": everything})
    .to_string();
    let forward =
        json!({"users": ALICE, "realm": "the way out", "forward_username_header": "x-user",
        "authentication_header": "proxy-authorization", "hide_credentials": true,
        "basic_auth_rules": everything})
        .to_string();
    let mirror = json!({"users": ALICE,
        "basic_auth_rules": [{"prefix": "/", "allow_missing": true}]})
    .to_string();
    let plugins = [
        ("site", &site),
        ("slow_to_ask", &site),
        ("forward", &forward),
        ("git", &site),
        ("registry", &site),
        ("grpc", &site),
        ("mirror", &mirror),
    ];
    let plugins = plugins.map(|(name, configuration)| plugin(name, configuration));
    let tune = |configuration: &mut Value| tune(configuration, git, registry, grpc);
    Tuned::live(plugins.into(), tune, &["--log-level", "warning"])
}

fn tune(configuration: &mut Value, git: SocketAddr, registry: SocketAddr, grpc: SocketAddr) {
    let clusters = configuration["static_resources"]["clusters"].as_array_mut();
    let clusters = clusters.expect("clusters");
    clusters.push(cluster("git", git));
    clusters.push(cluster("registry", registry));
    let mut grpc = cluster("grpc", grpc);
    grpc["typed_extension_protocol_options"] = json!({HTTP_OPTIONS: {
        "@type": format!("type.googleapis.com/{HTTP_OPTIONS}"),
        "explicit_http_config": {"http2_protocol_options": {}},
    }});
    clusters.push(grpc);
    for listener in listeners(configuration) {
        let name = listener["name"].as_str().unwrap_or_default().to_owned();
        let manager = manager(listener);
        manager["proxy_100_continue"] = (name != "slow_to_ask").into();
        let routes = &mut manager["route_config"]["virtual_hosts"][0]["routes"];
        match name.as_str() {
            "git" => routes[0]["route"]["cluster"] = "git".into(),
            "grpc" => routes[0]["route"]["cluster"] = "grpc".into(),
            "registry" | "mirror" => routes[0]["route"]["cluster"] = "registry".into(),
            "forward" => {
                *routes = json!([
                    {"match": {"connect_matcher": {}}, "route": {"cluster": "upstream",
                        "upgrade_configs": [{"upgrade_type": "CONNECT", "connect_config": {}}]}},
                    {"match": {"prefix": ""}, "route": {"cluster": "upstream"}},
                ]);
                manager["upgrade_configs"] = json!([{"upgrade_type": "CONNECT"}]);
            }
            _ => {}
        }
    }
}
