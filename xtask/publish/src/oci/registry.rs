//! A repository of a registry: what is pushed to it, and what it holds.

use std::cell::RefCell;
use std::fmt;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use reqwest::blocking::{Client, RequestBuilder, Response};
use reqwest::header::{ACCEPT, CONTENT_TYPE, LOCATION};
use reqwest::{Method, StatusCode, Url, redirect};
use xtask::module::Digest;
use xtask::progress::Progress;

use super::authorization::{self, Authorization};
use super::image::{Blob, Image, MANIFEST};
use super::reference::Reference;
use super::refusal;

/// For one request. A module has half a megabyte.
const TIMEOUT: Duration = Duration::from_secs(60);

/// How a registry is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// TLS.
    Https,
    /// Without.
    Http,
}

/// A connection to a repository.
pub struct Registry {
    client: Client,
    base: Url,
    reference: Reference,
    authorization: RefCell<Option<Authorization>>,
}

impl Registry {
    /// Connects to nothing yet.
    ///
    /// # Errors
    /// When the system's certificates cannot be had.
    pub fn new(reference: &Reference, scheme: Scheme) -> anyhow::Result<Self> {
        let scheme = match scheme {
            Scheme::Https => "https",
            Scheme::Http => "http",
        };
        let base = format!(
            "{scheme}://{}/v2/{}/",
            reference.api_host(),
            reference.repository
        );
        Ok(Self {
            client: client()?,
            base: Url::parse(&base)?,
            reference: reference.clone(),
            authorization: RefCell::default(),
        })
    }

    /// Pushes everything of `image`, the manifest last and to the tag: until then the tag is what it was.
    ///
    /// # Errors
    /// What the registry said, and what it has of the image.
    pub fn push(&self, image: &Image, progress: &dyn Fn(fmt::Arguments<'_>)) -> anyhow::Result<()> {
        let tag = self
            .reference
            .tag
            .as_deref()
            .context("a push needs a tag")?;
        let mut there = Vec::new();
        for blob in &image.blobs {
            let _progress = Progress::of(format!("{}, {} bytes", blob.role, blob.content.len()));
            let state = self
                .push_blob(blob)
                .with_context(|| pushed(&self.reference, &there))?;
            progress(format_args!(
                "{} sha256:{}  {state}",
                blob.role, blob.digest
            ));
            there.push(blob.role);
        }
        self.push_manifest(image, tag)
            .with_context(|| pushed(&self.reference, &there))
    }

    /// The digest of the manifest that the tag or the digest names.
    ///
    /// # Errors
    /// When the registry does not have it.
    pub fn manifest_digest(&self) -> anyhow::Result<Digest> {
        let name = match (&self.reference.digest, &self.reference.tag) {
            (Some(digest), _) => format!("sha256:{digest}"),
            (None, Some(tag)) => tag.clone(),
            (None, None) => bail!("neither a tag nor a digest is named"),
        };
        let accepted = format!("{MANIFEST}, application/vnd.docker.distribution.manifest.v2+json");
        let url = self.base.join(&format!("manifests/{name}"))?;
        let request = |client: &Client| client.get(url.clone()).header(ACCEPT, &accepted);
        let answer = self.send(&url, &request)?;
        if answer.status() != StatusCode::OK {
            return Err(self.refused(&format!("does not give {}", self.reference), answer));
        }
        Ok(Digest::of(&answer.bytes()?))
    }

    fn push_blob(&self, blob: &Blob) -> anyhow::Result<&'static str> {
        let url = self.base.join(&format!("blobs/sha256:{}", blob.digest))?;
        let answer = self.send(&url, &|client| client.request(Method::HEAD, url.clone()))?;
        if answer.status() == StatusCode::OK {
            return Ok("is there already");
        }
        let uploads = self.base.join("blobs/uploads/")?;
        // Some registries want a length also where there is nothing.
        let answer = self.send(&uploads, &|client| client.post(uploads.clone()).body(""))?;
        if answer.status() != StatusCode::ACCEPTED {
            return Err(self.refused(&format!("takes no {}", blob.role), answer));
        }
        let mut to = location(&uploads, &answer).with_context(|| {
            format!(
                "{} tells no place for the {}",
                self.reference.registry, blob.role
            )
        })?;
        to.query_pairs_mut()
            .append_pair("digest", &format!("sha256:{}", blob.digest));
        // One request: Google's registry refuses chunks.
        let answer = self.send(&to, &|client| {
            client
                .put(to.clone())
                .header(CONTENT_TYPE, "application/octet-stream")
                .body(blob.content.clone())
        })?;
        match answer.status() {
            StatusCode::CREATED => Ok("pushed"),
            _ => Err(self.refused(&format!("takes no {}", blob.role), answer)),
        }
    }

    fn push_manifest(&self, image: &Image, tag: &str) -> anyhow::Result<()> {
        let url = self.base.join(&format!("manifests/{tag}"))?;
        let answer = self.send(&url, &|client| {
            client
                .put(url.clone())
                .header(CONTENT_TYPE, &image.media_type)
                .body(image.manifest.clone())
        })?;
        if answer.status() != StatusCode::CREATED {
            return Err(self.refused("takes no manifest", answer));
        }
        let digest = answer.headers().get("docker-content-digest");
        let digest = digest.and_then(|digest| digest.to_str().ok());
        match digest {
            Some(digest) if digest != format!("sha256:{}", image.digest()) => bail!(
                "{} has stored another manifest than was sent: its digest is {digest}",
                self.reference.registry
            ),
            _ => Ok(()),
        }
    }

    /// Sends a request, once more with an authorization when it is asked for.
    fn send(
        &self,
        url: &Url,
        request: &dyn Fn(&Client) -> RequestBuilder,
    ) -> anyhow::Result<Response> {
        let answer = self.attempt(url, request)?;
        if answer.status() != StatusCode::UNAUTHORIZED || !self.is_at_home(url) {
            return Ok(answer);
        }
        let is_encrypted = self.base.scheme() == "https";
        let obtained = authorization::obtain(&self.client, &self.reference, &answer, is_encrypted)?;
        let Some(obtained) = obtained else {
            bail!(
                "{registry} wants credentials, and Docker's configuration has none for it: `docker login {registry}`",
                registry = self.reference.registry
            );
        };
        self.authorization.replace(Some(obtained));
        self.attempt(url, request)
    }

    fn attempt(
        &self,
        url: &Url,
        request: &dyn Fn(&Client) -> RequestBuilder,
    ) -> anyhow::Result<Response> {
        let mut request = request(&self.client);
        if let Some(authorization) = self.authorization.borrow().as_ref()
            && self.is_at_home(url)
        {
            request = authorization.apply(request);
        }
        request
            .send()
            .map_err(|error| refusal::unreachable(url.authority(), &error))
    }

    /// Whether a URL is the registry's own. Nothing secret goes anywhere else, whatever `Location` says.
    fn is_at_home(&self, url: &Url) -> bool {
        url.origin() == self.base.origin()
    }

    fn refused(&self, what: &str, answer: Response) -> anyhow::Error {
        refusal::refused(&self.reference.registry, what, answer)
    }
}

/// Chooses what TLS computes with, for all clients of this process.
pub fn use_ring() {
    // Fails only when somebody was here before.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

fn client() -> anyhow::Result<Client> {
    use_ring();
    Client::builder()
        .user_agent(concat!("basic-auth/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .timeout(TIMEOUT)
        .build()
        .map_err(|error| anyhow!("no HTTP client can be made: {error}"))
}

/// Where to go on: relative, with a query, or on another host.
fn location(from: &Url, answer: &Response) -> Option<Url> {
    let location = answer.headers().get(LOCATION)?.to_str().ok()?;
    from.join(location).ok()
}

fn pushed(reference: &Reference, there: &[&str]) -> String {
    let there = match there {
        [] => "nothing was pushed".to_owned(),
        there => format!("only the {} got there", there.join(" and the ")),
    };
    format!("{reference} is as it was ({there})")
}
