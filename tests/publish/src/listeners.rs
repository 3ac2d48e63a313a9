//! Listeners in a file of their own, which Envoy watches.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::golden::documents;

/// A complete configuration, and its listeners for the file `listeners.json` in a folder that Envoy watches.
///
/// # Panics
/// If it is no configuration.
#[must_use]
pub fn with_listeners_in(folder: &Path, complete: &str) -> (String, String) {
    let mut bootstrap = documents(complete).remove(0);
    let mut listeners = bootstrap["static_resources"]["listeners"].take();
    for listener in listeners.as_array_mut().expect("listeners") {
        listener["@type"] = json!("type.googleapis.com/envoy.config.listener.v3.Listener");
    }
    bootstrap["static_resources"]["listeners"] = json!([]);
    bootstrap["node"] = json!({"id": "envoy", "cluster": "tests"});
    bootstrap["dynamic_resources"]["lds_config"] = json!({
        "resource_api_version": "V3",
        "path_config_source": {
            "path": folder.join("listeners.json"),
            "watched_directory": {"path": folder},
        },
    });
    (
        bootstrap.to_string(),
        json!({"resources": listeners}).to_string(),
    )
}

/// Writes them beside, and moves them there: what Envoy watches for.
///
/// # Panics
/// If the folder cannot be written to.
pub fn move_listeners_to(folder: &Path, listeners: &str) {
    let beside = folder.join("new.json");
    fs::write(&beside, listeners).expect("a file");
    fs::rename(beside, folder.join("listeners.json")).expect("a file");
}
