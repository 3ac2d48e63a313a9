//! The configuration of an Envoy with one listener for each filter that is measured.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value, json};
use xtask::envoy::bootstrap;

/// The one filter of a listener. Behind it, every request is answered with 200.
#[derive(Clone, Debug)]
pub(crate) enum Filter {
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
pub(crate) fn bootstrap<'l>(listeners: impl Iterator<Item = (&'l str, &'l Filter)>) -> Value {
    bootstrap::bootstrap(listeners.map(|(name, filter)| listener(name, filter)), [])
}

fn listener(name: &str, filter: &Filter) -> Value {
    let filter = typed_config(name, filter);
    let mut listener = bootstrap::listener(name, filter, &bootstrap::answer());
    bootstrap::manager(&mut listener)["http2_protocol_options"] =
        json!({"max_concurrent_streams": 1000});
    listener
}

fn typed_config(name: &str, filter: &Filter) -> Option<Value> {
    match filter {
        Filter::None => None,
        Filter::Native(users) => Some(bootstrap::typed(
            "extensions.filters.http.basic_auth.v3.BasicAuth",
            json!({"users": {"inline_string": users}}),
        )),
        Filter::Lua(script) => Some(bootstrap::typed(
            "extensions.filters.http.lua.v3.Lua",
            json!({"default_source_code": {"inline_string": script}}),
        )),
        Filter::Wasm {
            module,
            configuration,
        } => {
            let code = json!({"local": {"filename": module}});
            let environment = BTreeMap::new();
            Some(bootstrap::wasm(name, configuration, &environment, code))
        }
    }
}
