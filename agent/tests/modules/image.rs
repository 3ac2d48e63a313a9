//! Images and artifacts, and a registry that holds them and answers without ado.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::json;

use crate::server::{Reply, Seen, Server};
use crate::support::{gzip, sha256, tar};

pub(crate) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
pub(crate) const OCI_TAR_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
pub(crate) const DOCKER_TAR_GZIP: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
pub(crate) const SOLO_WASM: &str = "application/vnd.module.wasm.content.layer.v1+wasm";

/// A manifest with its layers.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    pub(crate) media_type: &'static str,
    pub(crate) manifest: Vec<u8>,
    pub(crate) blobs: Vec<Vec<u8>>,
}

impl Image {
    /// A manifest of `layers`, the oldest first.
    pub(crate) fn new(media_type: &'static str, layers: &[(&str, Vec<u8>)]) -> Self {
        let descriptor = |media_type: &str, content: &[u8]| json!({"mediaType": media_type, "digest": format!("sha256:{}", sha256(content)), "size": content.len()});
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": media_type,
            "config": descriptor("application/vnd.oci.image.config.v1+json", b"{}"),
            "layers": layers.iter().map(|(media_type, content)| descriptor(media_type, content)).collect::<Vec<_>>(),
        });
        let blobs = layers
            .iter()
            .map(|(_, content)| content.clone())
            .chain([b"{}".to_vec()])
            .collect();
        Self {
            media_type,
            manifest: manifest.to_string().into_bytes(),
            blobs,
        }
    }

    /// An image with one layer that has `wasm` as `plugin.wasm`.
    pub(crate) fn of_module(wasm: &[u8]) -> Self {
        Self::new(
            OCI_MANIFEST,
            &[(OCI_TAR_GZIP, gzip(&tar(&[("plugin.wasm", wasm)])))],
        )
    }

    /// The manifest's digest in hexadecimal.
    pub(crate) fn digest(&self) -> String {
        sha256(&self.manifest)
    }
}

/// An index of images with their operating systems and architectures.
pub(crate) fn index(children: &[(&Image, &str, &str)]) -> Vec<u8> {
    let manifests: Vec<_> = children
        .iter()
        .map(|(image, os, architecture)| {
            json!({
                "mediaType": image.media_type,
                "digest": format!("sha256:{}", image.digest()),
                "size": image.manifest.len(),
                "platform": {"os": os, "architecture": architecture},
            })
        })
        .collect();
    json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests})
        .to_string()
        .into_bytes()
}

/// What a registry holds. Clones hold the same.
#[derive(Clone, Default)]
pub(crate) struct Store(Arc<Mutex<Content>>);

#[derive(Default)]
struct Content {
    /// By name, a tag or a digest.
    manifests: BTreeMap<String, (&'static str, Vec<u8>)>,
    blobs: BTreeMap<String, Vec<u8>>,
}

impl Store {
    /// Holds `image` under `tag` and under its digest.
    pub(crate) fn push(&self, tag: &str, image: &Image) {
        for blob in &image.blobs {
            self.0
                .lock()
                .unwrap()
                .blobs
                .insert(format!("sha256:{}", sha256(blob)), blob.clone());
        }
        self.push_manifest(tag, image.media_type, &image.manifest);
    }

    /// Holds a document under `tag` and under its digest.
    pub(crate) fn push_manifest(&self, tag: &str, media_type: &'static str, manifest: &[u8]) {
        let mut content = self.0.lock().unwrap();
        for name in [tag.to_owned(), format!("sha256:{}", sha256(manifest))] {
            content
                .manifests
                .insert(name, (media_type, manifest.to_vec()));
        }
    }

    /// What the registry answers, whatever the repository.
    pub(crate) fn answer(&self, seen: &Seen) -> Reply {
        let content = self.0.lock().unwrap();
        let mut parts = seen.path.rsplitn(3, '/');
        let (name, kind) = (
            parts.next().unwrap_or_default(),
            parts.next().unwrap_or_default(),
        );
        match kind {
            "manifests" => content.manifests.get(name).map(|(media_type, manifest)| {
                Reply::body(manifest.as_slice()).header("content-type", *media_type)
            }),
            "blobs" => content
                .blobs
                .get(name)
                .map(|blob| Reply::body(blob.as_slice())),
            _ => None,
        }
        .unwrap_or_else(|| Reply::status(404))
    }

    /// A server that answers so.
    pub(crate) async fn serve(&self) -> Server {
        let store = self.clone();
        Server::start(move |seen| store.answer(seen)).await
    }
}

/// A registry with `image` as `tag`, and the store behind it.
pub(crate) async fn registry(tag: &str, image: &Image) -> (Server, Store) {
    let store = Store::default();
    store.push(tag, image);
    (store.serve().await, store)
}
