//! The configuration of an Envoy with one listener for each plugin configuration.

use serde_json::{Value, json};
use std::{collections::BTreeMap, net::SocketAddr};

/// Where Envoy gets the module.
#[derive(Clone, Debug)]
pub struct ModuleSource {
    /// The address of the module's server.
    pub address: SocketAddr,
    /// The path there.
    pub path: String,
    /// What Envoy is told to expect.
    pub sha256: String,
    /// How often Envoy asks again.
    pub retries: u32,
    /// How long one download may take, in seconds.
    pub timeout_seconds: f32,
}

/// One listener and its plugin configuration.
#[derive(Clone, Debug)]
pub struct Plugin {
    /// The name of listener and plugin.
    pub name: String,
    /// The plugin configuration, verbatim.
    pub configuration: String,
    /// The VM's environment variables.
    pub environment: BTreeMap<String, String>,
}

/// What Envoy is started with.
#[derive(Clone, Debug)]
pub struct Bootstrap {
    /// Where the module is.
    pub module: ModuleSource,
    /// Where requests go that pass.
    pub upstream: SocketAddr,
    /// One listener each.
    pub plugins: Vec<Plugin>,
}

impl Bootstrap {
    /// The configuration, for a `.yaml` or `.json` file.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let listeners: Vec<Value> = self
            .plugins
            .iter()
            .map(|plugin| self.listener(plugin))
            .collect();
        json!({
            "static_resources": {
                "listeners": listeners,
                "clusters": [
                    cluster("upstream", self.upstream),
                    cluster("modules", self.module.address),
                ],
            }
        })
    }

    fn listener(&self, plugin: &Plugin) -> Value {
        let mut manager = json!({
            "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": "test",
            "codec_type": "AUTO",
            "local_reply_config": details_as_header(),
            "route_config": {"virtual_hosts": [{
                "name": "all",
                "domains": ["*"],
                // Everything, also what does not begin with a slash.
                "routes": [{"match": {"prefix": ""}, "route": {"cluster": "upstream"}}],
            }]},
        });
        manager["http_filters"] = json!([
            {"name": "basic_auth", "typed_config": self.wasm(plugin)},
            {"name": "router", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
            }},
        ]);
        json!({
            "name": plugin.name,
            "address": socket(SocketAddr::from(([127, 0, 0, 1], 0))),
            "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
        })
    }

    fn wasm(&self, plugin: &Plugin) -> Value {
        let ModuleSource {
            address,
            path,
            sha256,
            retries,
            timeout_seconds,
        } = &self.module;
        json!({
            "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            "config": {
                "name": plugin.name,
                // Envoy names the root and not the plugin in the log of a configuration.
                "root_id": plugin.name,
                "failure_policy": "FAIL_RELOAD",
                "configuration": {
                    "@type": "type.googleapis.com/google.protobuf.StringValue",
                    "value": plugin.configuration,
                },
                "vm_config": {
                    "vm_id": "tests",
                    "runtime": "envoy.wasm.runtime.v8",
                    "environment_variables": {"key_values": plugin.environment},
                    "code": {"remote": {
                        "http_uri": {
                            "uri": format!("http://{address}{path}"),
                            "cluster": "modules",
                            "timeout": format!("{timeout_seconds}s"),
                        },
                        "sha256": sha256,
                        "retry_policy": {
                            "num_retries": retries,
                            "retry_back_off": {"base_interval": "0.1s", "max_interval": "0.2s"},
                        },
                    }},
                },
            },
        })
    }
}

/// Adds the response code details to every answer that is Envoy's own, so that a client sees why.
fn details_as_header() -> Value {
    json!({"mappers": [{
        "filter": {"status_code_filter": {"comparison": {
            "op": "GE",
            "value": {"default_value": 100, "runtime_key": "any_status"},
        }}},
        "headers_to_add": [{"header": {
            "key": super::observation::DETAILS,
            "value": "%RESPONSE_CODE_DETAILS%",
        }}],
    }]})
}

fn cluster(name: &str, address: SocketAddr) -> Value {
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

fn socket(address: SocketAddr) -> Value {
    json!({"socket_address": {"address": address.ip().to_string(), "port_value": address.port()}})
}
