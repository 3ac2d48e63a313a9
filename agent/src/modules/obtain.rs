//! A resource's way to its module: the cache, or a download that it may share with others.

use std::sync::Arc;
use std::time::Duration;

use super::cache::{Kept, Wanted};
use super::credentials::{Credential, DockerConfiguration, Keyring};
use super::error::ObtainError;
use super::fetch::{Fetcher, Job, blocking};
use super::flight::{Flight, FlightKey};
use super::reference::{Digest, Reference};
use super::source::Source;
use super::transfer::{Progress, Transfer};
use super::{Inner, ModuleRequest, PullPolicy};
use crate::metrics::RemoteFetch;

impl Inner {
    pub(super) async fn obtain(
        self: &Arc<Self>,
        request: &ModuleRequest,
    ) -> Result<Kept, ObtainError> {
        let source = Source::parse(&request.url)
            .inspect_err(|error| self.metrics.failed(error.cause().label()))?;
        let url = source.display();
        let outcome = self.obtain_from(source, request).await;
        self.statuses
            .note(&url, &request.resource_name, outcome.as_ref());
        if let Err(error) = &outcome {
            self.metrics.failed(error.cause().label());
        }
        outcome
    }

    async fn obtain_from(
        self: &Arc<Self>,
        source: Source,
        request: &ModuleRequest,
    ) -> Result<Kept, ObtainError> {
        let job = self.job(source, request)?;
        if let Some(kept) = self.look_up(&job.wanted).await {
            return Ok(kept);
        }
        let timeout = request.timeout.unwrap_or(self.options.default_timeout);
        if timeout.is_zero() {
            return Err(gave_up(timeout, &Progress::default()));
        }
        let flight = self.join(&job);
        let Ok(landed) = tokio::time::timeout(timeout, flight.landed()).await else {
            return Err(gave_up(timeout, &flight.progress));
        };
        let kept = landed.unwrap_or_else(|| Err(job.broke_off()))?;
        self.cache.note_version(&job.wanted);
        self.unwritten.notify_one();
        Ok(kept)
    }

    /// What is to be done, or why the request cannot be served.
    fn job(&self, source: Source, request: &ModuleRequest) -> Result<Job, ObtainError> {
        let expected = self.expected(&source, request)?;
        let keyring = self.keyring(&source, request)?;
        let wanted = self.wanted(&source, &keyring, expected.as_ref(), request);
        let limit = self.options.max_module_bytes;
        Ok(Job {
            source,
            wanted,
            expected,
            keyring,
            limit,
        })
    }

    fn expected(
        &self,
        source: &Source,
        request: &ModuleRequest,
    ) -> Result<Option<Digest>, ObtainError> {
        // Control planes of old wrote `nil` for none.
        match request.sha256.as_deref() {
            None | Some("" | "nil") if self.options.require_checksum && !source.is_pinned() => {
                Err(ObtainError::ChecksumMissing {
                    url: source.display(),
                })
            }
            None | Some("" | "nil") => Ok(None),
            Some(hex) => match Digest::from_hex(hex) {
                Some(digest) => Ok(Some(digest)),
                None => Err(ObtainError::ChecksumMalformed {
                    url: source.display(),
                }),
            },
        }
    }

    fn keyring(&self, source: &Source, request: &ModuleRequest) -> Result<Keyring, ObtainError> {
        if let Source::Registry(Reference {
            user_information: Some((user, password)),
            ..
        }) = source
        {
            return Ok(Keyring::Url(Credential::Basic {
                user: user.clone(),
                password: password.clone(),
            }));
        }
        match &request.pull_secret {
            Some(secret) => DockerConfiguration::parse(secret)
                .map(Keyring::Secret)
                .map_err(|cause| ObtainError::Credentials {
                    url: source.display(),
                    cause: format!("the pull secret is {cause}"),
                }),
            None => Ok(Keyring::Own(self.own_credentials.clone())),
        }
    }

    fn wanted(
        &self,
        source: &Source,
        keyring: &Keyring,
        expected: Option<&Digest>,
        request: &ModuleRequest,
    ) -> Wanted {
        let asks_again = match request.pull_policy {
            PullPolicy::Always => true,
            PullPolicy::IfNotPresent => false,
            PullPolicy::Unspecified => source.is_latest(),
        };
        let (id, url, tag, pinned) = match source {
            Source::Http(http) => {
                let id = self.cache.source_id(&["http", http.identity()]);
                (id, source.display(), Some(String::new()), None)
            }
            Source::Registry(reference) => {
                let mirrors = self.fetcher.registries.mirrors_of(reference);
                let identity = keyring.identity(reference, &mirrors);
                let mut parts = vec!["oci", &reference.registry, &reference.repository];
                parts.extend(identity.iter().map(String::as_str));
                let url = format!("oci://{}/{}", reference.registry, reference.repository);
                let tag = reference
                    .digest
                    .is_none()
                    .then(|| reference.tag().to_owned());
                (
                    self.cache.source_id(&parts),
                    url,
                    tag,
                    reference.digest.clone(),
                )
            }
        };
        Wanted {
            source: id,
            url,
            tag,
            digests: pinned.into_iter().chain(expected.cloned()).collect(),
            asks_again,
            resource: request.resource_name.clone(),
            version: request.resource_version.clone(),
        }
    }

    async fn look_up(self: &Arc<Self>, wanted: &Wanted) -> Option<Kept> {
        // The semaphore is never closed.
        let _permit = self.lookups.clone().acquire_owned().await.ok()?;
        let (inner, wanted) = (Arc::clone(self), wanted.clone());
        let kept = blocking(move || inner.cache.look_up(&wanted)).await;
        self.metrics.looked_up(kept.is_some());
        kept
    }

    fn join(self: &Arc<Self>, job: &Job) -> Arc<Flight> {
        let key = FlightKey {
            source: job.wanted.source.clone(),
            tag: job.wanted.tag.clone(),
            digests: job.wanted.digests.clone(),
        };
        let (inner, job) = (Arc::clone(self), job.clone());
        self.flights.join(key, move |progress| async move {
            inner.fetch(&job, progress).await
        })
    }

    async fn fetch(
        self: Arc<Self>,
        job: &Job,
        progress: Arc<Progress>,
    ) -> Result<Kept, ObtainError> {
        let transfer = Transfer {
            progress,
            ..self.fetcher.transfer.clone()
        };
        let fetcher = Fetcher {
            transfer,
            ..self.fetcher.clone()
        };
        let outcome = fetcher.fetch(job).await;
        match &outcome {
            Ok(kept) => {
                tracing::info!(
                    url = job.url(),
                    checksum = kept.checksum.hex(),
                    "a Wasm module was fetched"
                );
                self.metrics.fetched(RemoteFetch::Success);
                let inner = Arc::clone(&self);
                blocking(move || inner.count(inner.cache.contents())).await;
            }
            Err(error) => self.metrics.fetched(error.remote_fetch()),
        }
        outcome
    }
}

fn gave_up(timeout: Duration, progress: &Progress) -> ObtainError {
    let (attempts, last) = progress.so_far();
    let cause = last.unwrap_or_else(|| "no answer yet".to_owned());
    ObtainError::Timeout {
        attempts,
        timeout,
        cause,
    }
}
