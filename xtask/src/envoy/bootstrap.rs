//! The parts that the configuration of an Envoy is made of.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use serde_json::{Value, json};

/// What Envoy is started with.
pub fn bootstrap(
    listeners: impl IntoIterator<Item = Value>,
    clusters: impl IntoIterator<Item = Value>,
) -> Value {
    let listeners: Vec<_> = listeners.into_iter().collect();
    let clusters: Vec<_> = clusters.into_iter().collect();
    json!({"static_resources": {"listeners": listeners, "clusters": clusters}})
}

/// A listener for HTTP on a free loopback port: `filters` are the configurations of its filters
/// before the router, `action` is what the route of every request does.
pub fn listener(name: &str, filters: impl IntoIterator<Item = Value>, action: &Value) -> Value {
    let router = typed("extensions.filters.http.router.v3.Router", json!({}));
    let filters: Vec<_> = filters
        .into_iter()
        .chain([router])
        .enumerate()
        .map(|(place, filter)| json!({"name": format!("filter-{place}"), "typed_config": filter}))
        .collect();
    // The empty prefix is also that of what does not begin with a slash.
    let mut route = action.clone();
    route["match"] = json!({"prefix": ""});
    let manager = typed(
        "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        json!({
            "stat_prefix": name,
            "codec_type": "AUTO",
            "route_config": {"virtual_hosts": [
                {"name": "all", "domains": ["*"], "routes": [route]},
            ]},
            "http_filters": filters,
        }),
    );
    json!({
        "name": name,
        "address": socket((Ipv4Addr::LOCALHOST, 0).into()),
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    })
}

/// The part of a listener that speaks HTTP, for what not every listener has.
pub fn manager(listener: &mut Value) -> &mut Value {
    &mut listener["filter_chains"][0]["filters"][0]["typed_config"]
}

/// The listeners of a configuration.
pub fn listeners(bootstrap: &mut Value) -> impl Iterator<Item = &mut Value> {
    let listeners = bootstrap["static_resources"]["listeners"].as_array_mut();
    listeners.into_iter().flatten()
}

/// A route that ends with 200, without an upstream.
pub fn answer() -> Value {
    json!({"direct_response": {"status": 200}})
}

/// A route to a cluster.
pub fn route_to(cluster: &str) -> Value {
    json!({"route": {"cluster": cluster}})
}

/// A cluster of one endpoint.
pub fn cluster(name: &str, address: SocketAddr) -> Value {
    json!({
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": socket(address)}}]}],
        },
    })
}

/// The configuration of a Wasm filter whose plugin is called `name`. `code` is an `AsyncDataSource`.
pub fn wasm(
    name: &str,
    configuration: &str,
    environment: &BTreeMap<String, String>,
    code: Value,
) -> Value {
    let configuration = json!({
        "@type": "type.googleapis.com/google.protobuf.StringValue",
        "value": configuration,
    });
    let config = json!({
        "name": name,
        // Envoy names the root and not the plugin in the log of a configuration.
        "root_id": name,
        "failure_policy": "FAIL_RELOAD",
        "configuration": configuration,
        "vm_config": {
            "vm_id": "basic_auth",
            "runtime": "envoy.wasm.runtime.v8",
            "environment_variables": {"key_values": environment},
            "code": code,
        },
    });
    typed(
        "extensions.filters.http.wasm.v3.Wasm",
        json!({"config": config}),
    )
}

/// A message with its type, which is named without `envoy.`.
pub fn typed(name: &str, mut message: Value) -> Value {
    message["@type"] = format!("type.googleapis.com/envoy.{name}").into();
    message
}

fn socket(address: SocketAddr) -> Value {
    json!({"socket_address": {"address": address.ip().to_string(), "port_value": address.port()}})
}
