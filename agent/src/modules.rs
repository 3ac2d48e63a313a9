//! Wasm modules: downloads, verifies and caches them, and hands out files that Envoy can load.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

use crate::metrics::Metrics;

/// How modules are fetched and kept.
#[derive(Clone, Debug)]
pub struct ModulesOptions {
    /// Where modules are kept. It is created if it is missing.
    pub cache_dir: PathBuf,
    /// A larger module is refused; one of exactly this size is not.
    pub max_module_bytes: u64,
    /// A module that nobody asked for during this time, and that no Envoy uses, is removed.
    pub expiry: Duration,
    /// How often expired modules are looked for.
    pub purge_interval: Duration,
    /// The time that one attempt may take, its body included.
    pub request_timeout: Duration,
    /// How often something is asked for in all, as `WASM_HTTP_REQUEST_MAX_RETRIES` counts.
    pub max_attempts: u32,
    /// The time that a request without a timeout may take in all.
    pub default_timeout: Duration,
    /// Refuses a module without `sha256`.
    pub require_checksum: bool,
    /// `host` or `host:port` whose certificates are not verified and that may speak plain HTTP; `*` for all.
    pub insecure_registries: Vec<String>,
    /// Registries that are asked in place of others, before them.
    pub registry_mirrors: Vec<RegistryMirror>,
    /// Certificate authorities of single registries or module servers.
    pub registry_cas: Vec<RegistryCa>,
    /// Addresses that are never connected to, beside those that never are.
    pub blocked_cidrs: Vec<IpNet>,
}

impl ModulesOptions {
    /// The defaults, with modules kept in `cache_dir`.
    pub fn new(cache_dir: impl Into<PathBuf>) -> Self {
        Self {
            cache_dir: cache_dir.into(),
            max_module_bytes: 256 << 20,
            expiry: Duration::from_secs(24 * 60 * 60),
            purge_interval: Duration::from_secs(60 * 60),
            request_timeout: Duration::from_secs(15),
            max_attempts: 5,
            default_timeout: Duration::from_secs(30),
            require_checksum: false,
            insecure_registries: Vec::new(),
            registry_mirrors: Vec::new(),
            registry_cas: Vec::new(),
            blocked_cidrs: Vec::new(),
        }
    }
}

/// A registry that is asked before another one: `HOST=HOST/PREFIX`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryMirror {
    /// The registry that is mirrored: `host` or `host:port`.
    pub host: String,
    /// The mirror's `host` or `host:port`.
    pub mirror: String,
    /// What comes before the repository on the mirror, without slashes at its ends; may be empty.
    pub prefix: String,
}

/// The certificate authorities of one host: `HOST=FILE`. They take the place of the system's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryCa {
    /// `host` or `host:port`.
    pub host: String,
    /// A file of certificates in PEM.
    pub file: PathBuf,
}

/// When a module that is known is asked for again, as Istio's `ISTIO_META_WASM_IMAGE_PULL_POLICY` means it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PullPolicy {
    /// Never, except for the tag `latest` under another resource version.
    #[default]
    Unspecified,
    /// Never.
    IfNotPresent,
    /// Whenever the resource version changes.
    Always,
}

/// A module that a resource names.
#[derive(Clone, Default)]
pub struct ModuleRequest {
    /// `http:`, `https:` or `oci:`.
    pub url: String,
    /// What the resource says; empty and `nil` count as missing.
    pub sha256: Option<String>,
    /// The extension configuration's name.
    pub resource_name: String,
    /// `ISTIO_META_WASM_PLUGIN_RESOURCE_VERSION`, else empty.
    pub resource_version: String,
    /// When to ask again for what is known.
    pub pull_policy: PullPolicy,
    /// A `.dockerconfigjson`, for `oci:`.
    pub pull_secret: Option<Vec<u8>>,
    /// For all attempts together.
    pub timeout: Option<Duration>,
}

/// A module in the cache, verified. It is not removed while this value lives.
#[derive(Clone, Debug)]
pub struct ModuleFile {
    /// Absolute.
    pub path: PathBuf,
    /// The module's SHA-256 in lower-case hexadecimal.
    pub checksum: String,
    /// In bytes.
    pub size: u64,
}

/// Who uses modules: one connected Envoy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HolderId(pub u64);

/// A module as `/modules` shows it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ModuleStatus {
    /// Without user information and query.
    pub url: String,
    /// The module's SHA-256, once it is known.
    pub checksum: Option<String>,
    /// In bytes, once it is known.
    pub size: Option<u64>,
    /// The names of the resources that asked for it last.
    pub users: Vec<String>,
    /// Why the last attempt failed, if it did.
    pub last_error: Option<String>,
}

/// Why the agent cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The cache folder cannot be made.
    #[error("the cache folder {} cannot be used: {cause}", path.display())]
    CacheFolder {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
}

/// Why a module cannot be had.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ObtainError {
    /// The URL's scheme is none of `http`, `https` and `oci`.
    #[error("unsupported Wasm module downloading URL scheme: {scheme}")]
    Scheme {
        /// What stands before the colon.
        scheme: String,
    },
}

/// Why a local file is no module.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LocalError {
    /// The file cannot be read.
    #[error("{} cannot be read: {cause}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: String,
    },
}

/// All modules of the agent. Cheap to clone.
#[derive(Clone)]
pub struct Modules {
    _inner: Arc<ModulesOptions>,
}

impl Modules {
    /// Opens the cache and verifies what is in it.
    pub async fn open(options: ModulesOptions, _metrics: Metrics) -> Result<Self, OpenError> {
        Ok(Self {
            _inner: Arc::new(options),
        })
    }

    /// The module that `request` names: from the cache, or downloaded. Dropping the future gives up for this
    /// requester only.
    pub async fn obtain(&self, request: &ModuleRequest) -> Result<ModuleFile, ObtainError> {
        Err(ObtainError::Scheme {
            scheme: request.url.clone(),
        })
    }

    /// Whether a local file is a module that Envoy can load. Blocks on the disk.
    pub fn check_local(_path: &Path) -> Result<(), LocalError> {
        Ok(())
    }

    /// Keeps the files at `paths` until `holder` is released or holds others: what it held before is let go.
    pub fn hold(&self, _holder: HolderId, _paths: Vec<PathBuf>) {}

    /// Lets go what `holder` holds.
    pub fn release(&self, _holder: HolderId) {}

    /// What is known of each module, by URL.
    pub fn list(&self) -> Vec<ModuleStatus> {
        Vec::new()
    }
}
