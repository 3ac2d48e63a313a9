//! The configuration of an Envoy with one listener for each plugin configuration.

use serde_json::{Value, json};
use std::{collections::BTreeMap, net::SocketAddr};
use xtask::{
    envoy::bootstrap::{bootstrap, cluster, listener, manager, route_to, wasm},
    serve::Server,
};

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

impl ModuleSource {
    /// From the URL of a server whose content never changes.
    #[must_use]
    pub fn of(server: &Server) -> ModuleSource {
        let digest = server.digest().to_string();
        ModuleSource {
            address: server.address(),
            path: format!("/{digest}/basic_auth.wasm"),
            sha256: digest,
            retries: 5,
            timeout_seconds: 10.0,
        }
    }

    /// As Envoy's configuration has it.
    fn code(&self) -> Value {
        let ModuleSource {
            address,
            path,
            sha256,
            retries,
            timeout_seconds,
        } = self;
        json!({"remote": {
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
        }})
    }
}

impl Bootstrap {
    /// The configuration, for a `.yaml` or `.json` file.
    #[must_use]
    pub fn to_json(&self) -> Value {
        bootstrap(
            self.plugins.iter().map(|plugin| self.listener(plugin)),
            [
                cluster("upstream", self.upstream),
                cluster("modules", self.module.address),
            ],
        )
    }

    fn listener(&self, plugin: &Plugin) -> Value {
        let Plugin {
            name,
            configuration,
            environment,
        } = plugin;
        let filter = wasm(name, configuration, environment, self.module.code());
        let mut listener = listener(name, [filter], &route_to("upstream"));
        manager(&mut listener)["local_reply_config"] = details_as_header();
        listener
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
