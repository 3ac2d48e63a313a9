//! An Envoy that is configured otherwise than the corpus needs: other log levels, an access log.

use super::{Bootstrap, ModuleSource, Plugin, Proxy};
use crate::fixture;
use serde_json::Value;
use xtask::{serve::Server, upstream::Upstream};

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
        let server = fixture::module_server();
        let upstream = Upstream::start().unwrap_or_else(|error| panic!("{error:#}"));
        let bootstrap = Bootstrap {
            module: ModuleSource::of(&server),
            upstream: upstream.address(),
            plugins,
        };
        let mut configuration = bootstrap.to_json();
        tune(&mut configuration);
        let mut proxy = Proxy::start(&configuration, arguments);
        proxy.wait_until_live();
        Tuned {
            proxy,
            _server: server,
            _upstream: upstream,
        }
    }
}
