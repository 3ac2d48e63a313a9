//! What the tests have in common: modules, archives, agents with short waits.

use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use wasm_agent::metrics::Metrics;
use wasm_agent::modules::{
    Backoff, ModuleFile, ModuleRequest, Modules, ModulesOptions, ObtainError,
};

/// A valid module; another text is another module.
pub(crate) fn module(text: &str) -> Vec<u8> {
    let name = b"\x04test";
    let mut octets = b"\0asm\x01\0\0\0\0".to_vec();
    leb128(&mut octets, name.len() + text.len());
    octets.extend_from_slice(name);
    octets.extend_from_slice(text.as_bytes());
    octets
}

/// A valid module of `size` octets.
pub(crate) fn module_of_size(size: usize) -> Vec<u8> {
    (1..20)
        .filter_map(|frame| Some(module(&"x".repeat(size.checked_sub(8 + 1 + 5 + frame)?))))
        .find(|module| module.len() == size)
        .unwrap()
}

fn leb128(octets: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        octets.push(u8::try_from(value & 0x7f).unwrap() | 0x80);
        value >>= 7;
    }
    octets.push(u8::try_from(value).unwrap());
}

/// SHA-256 in lower-case hexadecimal.
pub(crate) fn sha256(octets: &[u8]) -> String {
    Sha256::digest(octets)
        .iter()
        .map(|octet| format!("{octet:02x}"))
        .collect()
}

pub(crate) fn gzip(octets: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(octets).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zstd(octets: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(octets, ruzstd::encoding::CompressionLevel::Fastest)
}

/// A tar of files, whose names are taken as they are.
pub(crate) fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_ustar();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_entry_type(tar::EntryType::Regular);
        header.set_cksum();
        builder.append(&header, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

/// An agent's modules with a cache of their own.
pub(crate) struct Agent {
    pub(crate) modules: Modules,
    pub(crate) metrics: Metrics,
    pub(crate) folder: TempDir,
}

/// Short waits and no proxies; the rest as by default.
pub(crate) fn options(folder: &Path) -> ModulesOptions {
    let mut options = ModulesOptions::new(folder.join("cache"));
    options.backoff = Backoff {
        initial: Duration::from_millis(5),
        longest: Duration::from_millis(20),
    };
    options.proxies = wasm_agent::modules::ProxySettings::Proxies {
        http: None,
        https: None,
        no_proxy: None,
    };
    options.docker_config = Some(folder.join("docker"));
    options
}

impl Agent {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// An agent whose options `change` changes.
    pub(crate) async fn with(change: impl FnOnce(&mut ModulesOptions)) -> Self {
        Self::in_folder(TempDir::new().unwrap(), change).await
    }

    async fn in_folder(folder: TempDir, change: impl FnOnce(&mut ModulesOptions)) -> Self {
        let mut options = options(folder.path());
        change(&mut options);
        let metrics = Metrics::new();
        let modules = Modules::open(options, metrics.clone()).await.unwrap();
        Self {
            modules,
            metrics,
            folder,
        }
    }

    /// The same folder under a new agent.
    pub(crate) async fn restart(self) -> Self {
        self.restart_with(|_| {}).await
    }

    pub(crate) async fn restart_with(self, change: impl FnOnce(&mut ModulesOptions)) -> Self {
        drop(self.modules);
        Self::in_folder(self.folder, change).await
    }

    pub(crate) async fn obtain(&self, request: &ModuleRequest) -> Result<ModuleFile, ObtainError> {
        self.modules.obtain(request).await
    }

    /// The text of the error that `request` ends with.
    pub(crate) async fn refusal(&self, request: &ModuleRequest) -> String {
        self.obtain(request).await.unwrap_err().to_string()
    }

    /// Names of the modules in the cache.
    pub(crate) fn files(&self) -> Vec<String> {
        let folder = std::fs::read_dir(self.folder.path().join("cache/modules"));
        let mut names: Vec<_> = folder
            .into_iter()
            .flatten()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// The value of a metric's line, 0 if there is none.
    pub(crate) fn metric(&self, line: &str) -> u64 {
        let text = self.metrics.render();
        let value = text
            .lines()
            .find_map(|other| other.strip_prefix(line)?.strip_prefix(' '));
        value.map_or(0, |value| value.parse().unwrap())
    }
}

/// A request by a resource `r`.
pub(crate) fn request(url: impl Into<String>) -> ModuleRequest {
    ModuleRequest {
        url: url.into(),
        resource_name: "r".to_owned(),
        ..ModuleRequest::default()
    }
}

/// The same with a checksum.
pub(crate) fn pinned(url: impl Into<String>, sha256: impl Into<String>) -> ModuleRequest {
    ModuleRequest {
        sha256: Some(sha256.into()),
        ..request(url)
    }
}

/// Waits until `is_so`, and fails after 10 s.
pub(crate) async fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !is_so() {
        assert!(Instant::now() < deadline, "it never came to this: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
