//! A real Envoy that takes extension configurations from the agent, or from the tests' server without it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use xtask::envoy::Envoy;

use crate::messages::{HTTP_RBAC, HTTP_WASM};
use crate::{PATIENCE, wait_for};

/// Where Envoy's xDS server is.
#[derive(Clone, Debug)]
pub enum XdsAddress {
    /// A TCP port.
    Tcp(SocketAddr),
    /// A Unix socket.
    Unix(PathBuf),
}

/// What an Envoy of the tests is like.
#[derive(Clone, Debug)]
pub struct Bootstrap {
    /// Its xDS server.
    pub xds: XdsAddress,
    /// Whether it speaks delta.
    pub is_delta: bool,
    /// Names of the extension configurations of the static listeners, which are called like them.
    pub listeners: Vec<String>,
    /// Whether it asks for listeners.
    pub has_lds: bool,
    /// Whether it asks for clusters.
    pub has_cds: bool,
    /// Whether extension configurations come over a service of their own and not over ADS.
    pub is_ecds_alone: bool,
    /// The cluster `modules`, for an Envoy that downloads by itself.
    pub modules: Option<SocketAddr>,
    /// Whether requests are denied before the first configuration.
    pub denies_first: bool,
    /// `initial_fetch_timeout` of the extension configurations.
    pub fetch_timeout: String,
    /// Types that an extension configuration may have.
    pub type_urls: Vec<String>,
}

impl Bootstrap {
    /// One listener `lab`, over state-of-the-world.
    pub fn new(xds: XdsAddress) -> Self {
        Self {
            xds,
            is_delta: false,
            listeners: vec!["lab".to_owned()],
            has_lds: false,
            has_cds: false,
            is_ecds_alone: false,
            modules: None,
            denies_first: true,
            fetch_timeout: "0s".to_owned(),
            type_urls: vec![HTTP_WASM.to_owned(), HTTP_RBAC.to_owned()],
        }
    }

    /// At the agent's socket.
    pub fn at_socket(path: &Path) -> Self {
        Self::new(XdsAddress::Unix(path.to_owned()))
    }

    /// The same over delta.
    #[must_use]
    pub fn over_delta(self) -> Self {
        Self {
            is_delta: true,
            ..self
        }
    }

    /// The same with other listeners.
    #[must_use]
    pub fn with_listeners(self, names: &[&str]) -> Self {
        Self {
            listeners: names.iter().map(|name| (*name).to_owned()).collect(),
            ..self
        }
    }

    fn api_type(&self) -> &'static str {
        if self.is_delta { "DELTA_GRPC" } else { "GRPC" }
    }

    fn to_json(&self) -> Value {
        let address = match &self.xds {
            XdsAddress::Tcp(address) => {
                json!({"socket_address": {"address": address.ip().to_string(), "port_value": address.port()}})
            }
            XdsAddress::Unix(path) => json!({"pipe": {"path": path}}),
        };
        let mut resources = json!({"ads_config": {"api_type": self.api_type(), "transport_api_version": "V3",
            "grpc_services": [{"envoy_grpc": {"cluster_name": "xds"}}]}});
        if self.has_lds {
            resources["lds_config"] = json!({"ads": {}, "resource_api_version": "V3"});
        }
        if self.has_cds {
            resources["cds_config"] = json!({"ads": {}, "resource_api_version": "V3"});
        }
        let endpoint =
            |address: Value| json!([{"lb_endpoints": [{"endpoint": {"address": address}}]}]);
        let mut clusters = vec![json!({
            "name": "xds", "type": "STATIC", "connect_timeout": "1s",
            "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": {"http2_protocol_options": {}}}},
            "load_assignment": {"cluster_name": "xds", "endpoints": endpoint(address)},
        })];
        if let Some(modules) = self.modules {
            let address = json!({"socket_address": {"address": modules.ip().to_string(), "port_value": modules.port()}});
            clusters.push(
                json!({"name": "modules", "type": "STATIC", "connect_timeout": "1s",
                "load_assignment": {"cluster_name": "modules", "endpoints": endpoint(address)}}),
            );
        }
        let listeners: Vec<Value> = self
            .listeners
            .iter()
            .map(|name| self.listener(name))
            .collect();
        json!({
            "node": {"id": "envoy", "cluster": "tests"},
            "dynamic_resources": resources,
            "static_resources": {"listeners": listeners, "clusters": clusters},
        })
    }

    fn listener(&self, name: &str) -> Value {
        let mut manager = self.http_connection_manager(name);
        manager["@type"] = json!(
            "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
        );
        json!({"name": name,
            "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
            "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}]})
    }

    /// The fields of an HTTP connection manager that filters with the extension configuration `name`.
    pub fn http_connection_manager(&self, name: &str) -> Value {
        let mut source =
            json!({"resource_api_version": "V3", "initial_fetch_timeout": self.fetch_timeout});
        if self.is_ecds_alone {
            source["api_config_source"] = json!({"api_type": self.api_type(), "transport_api_version": "V3",
                "grpc_services": [{"envoy_grpc": {"cluster_name": "xds"}}]});
        } else {
            source["ads"] = json!({});
        }
        let mut discovery = json!({
            "config_source": source,
            "type_urls": self.type_urls,
        });
        if self.denies_first {
            discovery["default_config"] = json!({"@type": HTTP_RBAC, "rules": {}});
            discovery["apply_default_config_without_warming"] = json!(true);
        }
        json!({
            "stat_prefix": name,
            "http_filters": [
                {"name": name, "config_discovery": discovery},
                {"name": "router", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}},
            ],
            "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
                {"match": {"prefix": "/"}, "direct_response": {"status": 200, "body": {"inline_string": "ok\n"}}}]}]},
        })
    }
}

/// A running Envoy.
pub struct Proxy {
    /// The process.
    pub envoy: Envoy,
    listeners: Vec<(String, SocketAddr)>,
}

impl Proxy {
    /// Starts Envoy, and waits until its listeners accept connections.
    ///
    /// # Panics
    /// With Envoy's last words, if they do not.
    #[must_use]
    pub fn live(bootstrap: &Bootstrap) -> Self {
        let mut proxy = Self::starting(bootstrap);
        proxy
            .envoy
            .wait_until_live(PATIENCE)
            .unwrap_or_else(|error| panic!("{error:#}"));
        for name in &bootstrap.listeners {
            let address = proxy.envoy.wait_for_listener(name, PATIENCE);
            proxy.listeners.push((
                name.clone(),
                address.unwrap_or_else(|error| panic!("{error:#}")),
            ));
        }
        proxy
    }

    /// Starts Envoy.
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use]
    pub fn starting(bootstrap: &Bootstrap) -> Self {
        let program = xtask::envoy::locate().unwrap_or_else(|error| panic!("{error:#}"));
        let arguments = ["--concurrency", "1", "--log-level", "info"];
        let envoy = Envoy::start(&program, &bootstrap.to_json().to_string(), &arguments);
        Self {
            envoy: envoy.unwrap_or_else(|error| panic!("{error:#}")),
            listeners: Vec::new(),
        }
    }

    /// Where a listener listens.
    ///
    /// # Panics
    /// If there is none of this name.
    pub fn address(&self, name: &str) -> SocketAddr {
        let found = self.listeners.iter().find(|(known, _)| known == name);
        found.unwrap_or_else(|| panic!("no listener {name}")).1
    }

    /// A counter or gauge of Envoy's.
    pub fn statistic(&self, name: &str) -> u64 {
        let answer = self
            .envoy
            .ask_admin(&format!("/stats?filter=^{}$", name.replace('.', "\\.")));
        let text = answer.map(|answer| String::from_utf8_lossy(&answer.body).into_owned());
        let text = text.unwrap_or_default();
        text.rsplit(": ")
            .next()
            .and_then(|value| value.trim().parse().ok())
            .unwrap_or(0)
    }

    /// All configuration that Envoy has, as JSON.
    ///
    /// # Panics
    /// If Envoy does not answer.
    pub fn config_dump(&self) -> String {
        let answer = self.envoy.ask_admin("/config_dump");
        let answer = answer.unwrap_or_else(|error| panic!("{error:#}"));
        String::from_utf8_lossy(&answer.body).into_owned()
    }

    /// Waits until `user` (`name:password`) opens `/admin` at a listener, and nobody does without.
    #[track_caller]
    pub fn wait_for_user(&self, listener: &str, user: &str) {
        let address = self.address(listener);
        wait_for(&format!("{user} opens /admin at {listener}"), || {
            (crate::client::user_at_work(address, &[user]) == Some(user)).then_some(())
        });
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("== Envoy's last words\n{}", self.envoy.last_words());
        }
    }
}
