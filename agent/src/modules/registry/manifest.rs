//! Manifests and indexes of images and artifacts, as far as they matter for finding a module.
//!
//! `oci-spec` is not used: it refuses documents that registries do give, such as children without a platform's
//! `os`, and is strict where nothing depends on it.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::modules::reference::Digest;
use crate::modules::validation::shown_head;

/// What a registry is asked for.
pub(super) const ACCEPTED: &str = "application/vnd.oci.image.manifest.v1+json, \
     application/vnd.oci.image.index.v1+json, \
     application/vnd.docker.distribution.manifest.v2+json, \
     application/vnd.docker.distribution.manifest.list.v2+json";

/// What a registry gave.
#[derive(Debug)]
pub(super) enum Document {
    Manifest(Manifest),
    Index(Index),
}

/// An image or an artifact.
#[derive(Debug, Deserialize)]
pub(super) struct Manifest {
    /// The oldest first.
    pub(super) layers: Vec<Descriptor>,
}

/// A layer, or a child of an index.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    #[serde(default)]
    pub(super) media_type: String,
    pub(super) digest: String,
    pub(super) size: u64,
    #[serde(default)]
    pub(super) annotations: Option<BTreeMap<String, String>>,
    #[serde(default)]
    platform: Option<Platform>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Platform {
    architecture: String,
    os: String,
}

/// Several images, one for each platform.
#[derive(Debug, Deserialize)]
pub(super) struct Index {
    manifests: Vec<Descriptor>,
}

/// Parses what a registry gave for a manifest.
pub(super) fn parse(octets: &[u8], content_type: &str) -> Result<Document, String> {
    let json: serde_json::Value = serde_json::from_slice(octets).map_err(|_| {
        let shown = if content_type.is_empty() {
            "no content type"
        } else {
            content_type
        };
        format!(
            "the registry answered with {shown} that starts with {}, not with a manifest",
            shown_head(octets)
        )
    })?;
    // A document that is both could be read as either by who checks and who uses it.
    match (json.get("layers"), json.get("manifests")) {
        (Some(_), Some(_)) => Err("it has both `layers` and `manifests`".to_owned()),
        (Some(_), None) => serde_json::from_value(json).map(Document::Manifest).map_err(malformed),
        (None, Some(_)) => serde_json::from_value(json).map(Document::Index).map_err(malformed),
        (None, None) => Err("it has neither `layers` nor `manifests`: images of Docker before 1.10 are not supported".to_owned()),
    }
}

fn malformed(error: serde_json::Error) -> String {
    format!("it is malformed: {error}")
}

impl Descriptor {
    /// The digest, which must be SHA-256.
    pub(super) fn digest(&self) -> Result<Digest, String> {
        Digest::parse(&self.digest)
    }

    fn is_attestation(&self) -> bool {
        let is_unknown = self
            .platform
            .as_ref()
            .is_some_and(|platform| platform.architecture == "unknown");
        let annotations = self.annotations.as_ref();
        is_unknown || annotations.is_some_and(|all| all.contains_key("vnd.docker.reference.type"))
    }

    fn is_for(&self, fits: impl Fn(&Platform) -> bool) -> bool {
        self.platform.as_ref().is_some_and(fits)
    }
}

impl Index {
    /// The child that every agent takes, whatever machine it runs on: one for Wasm, else for linux/amd64, else the
    /// only one that is no attestation.
    pub(super) fn child(&self) -> Result<Digest, String> {
        let children: Vec<_> = self
            .manifests
            .iter()
            .filter(|child| !child.is_attestation())
            .collect();
        let find =
            |fits: &dyn Fn(&Platform) -> bool| children.iter().find(|child| child.is_for(fits));
        let chosen = find(&|platform| platform.architecture.starts_with("wasm"))
            .or_else(|| {
                find(&|platform| platform.os == "linux" && platform.architecture == "amd64")
            })
            .or_else(|| children.first().filter(|_| children.len() == 1));
        match chosen {
            Some(child) => child.digest(),
            None => Err(format!(
                "none of the {} images in the index is for wasm or linux/amd64",
                children.len()
            )),
        }
    }
}

#[cfg(test)]
mod tests;
