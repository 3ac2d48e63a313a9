//! An Envoy with two workers, whose filter comes over ECDS from a file.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use xtask::envoy::{Envoy, bootstrap};
use xtask::target_folder;

use crate::Stage;

/// Of `open sesame`.
pub(super) const BCRYPT_10: &str = "$2y$10$6eP/RyK1P/uTDmqzL0lfJ.AQ1GuaUOa6D/yUlt9XcJlBB8EGfaT9e";
/// Of `open sesame`.
pub(super) const BCRYPT_12: &str = "$2y$12$NtaqIwBE10EFUgxIEYwFF.wx2KlPp9WZRrC/Sn7d7feRFs8mg4GIy";

/// Users that are configured, with names by their numbers.
const USERS: usize = 600;

/// How long Envoy may take to start.
const PATIENCE: Duration = Duration::from_secs(120);

/// How checks are made.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mechanism {
    /// At once, and refused when the budget is spent.
    Whole,
    /// By default.
    Sliced,
}

impl Mechanism {
    pub(super) fn name(self) -> &'static str {
        match self {
            Mechanism::Whole => "whole",
            Mechanism::Sliced => "sliced",
        }
    }

    fn budget(self) -> Value {
        match self {
            Mechanism::Whole => json!({"max_wait_ms": 0, "client_share_percent": 100}),
            Mechanism::Sliced => json!({}),
        }
    }
}

/// The Envoy.
pub(super) struct Lab {
    envoy: Envoy,
    pub(super) address: SocketAddr,
    folder: PathBuf,
    module: PathBuf,
    mechanism: Mechanism,
    hash: &'static str,
    version: u32,
}

impl Lab {
    pub(super) fn start(
        stage: &Stage,
        mechanism: Mechanism,
        hash: &'static str,
    ) -> anyhow::Result<Self> {
        let folder = target_folder().join("bench").join("flood");
        fs::create_dir_all(&folder)?;
        let path = folder.join("filter.json");
        let module = stage.module.clone();
        write(
            &folder,
            &module,
            &configuration(mechanism.budget(), hash, ""),
            1,
        )?;
        let mut listener = bootstrap::listener("main", [], &bootstrap::answer());
        let filters = &mut bootstrap::manager(&mut listener)["http_filters"];
        let router = filters[0].clone();
        *filters = json!([
            {"name": "filter", "config_discovery": {
                "config_source": {
                    "path_config_source": {"path": path, "watched_directory": {"path": folder}},
                    "resource_api_version": "V3",
                },
                "type_urls": ["type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm"],
            }},
            router,
        ]);
        let configuration = bootstrap::bootstrap([listener], []).to_string();
        let arguments = [
            "--concurrency",
            "2",
            "--log-level",
            "warn",
            "--service-node",
            "bench",
            "--service-cluster",
            "bench",
        ];
        let mut envoy = Envoy::start(&stage.envoy, &configuration, &arguments)?;
        envoy.wait_until_live(PATIENCE)?;
        let address = envoy.wait_for_listener("main", PATIENCE)?;
        Ok(Self {
            envoy,
            address,
            folder,
            module,
            mechanism,
            hash,
            version: 1,
        })
    }

    /// Puts a configuration in force: with another user, and all of the workers' time for checks or not.
    pub(super) fn publish(&mut self, user: &str, is_for_checks: bool) -> anyhow::Result<()> {
        self.version += 1;
        let budget = if is_for_checks {
            json!({"share_percent": 100, "client_share_percent": 100, "max_wait_ms": 60_000})
        } else {
            self.mechanism.budget()
        };
        let user = format!("{user}:{{PLAIN}}word");
        let configuration = configuration(budget, self.hash, &user);
        write(&self.folder, &self.module, &configuration, self.version)?;
        let taken = "extension_config_discovery.http_filter.filter.config_reload";
        let version = u64::from(self.version);
        self.envoy.wait_for("the update", PATIENCE, |envoy| {
            let count = envoy.statistic(taken).ok()??;
            (count >= version).then_some(())
        })
    }
}

fn write(folder: &Path, module: &Path, configuration: &str, version: u32) -> anyhow::Result<()> {
    let code = json!({"local": {"filename": module}});
    let response = json!({"version_info": version.to_string(), "resources": [{
        "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
        "name": "filter",
        "typed_config": bootstrap::wasm("filter", configuration, &[].into(), code),
    }]});
    let new = folder.join("new");
    fs::write(&new, response.to_string())?;
    Ok(fs::rename(new, folder.join("filter.json"))?)
}

fn configuration(budget: Value, hash: &str, user: &str) -> String {
    let users = (0..USERS).map(|number| format!("user-{number}:{hash}"));
    let users: Vec<String> = users.chain([user.to_owned()]).collect();
    json!({
        "verification_budget": budget,
        "users": users,
        "basic_auth_rules": [{"path_separated_prefix": "/private"}],
    })
    .to_string()
}
