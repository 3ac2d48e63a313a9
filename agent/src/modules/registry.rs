//! Modules in OCI registries: which registry is asked, and what it gave.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use url::{Host, Url};

use super::cache::{Kept, Wanted};
use super::clients::names_host_and_port;
use super::credentials::{Credential, Keyring};
use super::error::{Cause, ObtainError, TransferError};
use super::fetch::{Fetcher, Job, Unboxed, blocking};
use super::options::RegistryMirror;
use super::reference::{Digest, Reference};
use super::transfer::Failed;
use crate::report::one_line;

mod challenge;
mod layer;
mod manifest;
mod session;
mod token;

use manifest::Manifest;
use session::Session;

/// How registries are reached.
#[derive(Debug, Default)]
pub(super) struct Registries {
    pub(super) mirrors: Vec<RegistryMirror>,
    /// Hosts that were found to speak plain HTTP, of those that may.
    plain: Mutex<HashMap<String, bool>>,
}

impl Registries {
    /// Registries with `mirrors`.
    pub(super) fn new(mirrors: Vec<RegistryMirror>) -> Self {
        Self {
            mirrors,
            plain: Mutex::default(),
        }
    }

    /// The hosts that are asked before `reference`'s own registry, each with the repository that it has for it.
    pub(super) fn mirrors_of(&self, reference: &Reference) -> Vec<(String, String)> {
        let Ok(url) = Url::parse(&format!("https://{}/", reference.registry)) else {
            return Vec::new();
        };
        let place = |mirror: &RegistryMirror| {
            let slash = if mirror.prefix.is_empty() { "" } else { "/" };
            let repository = format!("{}{slash}{}", mirror.prefix, reference.repository);
            (mirror.mirror.clone(), repository)
        };
        let mirrors = self.mirrors.iter();
        mirrors
            .filter(|mirror| names_host_and_port(&mirror.host, &url))
            .map(place)
            .collect()
    }

    fn is_plain(&self, host: &str) -> Option<bool> {
        self.plain
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(host)
            .copied()
    }

    fn note_plain(&self, host: &str, is_plain: bool) {
        self.plain
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(host.to_owned(), is_plain);
    }
}

/// As many characters of an error as are shown: it goes to the log, to the server and to `/modules`.
const MOST_CAUSE: usize = 500;

/// Why a registry did not give a module.
#[derive(Debug)]
struct PullError {
    cause: String,
    kind: Cause,
    retry_after: Option<Duration>,
}

impl PullError {
    fn new(kind: Cause, cause: impl Into<String>) -> Self {
        let mut cause: String = cause.into();
        // A manifest has up to 4 MiB, and errors quote it.
        if let Some((end, _)) = cause.char_indices().nth(MOST_CAUSE) {
            cause.truncate(end);
            cause.push('…');
        }
        Self {
            cause,
            kind,
            retry_after: None,
        }
    }

    fn invalid(cause: impl Into<String>) -> Self {
        Self::new(Cause::Invalid, cause)
    }
}

impl From<Failed> for PullError {
    fn from(failed: Failed) -> Self {
        let retry_after = failed.cause.retry_after();
        let cause = match &failed.cause {
            TransferError::Write { cause } => cause.clone(),
            cause if failed.attempts > 1 => format!(
                "failed after {} attempts, last error: {cause}",
                failed.attempts
            ),
            cause => cause.to_string(),
        };
        Self {
            cause,
            kind: failed.cause.kind(),
            retry_after,
        }
    }
}

/// A repository on a registry that is asked.
#[derive(Clone, Debug)]
struct Place {
    /// `host` or `host:port`.
    host: String,
    repository: String,
    is_mirror: bool,
}

/// The module, from a mirror if one has it, else from the registry itself.
pub(super) async fn fetch(
    fetcher: &Fetcher,
    reference: &Reference,
    job: &Job,
) -> Result<Kept, ObtainError> {
    for (host, repository) in fetcher.registries.mirrors_of(reference) {
        let place = Place {
            host,
            repository,
            is_mirror: true,
        };
        match pull(fetcher, &place, reference, job).await {
            Ok(kept) => return Ok(kept),
            Err(error) => {
                let error = one_line(&error.to_string());
                tracing::warn!(mirror = place.host, %error, "a mirror is passed over");
            }
        }
    }
    let host = reference.api_host().to_owned();
    let origin = Place {
        host,
        repository: reference.repository.clone(),
        is_mirror: false,
    };
    pull(fetcher, &origin, reference, job).await
}

async fn pull(
    fetcher: &Fetcher,
    place: &Place,
    reference: &Reference,
    job: &Job,
) -> Result<Kept, ObtainError> {
    let host = if place.is_mirror {
        &place.host
    } else {
        &reference.registry
    };
    let credential = match &job.keyring {
        // Those in a URL are for its own host.
        Keyring::Url(_) if place.is_mirror => Credential::Anonymous,
        keyring => keyring
            .credential(host, &place.repository)
            .await
            .map_err(|cause| ObtainError::Credentials {
                url: job.url(),
                cause,
            })?,
    };
    let mut session = Session::new(fetcher, place, credential);
    let (manifest, digests) = resolve(&mut session, reference)
        .await
        .map_err(|error| manifest_failure(job, error))?;
    if let Some(kept) = known(fetcher, reference, job, &digests).await? {
        return Ok(kept);
    }
    let module = layer::module(&mut session, &manifest)
        .await
        .map_err(|error| layer_failure(job, error))?;
    keep(fetcher, reference, job, digests, module).await
}

/// The manifest, and the digests of what led to it.
async fn resolve(
    session: &mut Session<'_>,
    reference: &Reference,
) -> Result<(Manifest, Vec<Digest>), PullError> {
    /// An index of indexes of images is as far as it goes.
    const MOST_LEVELS: usize = 3;
    let mut name = reference.manifest_name();
    let mut wanted = reference.digest.clone();
    let mut digests = Vec::new();
    for _ in 0..MOST_LEVELS {
        let (octets, content_type) = session.manifest(&name).await?;
        let digest = Digest::of(&octets);
        if let Some(wanted) = wanted.filter(|wanted| *wanted != digest) {
            return Err(PullError::new(
                Cause::Checksum,
                format!("it has the digest {digest}, not {wanted}"),
            ));
        }
        digests.push(digest);
        match manifest::parse(&octets, &content_type).map_err(PullError::invalid)? {
            manifest::Document::Manifest(manifest) => return Ok((manifest, digests)),
            manifest::Document::Index(index) => {
                let child = index.child().map_err(PullError::invalid)?;
                name = child.to_string();
                wanted = Some(child);
            }
        }
    }
    Err(PullError::invalid("it is an index of indexes of indexes"))
}

/// The module of a manifest that some resource had from this repository before. That the registry gave this
/// resource the manifest shows that it may have the module.
async fn known(
    fetcher: &Fetcher,
    reference: &Reference,
    job: &Job,
    digests: &[Digest],
) -> Result<Option<Kept>, ObtainError> {
    let cache = fetcher.cache.clone();
    let (repository, job, digests) = (
        of_all(fetcher, reference, job),
        job.clone(),
        digests.to_owned(),
    );
    blocking(move || {
        let kept = digests
            .last()
            .and_then(|manifest| cache.look_up_digest(&repository.source, manifest));
        let Some(kept) = kept else { return Ok(None) };
        match &job.expected {
            Some(expected) if *expected != kept.checksum && !digests.contains(expected) => {
                Err(job.mismatch(&kept.checksum, expected))
            }
            _ => {
                cache.note_module(&job.wanted, &kept.checksum, &digests);
                Ok(Some(kept))
            }
        }
    })
    .await
}

async fn keep(
    fetcher: &Fetcher,
    reference: &Reference,
    job: &Job,
    digests: Vec<Digest>,
    module: Unboxed,
) -> Result<Kept, ObtainError> {
    let workbench = &fetcher.workbench;
    let (repository, job, fetcher) = (
        of_all(fetcher, reference, job),
        job.clone(),
        fetcher.clone(),
    );
    let work = move || {
        let kept = fetcher.verify_and_keep(module, &digests, &job)?;
        let manifest = digests.last().map(std::slice::from_ref).unwrap_or_default();
        fetcher
            .cache
            .note_module(&repository, &kept.checksum, manifest);
        Ok(kept)
    };
    workbench.run(work).await
}

/// The record of a repository whatever the credentials: which module is behind a manifest.
fn of_all(fetcher: &Fetcher, reference: &Reference, job: &Job) -> Wanted {
    let source =
        fetcher
            .cache
            .source_id(&["repository", &reference.registry, &reference.repository]);
    Wanted {
        source,
        tag: None,
        ..job.wanted.clone()
    }
}

fn manifest_failure(job: &Job, error: PullError) -> ObtainError {
    let PullError {
        cause,
        kind,
        retry_after,
    } = error;
    ObtainError::Manifest {
        url: job.url(),
        cause,
        kind,
        retry_after,
    }
}

fn layer_failure(job: &Job, error: PullError) -> ObtainError {
    let PullError {
        cause,
        kind,
        retry_after,
    } = error;
    match kind {
        Cause::TooLarge => job.too_large(),
        Cause::Cache => ObtainError::Cache {
            url: job.url(),
            cause,
        },
        kind => ObtainError::Layer {
            url: job.url(),
            cause,
            kind,
            retry_after,
        },
    }
}

/// Whether a URL leads to this machine.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
