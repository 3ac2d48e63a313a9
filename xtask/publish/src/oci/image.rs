//! Images: a manifest and what it names, in the layout that all consumers take, or in CNCF's.

use anyhow::Context as _;
use serde_json::{Map, Value, json};
use xtask::module::Digest;

use super::archive::{self, Access, Entry};

/// OCI's manifest of one image.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const IMAGE_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const TAR_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// CNCF's Wasm artifact.
const WASM_CONFIG: &str = "application/vnd.wasm.config.v0+json";
const WASM: &str = "application/wasm";

/// What Istio, Envoy Gateway, Higress and Google look for in a layer.
const MODULE_PATH: &str = "plugin.wasm";

/// How the module lies in its image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Layout {
    /// An image with the file `plugin.wasm`: Istio, Envoy Gateway, Higress, Google and every registry take it
    #[default]
    Plain,
    /// CNCF's Wasm artifact. Istio, Envoy Gateway and Higress refuse it
    Cncf,
}

/// What is said of an image.
#[derive(Clone, Debug, Default)]
pub struct Annotations {
    /// Its name.
    pub title: String,
    /// The version of what is in it.
    pub version: String,
    /// The commit that it was made of.
    pub revision: Option<String>,
    /// Where its source is.
    pub source: Option<String>,
    /// What else a reader has to know.
    pub description: Option<String>,
}

impl Annotations {
    fn to_json(&self) -> Value {
        let values = [
            ("title", Some(&self.title)),
            ("version", Some(&self.version)),
            ("revision", self.revision.as_ref()),
            ("source", self.source.as_ref()),
            ("description", self.description.as_ref()),
        ];
        let named = values.into_iter().filter_map(|(key, value)| {
            let value = value?.as_str();
            Some((format!("org.opencontainers.image.{key}"), value.into()))
        });
        let licenses = env!("CARGO_PKG_LICENSE").into();
        let licenses = ("org.opencontainers.image.licenses".to_owned(), licenses);
        named.chain([licenses]).collect::<Map<_, _>>().into()
    }
}

/// What a manifest names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// Its role, for whoever reads an error: `configuration` or `layer`.
    pub role: &'static str,
    /// `sha256` of `content`.
    pub digest: Digest,
    /// Its octets.
    pub content: Vec<u8>,
}

impl Blob {
    pub(super) fn new(role: &'static str, content: Vec<u8>) -> Self {
        Self {
            role,
            digest: Digest::of(&content),
            content,
        }
    }

    fn descriptor(&self, media_type: &str) -> Value {
        json!({"mediaType": media_type, "digest": format!("sha256:{}", self.digest), "size": self.content.len()})
    }
}

/// A manifest and everything that it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// The manifest's media type.
    pub media_type: String,
    /// The manifest.
    pub manifest: Vec<u8>,
    /// What has to be in a registry before the manifest.
    pub blobs: Vec<Blob>,
}

impl Image {
    /// An image of a module.
    ///
    /// # Errors
    /// Never, in memory.
    pub fn of_module(
        module: &[u8],
        layout: Layout,
        annotations: &Annotations,
    ) -> anyhow::Result<Self> {
        match layout {
            Layout::Plain => {
                let entry = Entry::File(module, Access::READ);
                Self::of_files(&[(MODULE_PATH, entry)], MODULE_PATH, json!({}), annotations)
            }
            Layout::Cncf => Ok(Self::artifact(module, annotations)),
        }
    }

    /// An image for `linux/amd64` with one layer of `files`, to be run as `config` says.
    ///
    /// # Errors
    /// When a path is longer than tar allows.
    pub fn of_files(
        files: &[(&str, Entry<'_>)],
        title: &str,
        config: Value,
        annotations: &Annotations,
    ) -> anyhow::Result<Self> {
        let tar = archive::tar(files).context("the layer cannot be made")?;
        let layer = Blob::new("layer", archive::gzip(&tar)?);
        let configuration = json!({
            "architecture": "amd64",
            "os": "linux",
            "config": config,
            "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{}", Digest::of(&tar))]},
        });
        let mut descriptor = layer.descriptor(TAR_GZIP);
        // Without it `oras pull` ends with 0 and writes nothing.
        descriptor["annotations"] = json!({"org.opencontainers.image.title": title});
        let configuration = Blob::new("configuration", to_octets(&configuration));
        Ok(Self::assembled(
            IMAGE_CONFIG,
            configuration,
            descriptor,
            layer,
            annotations,
        ))
    }

    fn artifact(module: &[u8], annotations: &Annotations) -> Self {
        let layer = Blob::new("layer", module.to_vec());
        let configuration = json!({
            // Readers want a time; this one is the same each time.
            "created": "1970-01-01T00:00:00Z",
            "architecture": "wasm",
            "os": "wasip1",
            "layerDigests": [format!("sha256:{}", layer.digest)],
        });
        let configuration = Blob::new("configuration", to_octets(&configuration));
        let mut descriptor = layer.descriptor(WASM);
        descriptor["annotations"] = json!({"org.opencontainers.image.title": MODULE_PATH});
        let annotations = Annotations {
            description: Some(
                "CNCF's Wasm artifact: Istio, Envoy Gateway and Higress refuse it".to_owned(),
            ),
            ..annotations.clone()
        };
        Self::assembled(WASM_CONFIG, configuration, descriptor, layer, &annotations)
    }

    fn assembled(
        config_type: &str,
        configuration: Blob,
        layer_descriptor: Value,
        layer: Blob,
        annotations: &Annotations,
    ) -> Self {
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": configuration.descriptor(config_type),
            "layers": [layer_descriptor],
            "annotations": annotations.to_json(),
        });
        Self {
            media_type: MANIFEST.to_owned(),
            manifest: to_octets(&manifest),
            blobs: vec![configuration, layer],
        }
    }

    /// The manifest's digest: what pins the image.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.manifest)
    }
}

/// JSON with its keys in alphabetical order, whatever the order of `serde_json`'s maps.
fn to_octets(value: &Value) -> Vec<u8> {
    let mut value = value.clone();
    value.sort_all_objects();
    value.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_the_same_on_any_day_and_machine() {
        let annotations = Annotations {
            title: "basic_auth".to_owned(),
            version: "1.2.3".to_owned(),
            revision: Some("0123456".to_owned()),
            source: None,
            description: None,
        };
        let module = b"\0asm\x01\0\0\0";
        let digest = |layout| {
            Image::of_module(module, layout, &annotations)
                .unwrap()
                .digest()
                .to_string()
        };
        assert_eq!(
            digest(Layout::Plain),
            "94d2f4f21e42e75e95126c0321dff2e09c3209e050657cf7cd882f994fd3eff0"
        );
        assert_eq!(
            digest(Layout::Cncf),
            "c5483e216222a75edc86e0c0e2a6557b3f217d1577f58d62f780d31116c2350a"
        );
    }
}
