//! OCI layouts: an image in a folder.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use xtask::module::Digest;

use super::image::{Blob, Image};

const VERSION_FILE: &str = "oci-layout";
const INDEX_FILE: &str = "index.json";

/// Writes `image` into `folder`, which then holds it and nothing else. What was there before stays until the new one
/// is whole.
///
/// # Errors
/// When the folder holds something else than a layout, or cannot be written.
pub fn write(folder: &Path, image: &Image, tag: &str) -> anyhow::Result<()> {
    let is_taken = fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
    if folder.is_file() || (is_taken && !folder.join(VERSION_FILE).is_file()) {
        bail!(
            "{} holds something else than an OCI layout: name another folder, or empty it",
            folder.display()
        );
    }
    let parent = match folder.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    fs::create_dir_all(parent).with_context(|| unwritable(parent))?;
    let beside = tempfile::Builder::new()
        .prefix(".oci-layout-")
        .permissions(readable())
        .tempdir_in(parent)
        .with_context(|| unwritable(parent))?;
    fill(beside.path(), image, tag).with_context(|| unwritable(beside.path()))?;
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| unwritable(folder))?;
    }
    fs::rename(beside.keep(), folder).with_context(|| unwritable(folder))
}

fn readable() -> fs::Permissions {
    use std::os::unix::fs::PermissionsExt as _;

    fs::Permissions::from_mode(0o755)
}

fn unwritable(path: &Path) -> String {
    format!("{} cannot be written", path.display())
}

fn fill(folder: &Path, image: &Image, tag: &str) -> std::io::Result<()> {
    let blobs = folder.join("blobs/sha256");
    fs::create_dir_all(&blobs)?;
    for blob in &image.blobs {
        fs::write(blobs.join(blob.digest.to_string()), &blob.content)?;
    }
    let digest = image.digest().to_string();
    fs::write(blobs.join(&digest), &image.manifest)?;
    let index = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [{
            "mediaType": image.media_type,
            "digest": format!("sha256:{digest}"),
            "size": image.manifest.len(),
            "annotations": {"org.opencontainers.image.ref.name": tag},
        }],
    });
    fs::write(folder.join(INDEX_FILE), index.to_string())?;
    fs::write(
        folder.join(VERSION_FILE),
        r#"{"imageLayoutVersion":"1.0.0"}"#,
    )
}

/// Reads the one image of a layout, and compares everything with its digest.
///
/// # Errors
/// When `folder` is no layout, holds several images, or something in it is not what its digest says.
pub fn read(folder: &Path) -> anyhow::Result<Image> {
    parse(folder).with_context(|| format!("{} is no OCI layout of one image", folder.display()))
}

fn parse(folder: &Path) -> anyhow::Result<Image> {
    let index: Value = serde_json::from_slice(&fs::read(folder.join(INDEX_FILE))?)?;
    let manifests = index["manifests"].as_array().map_or(&[][..], Vec::as_slice);
    let [descriptor] = manifests else {
        bail!("it holds {} images", manifests.len());
    };
    let media_type = descriptor["mediaType"].as_str().unwrap_or_default();
    if media_type.contains("index") || media_type.contains("list") {
        bail!("it holds an index, which Istio and Envoy Gateway cannot pin");
    }
    let manifest = blob("manifest", folder, descriptor)?.content;
    let value: Value = serde_json::from_slice(&manifest)?;
    let mut blobs = vec![blob("configuration", folder, &value["config"])?];
    for layer in value["layers"].as_array().into_iter().flatten() {
        blobs.push(blob("layer", folder, layer)?);
    }
    Ok(Image {
        media_type: media_type.to_owned(),
        manifest,
        blobs,
    })
}

fn blob(role: &'static str, folder: &Path, descriptor: &Value) -> anyhow::Result<Blob> {
    let digest = descriptor["digest"].as_str().unwrap_or_default();
    let digest: Digest = digest
        .strip_prefix("sha256:")
        .unwrap_or_default()
        .parse()
        .with_context(|| format!("its {role} has no sha256 digest"))?;
    let content = fs::read(folder.join("blobs/sha256").join(digest.to_string()))
        .with_context(|| format!("its {role} cannot be read"))?;
    let blob = Blob::new(role, content);
    if blob.digest != digest {
        bail!("its {role} is not what the digest {digest} says");
    }
    Ok(blob)
}
