//! One Envoy before all servers: a listener for each configuration of the filter, and one without.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};
use xtask::envoy::{self, Envoy};
use xtask::module;

use crate::rule_set::RULE_SETS;
use crate::server::Server;

/// Envoy compiles the module and starts two dozen plugins.
const PATIENCE: Duration = Duration::from_secs(60);

/// The field that names the server which a request is for. Servers do not get it.
pub(crate) const SERVER_FIELD: &str = "x-tested-server";

/// The name of the listener without the filter.
const WITHOUT_FILTER: &str = "without the filter";

/// A live Envoy and where it listens.
pub(crate) struct Proxy {
    _envoy: Envoy,
    listeners: BTreeMap<String, SocketAddr>,
}

impl Proxy {
    /// Starts Envoy before `servers`.
    pub(crate) fn start(servers: &[Server]) -> anyhow::Result<Self> {
        let program = envoy::locate()?;
        let configuration = bootstrap(servers)?.to_string();
        let mut envoy = Envoy::start(&program, &configuration, &["--concurrency", "2"])?;
        envoy.wait_until_live(PATIENCE)?;
        let names = RULE_SETS.iter().map(|rule_set| rule_set.name);
        let mut listeners = BTreeMap::new();
        for name in names.chain([WITHOUT_FILTER]) {
            let address = envoy.wait_for_listener(name, PATIENCE)?;
            listeners.insert(name.to_owned(), address);
        }
        Ok(Self {
            _envoy: envoy,
            listeners,
        })
    }

    /// The listener with the configuration called `rule_set`.
    pub(crate) fn with_filter(&self, rule_set: &str) -> anyhow::Result<SocketAddr> {
        let address = self.listeners.get(rule_set);
        address.copied().context("there is no such listener")
    }

    /// The listener without the filter.
    pub(crate) fn without_filter(&self) -> anyhow::Result<SocketAddr> {
        self.with_filter(WITHOUT_FILTER)
    }
}

fn bootstrap(servers: &[Server]) -> anyhow::Result<Value> {
    let clusters: Vec<Value> = servers.iter().map(cluster).collect();
    let routes: Vec<Value> = servers.iter().map(route).collect();
    let module = module::dist_path();
    let module = module.to_str().context("the module's path is no UTF-8")?;
    let filtered = RULE_SETS.iter().map(|rule_set| {
        let filter = wasm(rule_set.name, &rule_set.configuration(), module);
        listener(rule_set.name, &[filter], &routes)
    });
    let listeners: Vec<Value> = filtered
        .chain([listener(WITHOUT_FILTER, &[], &routes)])
        .collect();
    Ok(json!({"static_resources": {"listeners": listeners, "clusters": clusters}}))
}

fn listener(name: &str, filters: &[Value], routes: &[Value]) -> Value {
    let router = json!({"name": "router", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
    }});
    let filters = [filters, &[router]].concat();
    let manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "test",
        "codec_type": "HTTP1",
        "http_filters": filters,
        "route_config": {
            "request_headers_to_remove": [(SERVER_FIELD)],
            "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}],
        },
    });
    json!({
        "name": name,
        "address": socket(SocketAddr::from(([127, 0, 0, 1], 0))),
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    })
}

fn wasm(name: &str, configuration: &str, module: &str) -> Value {
    json!({"name": "basic_auth", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
        "config": {
            "name": name,
            "root_id": name,
            "failure_policy": "FAIL_CLOSED",
            "configuration": {
                "@type": "type.googleapis.com/google.protobuf.StringValue",
                "value": configuration,
            },
            "vm_config": {
                "vm_id": "upstreams",
                "runtime": "envoy.wasm.runtime.v8",
                "code": {"local": {"filename": module}},
            },
        },
    }})
}

fn route(server: &Server) -> Value {
    let name = &server.definition.name;
    json!({
        "match": {
            // Everything, also what does not begin with a slash.
            "prefix": "",
            "headers": [{"name": SERVER_FIELD, "string_match": {"exact": name}}],
        },
        "route": {
            "cluster": name,
            "timeout": "10s",
            // Some servers close a connection on which the next request is under way.
            "retry_policy": {"retry_on": "reset,connect-failure", "num_retries": 2},
        },
    })
}

fn cluster(server: &Server) -> Value {
    let name = &server.definition.name;
    json!({
        "name": name,
        "type": "STATIC",
        "connect_timeout": "5s",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": socket(server.address)}}]}],
        },
    })
}

fn socket(address: SocketAddr) -> Value {
    json!({"socket_address": {"address": address.ip().to_string(), "port_value": address.port()}})
}
