//! An Envoy that is configured otherwise than the corpus needs: other log levels, an access log.

use super::{Bootstrap, ModuleSource, Plugin, Proxy};
use serde_json::Value;
use std::collections::BTreeMap;
use xtask::{
    envoy::{self, Envoy},
    serve::{Config, Server},
    upstream::Upstream,
};

/// A live Envoy with the built module from a remote URI, and what it stands on.
pub struct Tuned {
    /// The process and its listeners.
    pub proxy: Proxy,
    _server: Server,
    _upstream: Upstream,
}

impl Tuned {
    /// Starts Envoy with one listener for each plugin. `tune` changes its configuration before
    /// that; `arguments` are for its command line.
    ///
    /// # Panics
    /// With Envoy's last words when it does not get there.
    #[must_use]
    pub fn live(plugins: Vec<Plugin>, tune: impl FnOnce(&mut Value), arguments: &[&str]) -> Tuned {
        let server = Server::start(Config::local()).unwrap_or_else(|error| panic!("{error:#}"));
        let upstream = Upstream::start().unwrap_or_else(|error| panic!("{error:#}"));
        let digest = server.digest().to_string();
        let bootstrap = Bootstrap {
            module: ModuleSource {
                address: server.address(),
                path: format!("/{digest}/basic_auth.wasm"),
                sha256: digest,
                retries: 5,
                timeout_seconds: 10.0,
            },
            upstream: upstream.address(),
            plugins,
        };
        let mut configuration = bootstrap.to_json();
        tune(&mut configuration);
        let arguments = [&["--concurrency", "1"], arguments].concat();
        let envoy = envoy::locate()
            .and_then(|program| Envoy::start(&program, &configuration.to_string(), &arguments));
        let mut proxy = Proxy {
            envoy: envoy.unwrap_or_else(|error| panic!("{error:#}")),
            listeners: BTreeMap::new(),
        };
        proxy.wait_until_live();
        Tuned {
            proxy,
            _server: server,
            _upstream: upstream,
        }
    }
}
