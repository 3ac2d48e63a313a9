//! The extension configuration of a filter, in a folder that Envoy watches.

use basic_auth_tests::fixture::module;
use serde_json::{Value, json};
use std::{fs, path::PathBuf};
use tempfile::TempDir;
use xtask::envoy::bootstrap::wasm;

/// The name of the extension configuration.
const NAME: &str = "main";

/// A folder with the configuration and the modules.
pub(super) struct Ecds {
    folder: TempDir,
}

impl Ecds {
    /// With this plugin configuration and the built module.
    pub(super) fn of(configuration: &str) -> Ecds {
        let ecds = Ecds {
            folder: tempfile::tempdir().expect("a folder"),
        };
        ecds.write_module("one", &module().bytes);
        // A custom section makes it another module.
        ecds.write_module("other", &[&module().bytes[..], &[0, 2, 1, b'x']].concat());
        ecds.publish(configuration, "one", 1);
        ecds
    }

    fn write_module(&self, name: &str, octets: &[u8]) {
        fs::write(self.module(name), octets).expect("written");
    }

    fn module(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("{name}.wasm"))
    }

    /// Puts another configuration, or another module, in the place of what is there.
    pub(super) fn publish(&self, configuration: &str, module: &str, version: u32) {
        let code = json!({"local": {"filename": self.module(module)}});
        let response = json!({
            "version_info": version.to_string(),
            "resources": [{
                "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
                "name": NAME,
                "typed_config": wasm(NAME, configuration, &[].into(), code),
            }],
        });
        // Envoy sees a file that is moved to the place of another.
        let (new, path) = (self.folder.path().join("new"), self.path());
        fs::write(&new, response.to_string()).expect("written");
        fs::rename(new, path).expect("moved");
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("main.json")
    }

    /// The filter that takes it.
    pub(super) fn filter(&self) -> Value {
        json!({"name": NAME, "config_discovery": {
            "config_source": {
                "path_config_source": {
                    "path": self.path(),
                    "watched_directory": {"path": self.folder.path()},
                },
                "resource_api_version": "V3",
            },
            "type_urls": ["type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm"],
        }})
    }
}
