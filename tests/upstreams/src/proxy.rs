//! One Envoy before all servers: a listener for each configuration of the filter, and one without.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};
use xtask::envoy::bootstrap::{bootstrap, cluster, listener, manager, route_to, wasm};
use xtask::envoy::{self, Envoy};

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
    /// Starts Envoy with `module` before `servers`.
    pub(crate) fn start(servers: &[Server], module: &Path) -> anyhow::Result<Self> {
        let program = envoy::locate()?;
        let configuration = configuration(servers, module).to_string();
        let mut envoy = Envoy::start(&program, &configuration, &["--concurrency", "2"])?;
        envoy.wait_until_live(PATIENCE)?;
        let listeners = envoy.wait_for("its listeners", PATIENCE, Envoy::listeners)?;
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

fn configuration(servers: &[Server], module: &Path) -> Value {
    let code = json!({"local": {"filename": module.display().to_string()}});
    let routes: Vec<Value> = servers.iter().map(route).collect();
    let before_servers = |name: &str, filters: Vec<Value>| {
        // The routes take the place of the only one.
        let mut listener = listener(name, filters, &json!({}));
        let manager = manager(&mut listener);
        manager["codec_type"] = "HTTP1".into();
        let table = &mut manager["route_config"];
        table["request_headers_to_remove"] = json!([SERVER_FIELD]);
        table["virtual_hosts"][0]["routes"] = routes.clone().into();
        listener
    };
    let filtered = RULE_SETS.iter().map(|rule_set| {
        let configuration = rule_set.configuration();
        let filter = wasm(
            rule_set.name,
            &configuration,
            &BTreeMap::new(),
            code.clone(),
        );
        before_servers(rule_set.name, vec![filter])
    });
    bootstrap(
        filtered.chain([before_servers(WITHOUT_FILTER, Vec::new())]),
        (servers.iter()).map(|server| cluster(&server.definition.name, server.address())),
    )
}

fn route(server: &Server) -> Value {
    let name = &server.definition.name;
    let mut route = route_to(name);
    // Everything, also what does not begin with a slash.
    route["match"] = json!({
        "prefix": "",
        "headers": [{"name": SERVER_FIELD, "string_match": {"exact": name}}],
    });
    route["route"]["timeout"] = "10s".into();
    // Some servers close a connection on which the next request is under way.
    route["route"]["retry_policy"] = json!({"retry_on": "reset,connect-failure", "num_retries": 2});
    route
}
