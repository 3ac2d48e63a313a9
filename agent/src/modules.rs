//! Wasm modules: downloads, verifies and caches them, and hands out files that Envoy can load.
//!
//! Registries are asked over `reqwest`, not by `oci-client`: that one keeps the first credential of a host for all,
//! reads only the first challenge, and holds manifests of any size in memory. What may be trusted with a
//! resource's secret is decided here, hop by hop.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};

use crate::metrics::Metrics;

mod address;
mod cache;
mod clients;
mod credentials;
mod error;
mod fetch;
mod flight;
mod local;
mod obtain;
mod options;
mod reference;
mod registry;
mod regular_file;
mod retry;
mod sink;
mod source;
mod status;
mod transfer;
mod unbox;
mod validation;
mod workbench;

pub use error::{Cause, LocalError, ObtainError, OpenError, PANICKED, TransferError};
pub use options::{ModulesOptions, OptionError, ProxySettings, RegistryCa, RegistryMirror};
pub use retry::Backoff;
pub use status::ModuleStatus;

pub use ecds_rewrite::module_request::{ModuleRequest, PullPolicy};

use cache::{Cache, Lease};
use clients::Clients;
use credentials::OwnConfiguration;
use fetch::{Fetcher, blocking};
use flight::Flights;
use local::LocalModules;
use registry::Registries;
use sink::Limits;
use status::Statuses;
use transfer::{Progress, Transfer};
use workbench::Workbench;

/// A module in the cache, verified. No agent removes the file while this value lives.
#[derive(Clone, Debug)]
pub struct ModuleFile {
    /// Absolute.
    pub path: PathBuf,
    /// The module's SHA-256 in lower-case hexadecimal.
    pub checksum: String,
    /// In bytes.
    pub size: u64,
    _lease: Arc<Lease>,
}

/// Who uses modules: one connected Envoy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HolderId(pub u64);

/// All modules of the agent. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Modules {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    options: ModulesOptions,
    cache: Arc<Cache>,
    fetcher: Fetcher,
    own_credentials: OwnConfiguration,
    flights: Flights,
    statuses: Statuses,
    local: LocalModules,
    holders: Mutex<HashMap<HolderId, Vec<Arc<Lease>>>>,
    /// So many look into the cache at a time: more would only wait for the same disk.
    lookups: Arc<Semaphore>,
    /// Told when versions of resources are to be written.
    unwritten: Arc<Notify>,
    metrics: Metrics,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.cache.write_versions();
        self.unwritten.notify_one();
    }
}

/// As many looks into the cache as are useful at a time.
const LOOKUPS: usize = 8;

impl Modules {
    /// Opens the cache and verifies what is in it.
    pub async fn open(options: ModulesOptions, metrics: Metrics) -> Result<Self, OpenError> {
        let (folder, expiry) = (options.cache_dir.clone(), options.expiry);
        let cache = blocking(move || Cache::open(&folder, expiry))
            .await
            .map_err(|cause| OpenError::CacheFolder {
                path: options.cache_dir.clone(),
                cause,
            })?;
        let cache = Arc::new(cache);
        let fetcher = Fetcher {
            transfer: Transfer {
                clients: Arc::new(Clients::open(&options)?),
                attempt_timeout: options.request_timeout,
                max_attempts: options.max_attempts,
                backoff: options.backoff.clone(),
                metrics: metrics.clone(),
                progress: Arc::new(Progress::default()),
            },
            cache: Arc::clone(&cache),
            workbench: Workbench::default(),
            limits: Limits::of_module(options.max_module_bytes),
            registries: Arc::new(Registries::new(options.registry_mirrors.clone())),
        };
        let inner = Arc::new(Inner {
            own_credentials: OwnConfiguration::new(options.docker_config.as_deref()),
            options,
            cache,
            fetcher,
            flights: Flights::default(),
            statuses: Statuses::default(),
            local: LocalModules::default(),
            holders: Mutex::default(),
            lookups: Arc::new(Semaphore::new(LOOKUPS)),
            unwritten: Arc::default(),
            metrics,
        });
        inner.show_what_is_there().await;
        tokio::spawn(purge_for_ever(
            Arc::downgrade(&inner),
            inner.options.purge_interval,
        ));
        tokio::spawn(write_versions_for_ever(
            Arc::downgrade(&inner),
            Arc::clone(&inner.unwritten),
        ));
        Ok(Self { inner })
    }

    /// The module that `request` names: from the cache, or downloaded. Dropping the future gives up for this
    /// requester only.
    pub async fn obtain(&self, request: &ModuleRequest) -> Result<ModuleFile, ObtainError> {
        let kept = self.inner.obtain(request).await?;
        Ok(ModuleFile {
            path: self.inner.cache.path(&kept.checksum),
            checksum: kept.checksum.hex().to_owned(),
            size: kept.lease.size(),
            _lease: kept.lease,
        })
    }

    /// Whether a local file is a module that Envoy can load. Blocks on the disk.
    pub fn check_local(&self, path: &Path) -> Result<(), LocalError> {
        let limit = self.inner.options.max_module_bytes;
        self.inner.local.check(path, limit)
    }

    /// Keeps the files at `paths` until `holder` is released or holds others: what it held before is let go. Paths
    /// outside of the cache are passed over. Blocks on the disk for a moment.
    pub fn hold(&self, holder: HolderId, paths: Vec<PathBuf>) {
        let leases = paths
            .iter()
            .filter_map(|path| self.inner.cache.lease(path))
            .collect();
        self.holders().insert(holder, leases);
    }

    /// Lets go what `holder` holds.
    pub fn release(&self, holder: HolderId) {
        self.holders().remove(&holder);
    }

    /// What is known of each module, by URL.
    pub fn list(&self) -> Vec<ModuleStatus> {
        self.inner.statuses.list()
    }

    fn holders(&self) -> std::sync::MutexGuard<'_, HashMap<HolderId, Vec<Arc<Lease>>>> {
        self.inner
            .holders
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    async fn show_what_is_there(self: &Arc<Self>) {
        let inner = Arc::clone(self);
        blocking(move || {
            for (url, checksum) in inner.cache.urls() {
                if let Ok(metadata) = inner.cache.path(&checksum).metadata() {
                    inner.statuses.found(url, checksum.hex(), metadata.len());
                }
            }
            inner.count(inner.cache.contents());
        })
        .await;
    }

    fn purge(&self) {
        self.count(self.cache.purge(self.options.max_unused_bytes));
        self.statuses.forget(
            self.options.expiry,
            |checksum| self.cache.has(checksum),
            |checksum| self.cache.is_in_use(checksum),
        );
        self.local.forget();
    }

    fn count(&self, contents: cache::Contents) {
        self.metrics.cache_holds(contents.entries, contents.octets);
    }
}

/// Ends when the last `Modules` is dropped.
async fn purge_for_ever(inner: Weak<Inner>, interval: Duration) {
    let interval = interval.max(Duration::from_millis(1));
    loop {
        tokio::time::sleep(interval).await;
        let Some(inner) = inner.upgrade() else { return };
        blocking(move || inner.purge()).await;
    }
}

/// Ends when the last `Modules` is dropped.
async fn write_versions_for_ever(inner: Weak<Inner>, unwritten: Arc<Notify>) {
    loop {
        unwritten.notified().await;
        // A response has many resources: their versions are written together.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let Some(inner) = inner.upgrade() else { return };
        blocking(move || inner.cache.write_versions()).await;
    }
}
