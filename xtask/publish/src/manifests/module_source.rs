//! Where the module is, and what it or its image is pinned by.

use anyhow::bail;
use reqwest::Url;
use xtask::build;
use xtask::module::{Digest, Module, dist_folder};

use crate::oci::Reference;

/// Where the module is.
#[derive(Debug)]
pub(super) enum ModuleSource {
    /// A file: the checksum is the module's.
    Http {
        /// `http` or `https`, without user and password.
        url: Url,
        /// Of the module.
        checksum: Digest,
    },
    /// An image: the checksum is the manifest's.
    Image {
        /// With a tag or a digest.
        reference: Reference,
        /// Of the manifest.
        digest: Digest,
    },
}

impl ModuleSource {
    /// The source at `url`. Without a checksum, a file is the module of this source.
    pub(super) fn parse(url: &str, checksum: Option<Digest>) -> anyhow::Result<Self> {
        if url.starts_with("oci://") {
            return Self::parse_image(url.parse()?, checksum);
        }
        let parsed = Url::parse(url).ok().filter(|url| url.has_host());
        let parsed = parsed.filter(|url| matches!(url.scheme(), "http" | "https"));
        let Some(parsed) = parsed else {
            bail!("`{url}` is no http://, https:// or oci:// URL");
        };
        if !parsed.username().is_empty() || parsed.password().is_some() {
            bail!(
                "a user in the URL would not reach the server: Envoy sends it as a part of the host"
            );
        }
        let named = parsed
            .path()
            .split('/')
            .find_map(|part| part.parse::<Digest>().ok());
        let checksum = match checksum.or(named) {
            Some(checksum) => checksum,
            None => build::of_this_source()?.digest,
        };
        if let Some(named) = named.filter(|named| *named != checksum) {
            bail!("the URL names the module {named}, and the checksum is {checksum}");
        }
        Ok(Self::Http {
            url: parsed,
            checksum,
        })
    }

    fn parse_image(reference: Reference, checksum: Option<Digest>) -> anyhow::Result<Self> {
        if reference.tag.is_none() && reference.digest.is_none() {
            bail!(
                "oci://{reference} has neither a tag nor a digest, and would be whatever is newest: write \
                 oci://{reference}@sha256:…, as `cargo xtask push` prints it"
            );
        }
        let digest = match (reference.digest, checksum) {
            (Some(named), Some(checksum)) if named != checksum => bail!(
                "the URL names the manifest {named}, and `--sha256` is {checksum}: for an image it is the manifest's digest"
            ),
            (Some(digest), _) | (None, Some(digest)) => digest,
            (None, None) => bail!(
                "the tag of oci://{reference} may name another image tomorrow: add `--sha256` with the digest that \
                 `cargo xtask push` printed"
            ),
        };
        if Module::open(&dist_folder()).is_ok_and(|module| module.digest == digest) {
            bail!(
                "{digest} is the module's checksum: an image is pinned by its manifest's digest, as `cargo xtask push` prints it"
            );
        }
        Ok(Self::Image { reference, digest })
    }

    /// The URL in Istio's form.
    pub(super) fn url(&self) -> String {
        match self {
            Self::Http { url, .. } => url.to_string(),
            Self::Image { reference, .. } => format!("oci://{reference}"),
        }
    }

    /// The checksum that consumers compare, in lower case.
    pub(super) fn checksum(&self) -> String {
        match self {
            Self::Http { checksum, .. } => checksum.to_string(),
            Self::Image { digest, .. } => digest.to_string(),
        }
    }

    /// What the checksum is of.
    pub(super) fn pinned(&self) -> &'static str {
        match self {
            Self::Http { .. } => "the module's checksum",
            Self::Image { .. } => "the digest of the image's manifest, not the module's checksum",
        }
    }
}
