//! The configuration of an Envoy with one listener for each filter that is measured.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// The one filter of a listener. Behind it, every request is answered with 200.
#[derive(Clone, Debug)]
pub(super) enum Filter {
    None,
    /// Envoy's own `basic_auth`, with htpasswd text.
    Native(String),
    /// A Lua script.
    Lua(String),
    Wasm {
        module: PathBuf,
        /// Handed to the plugin verbatim.
        configuration: String,
    },
}

/// The configuration, with a listener of each name.
pub(super) fn bootstrap<'l>(listeners: impl Iterator<Item = (&'l str, &'l Filter)>) -> Value {
    let listeners: Vec<_> = listeners
        .map(|(name, filter)| listener(name, filter))
        .collect();
    json!({ "static_resources": { "listeners": listeners } })
}

fn listener(name: &str, filter: &Filter) -> Value {
    let mut filters: Vec<_> = typed_config(name, filter)
        .map(|typed_config| json!({"name": "measured", "typed_config": typed_config}))
        .into_iter()
        .collect();
    let router = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router";
    filters.push(json!({"name": "router", "typed_config": {"@type": router}}));
    let manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name,
        "codec_type": "AUTO",
        "http2_protocol_options": {"max_concurrent_streams": 1000},
        "route_config": {"virtual_hosts": [{
            "name": "all",
            "domains": ["*"],
            "routes": [{"match": {"prefix": "/"}, "direct_response": {"status": 200}}],
        }]},
        "http_filters": filters,
    });
    json!({
        "name": name,
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    })
}

fn typed_config(name: &str, filter: &Filter) -> Option<Value> {
    match filter {
        Filter::None => None,
        Filter::Native(users) => Some(json!({
            "@type": "type.googleapis.com/envoy.extensions.filters.http.basic_auth.v3.BasicAuth",
            "users": {"inline_string": users},
        })),
        Filter::Lua(script) => Some(json!({
            "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
            "default_source_code": {"inline_string": script},
        })),
        Filter::Wasm {
            module,
            configuration,
        } => Some(wasm(name, module, configuration)),
    }
}

fn wasm(name: &str, module: &Path, configuration: &str) -> Value {
    json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
        "config": {
            "name": name,
            "root_id": name,
            "configuration": {
                "@type": "type.googleapis.com/google.protobuf.StringValue",
                "value": configuration,
            },
            "vm_config": {
                "vm_id": "bench",
                "runtime": "envoy.wasm.runtime.v8",
                "code": {"local": {"filename": module}},
            },
        },
    })
}
