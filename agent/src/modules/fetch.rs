//! From a source to a verified module in the cache.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

use super::cache::{Cache, Kept, Wanted};
use super::credentials::Keyring;
use super::error::{ObtainError, PANICKED, TransferError};
use super::reference::{Digest, Reference};
use super::sink::{Limits, Sink};
use super::source::{HttpSource, Source};
use super::transfer::{Answer, Failed, Request, Transfer, display};
use super::unbox::{self, Target, UnboxError};
use super::validation::validate;
use super::workbench::Workbench;

/// One module to be downloaded.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) source: Source,
    pub(super) wanted: Wanted,
    /// What the resource says the checksum is.
    pub(super) expected: Option<Digest>,
    pub(super) keyring: Keyring,
    /// The limit of a module's size, for errors.
    pub(super) limit: u64,
}

/// Downloads, unpacks, verifies and keeps modules.
#[derive(Clone, Debug)]
pub(super) struct Fetcher {
    pub(super) transfer: Transfer,
    pub(super) cache: Arc<Cache>,
    pub(super) workbench: Workbench,
    pub(super) limits: Limits,
    pub(super) registries: Arc<super::registry::Registries>,
}

/// A module that is not yet in the cache.
#[derive(Debug)]
pub(super) struct Unboxed {
    pub(super) file: NamedTempFile,
    pub(super) checksum: Digest,
}

impl Fetcher {
    /// The module, verified and kept.
    pub(super) async fn fetch(&self, job: &Job) -> Result<Kept, ObtainError> {
        let _running = self.transfer.metrics.fetch_starts();
        match &job.source {
            Source::Http(source) => self.fetch_http(source, job).await,
            Source::Registry(reference) => self.fetch_image(reference, job).await,
        }
    }

    async fn fetch_http(&self, source: &HttpSource, job: &Job) -> Result<Kept, ObtainError> {
        let mut request = Request::get(source.url.clone());
        request.authorization.clone_from(&source.authorization);
        let file = self
            .download(&request)
            .await
            .map_err(|failed| job.download_failure(failed))?;
        let (fetcher, job) = (self.clone(), job.clone());
        let work = move || {
            let module = fetcher
                .unbox(file)
                .map_err(|error| job.unbox_failure(error))?;
            fetcher.verify_and_keep(module, &[], &job)
        };
        self.workbench.run(work).await
    }

    async fn fetch_image(&self, reference: &Reference, job: &Job) -> Result<Kept, ObtainError> {
        super::registry::fetch(self, reference, job).await
    }

    /// A file with what `request` asks for.
    pub(super) async fn download(&self, request: &Request) -> Result<NamedTempFile, Failed> {
        let url = display(&request.url);
        let failed = |error: io::Error| Failed {
            attempts: 0,
            cause: TransferError::Write {
                cause: system_text(&error),
            },
        };
        let cache = Arc::clone(&self.cache);
        let file = blocking(move || cache.download()).await.map_err(failed)?;
        let mut sink = Sink::file(file.as_file().try_clone().map_err(failed)?, self.limits);
        match self.transfer.run(request, &mut sink).await? {
            Answer::Complete(_) => Ok(file),
            Answer::Unauthorized(_) => Err(Failed {
                attempts: 1,
                cause: TransferError::Status {
                    url,
                    status: 401,
                    reason: String::new(),
                    retry_after: None,
                },
            }),
        }
    }

    /// The module in a downloaded file.
    pub(super) fn unbox(&self, mut file: NamedTempFile) -> Result<Unboxed, UnboxError> {
        file.rewind().map_err(UnboxError::Write)?;
        let packed = file.reopen().map_err(UnboxError::Write)?;
        let mut module = self.new_module().map_err(UnboxError::Write)?;
        unbox::extract(unbox::open(packed, self.limits)?, &mut module, self.limits)?;
        module.finish().map_err(UnboxError::Write)
    }

    /// A module to be written.
    pub(super) fn new_module(&self) -> io::Result<HashedFile> {
        Ok(HashedFile {
            file: self.cache.download()?,
            hash: Sha256::new(),
        })
    }

    /// Verifies checksum and structure. `digests` name the module too, beside its own checksum.
    pub(super) fn verify_and_keep(
        &self,
        module: Unboxed,
        digests: &[Digest],
        job: &Job,
    ) -> Result<Kept, ObtainError> {
        if let Some(expected) = &job.expected
            && module.checksum != *expected
            && !digests.contains(expected)
        {
            return Err(job.mismatch(&module.checksum, expected));
        }
        let octets = read_all(&module.file).map_err(|error| job.cache_failure(&error))?;
        validate(&octets).map_err(|cause| ObtainError::Invalid {
            url: job.url(),
            cause,
        })?;
        drop(octets);
        let kept = self
            .cache
            .keep(module.file, &module.checksum)
            .map_err(|error| job.cache_failure(&error))?;
        self.cache.note_module(&job.wanted, &kept.checksum, digests);
        Ok(kept)
    }
}

impl Job {
    /// What may be shown of the URL.
    pub(super) fn url(&self) -> String {
        self.source.display()
    }

    pub(super) fn mismatch(&self, actual: &Digest, expected: &Digest) -> ObtainError {
        ObtainError::ChecksumMismatched {
            url: self.url(),
            actual: actual.hex().to_owned(),
            expected: expected.hex().to_owned(),
        }
    }

    pub(super) fn cache_failure(&self, error: &io::Error) -> ObtainError {
        ObtainError::Cache {
            url: self.url(),
            cause: system_text(error),
        }
    }

    pub(super) fn unbox_failure(&self, error: UnboxError) -> ObtainError {
        match error {
            UnboxError::Invalid(cause) => ObtainError::Invalid {
                url: self.url(),
                cause,
            },
            UnboxError::TooLarge => self.too_large(),
            UnboxError::Write(error) => self.cache_failure(&error),
        }
    }

    /// The agent itself failed at what came.
    pub(super) fn broke_off(&self) -> ObtainError {
        ObtainError::Invalid {
            url: self.url(),
            cause: PANICKED.to_owned(),
        }
    }

    pub(super) fn too_large(&self) -> ObtainError {
        ObtainError::TooLarge {
            url: self.url(),
            limit: self.limit,
        }
    }

    fn download_failure(&self, failed: Failed) -> ObtainError {
        match failed.cause {
            TransferError::TooLarge { .. } => self.too_large(),
            TransferError::Write { cause } => ObtainError::Cache {
                url: self.url(),
                cause,
            },
            cause => ObtainError::Download {
                attempts: failed.attempts,
                cause,
            },
        }
    }
}

/// A file whose checksum is computed while it is written.
#[derive(Debug)]
pub(super) struct HashedFile {
    file: NamedTempFile,
    hash: Sha256,
}

impl HashedFile {
    /// The file and its checksum.
    pub(super) fn finish(mut self) -> io::Result<Unboxed> {
        self.file.flush()?;
        Ok(Unboxed {
            file: self.file,
            checksum: Digest::from(self.hash.finalize().as_slice()),
        })
    }
}

impl Write for HashedFile {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let count = self.file.write(octets)?;
        self.hash.update(&octets[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Target for HashedFile {
    fn restart(&mut self) -> io::Result<()> {
        self.hash = Sha256::new();
        self.file.rewind()?;
        self.file.as_file().set_len(0)
    }
}

/// What the system says, without the random name of a file that `tempfile` adds.
pub(super) fn system_text(error: &io::Error) -> String {
    let text = error.to_string();
    text.split_once(" at path \"")
        .map_or(text.as_str(), |(text, _)| text)
        .to_owned()
}

fn read_all(file: &NamedTempFile) -> io::Result<Vec<u8>> {
    let mut octets = Vec::new();
    File::open(file.path())?.read_to_end(&mut octets)?;
    Ok(octets)
}

/// Runs what blocks where it may.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
