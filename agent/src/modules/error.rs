//! Why a module cannot be had: texts that name the resource's URL, the cause and the way out.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::metrics::RemoteFetch;

/// What is said of a defect of the agent itself.
pub const PANICKED: &str = "the agent panicked at it, and tells on standard error where";

/// Why the agent cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The cache folder cannot be made.
    #[error("the cache folder `{}` cannot be made: {cause}", path.display())]
    CacheFolder {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// A file of certificate authorities cannot be used.
    #[error("the certificate authorities of `{host}` in `{}` cannot be used: {cause}", file.display())]
    RegistryCa {
        /// The host whose certificates they sign.
        host: String,
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// A proxy's address is no URL, or the HTTP client cannot be made of the options.
    #[error("the HTTP client cannot be made: {cause}")]
    HttpClient {
        /// What is wrong.
        cause: String,
    },
}

/// Why a module cannot be had. No text has user information or a query of a URL in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ObtainError {
    /// The URL is none.
    #[error(
        "fail to parse Wasm module fetch url: {cause}; it starts with http://, https:// or oci://"
    )]
    Url {
        /// What is wrong with it.
        cause: String,
    },
    /// The URL's scheme is none of `http`, `https` and `oci`.
    #[error("unsupported Wasm module downloading URL scheme: {scheme}")]
    Scheme {
        /// What stands before the colon.
        scheme: String,
    },
    /// The resource's `sha256` is no checksum.
    #[error("the checksum of {url} is malformed: `sha256` is 64 hexadecimal digits")]
    ChecksumMalformed {
        /// The module's URL.
        url: String,
    },
    /// The resource has no `sha256`, and the agent was told to refuse that.
    #[error(
        "{url} has no checksum: give `sha256`, or start the agent without `--require-checksum`"
    )]
    ChecksumMissing {
        /// The module's URL.
        url: String,
    },
    /// The credentials cannot be read.
    #[error("the credentials for {url} cannot be used: {cause}")]
    Credentials {
        /// The module's URL.
        url: String,
        /// What is wrong with them.
        cause: String,
    },
    /// The module could not be downloaded over HTTP.
    #[error("wasm module download failed after {attempts} attempts, last error: {cause}")]
    Download {
        /// How often it was asked for.
        attempts: u32,
        /// What went wrong last.
        cause: TransferError,
    },
    /// The registry gave no manifest that can be used.
    #[error("could not fetch Wasm OCI image {url}: could not fetch manifest: {cause}")]
    Manifest {
        /// The module's URL.
        url: String,
        /// What went wrong.
        cause: String,
        /// Which kind of failure that is.
        kind: Cause,
        /// When the registry wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// The registry gave no layer that can be used.
    #[error("could not fetch Wasm binary of {url}: {cause}")]
    Layer {
        /// The module's URL.
        url: String,
        /// What went wrong.
        cause: String,
        /// Which kind of failure that is.
        kind: Cause,
        /// When the registry wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// The time of the request is up.
    #[error("wasm module download failed after {attempts} attempts within {}, last error: {cause}", Seconds(*timeout))]
    Timeout {
        /// How often something had been asked for.
        attempts: u32,
        /// The time that the request had.
        timeout: Duration,
        /// What went wrong last, or what was being waited for.
        cause: String,
    },
    /// The module is another one.
    #[error("module downloaded from {url} has checksum {actual}, which does not match: {expected}")]
    ChecksumMismatched {
        /// The module's URL.
        url: String,
        /// SHA-256 of the module that was downloaded.
        actual: String,
        /// What the resource says.
        expected: String,
    },
    /// What was downloaded is no module.
    #[error("fetched Wasm binary from {url} is invalid: {cause}")]
    Invalid {
        /// The module's URL.
        url: String,
        /// What is wrong with it.
        cause: String,
    },
    /// The module, or the archive that it is in, is too large.
    #[error(
        "the Wasm module of {url} is larger than {limit} bytes; `ISTIO_WASM_MAX_BINARY_SIZE_BYTES` is the limit"
    )]
    TooLarge {
        /// The module's URL.
        url: String,
        /// The limit of a module.
        limit: u64,
    },
    /// The module cannot be kept.
    #[error("the Wasm module of {url} cannot be written to the cache folder: {cause}")]
    Cache {
        /// The module's URL.
        url: String,
        /// What the system says.
        cause: String,
    },
}

/// The kinds of failures, as the label `cause` of `istio_agent_wasm_remote_fetch_failure_count` has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// The resource's URL or checksum is malformed or missing.
    Request,
    /// The credentials cannot be read, or were refused.
    Credentials,
    /// No connection, or it broke off.
    Connection,
    /// The time was up.
    Timeout,
    /// A status that is not 200.
    Status,
    /// An address or a hop that is never taken.
    Refused,
    /// More than the limit.
    TooLarge,
    /// Another checksum than it should be.
    Checksum,
    /// What came is no module, no manifest, or no archive with a module.
    Invalid,
    /// The cache folder.
    Cache,
}

impl Cause {
    /// The label's value.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Credentials => "credentials",
            Self::Connection => "connection",
            Self::Timeout => "timeout",
            Self::Status => "status",
            Self::Refused => "refused",
            Self::TooLarge => "too_large",
            Self::Checksum => "checksum",
            Self::Invalid => "invalid",
            Self::Cache => "cache",
        }
    }
}

impl ObtainError {
    /// Which kind of failure this is.
    pub fn cause(&self) -> Cause {
        match self {
            Self::Url { .. } | Self::Scheme { .. } => Cause::Request,
            Self::ChecksumMalformed { .. } | Self::ChecksumMissing { .. } => Cause::Request,
            Self::Credentials { .. } => Cause::Credentials,
            Self::Download { cause, .. } => cause.kind(),
            Self::Manifest { kind, .. } | Self::Layer { kind, .. } => *kind,
            Self::Timeout { .. } => Cause::Timeout,
            Self::ChecksumMismatched { .. } => Cause::Checksum,
            Self::Invalid { .. } => Cause::Invalid,
            Self::TooLarge { .. } => Cause::TooLarge,
            Self::Cache { .. } => Cause::Cache,
        }
    }

    /// How long the server asked to be left alone, if it did: there is no use in trying earlier.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Download {
                cause: TransferError::Status { retry_after, .. },
                ..
            }
            | Self::Manifest { retry_after, .. }
            | Self::Layer { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// What Istio's `…_remote_fetch_count` counts it as, if it does.
    pub(crate) fn remote_fetch(&self) -> RemoteFetch {
        match self {
            Self::Manifest { .. } => RemoteFetch::ManifestFailure,
            Self::ChecksumMismatched { .. } => RemoteFetch::ChecksumMismatched,
            Self::Invalid { .. } | Self::Cache { .. } => RemoteFetch::FetchFailure,
            _ => RemoteFetch::DownloadFailure,
        }
    }
}

/// Why one HTTP exchange failed. The URL has neither user information nor a query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransferError {
    /// No connection, or it broke off.
    #[error("Get \"{url}\": {cause}")]
    Connection {
        /// What was asked for.
        url: String,
        /// What the system, TLS or HTTP says.
        cause: String,
    },
    /// One attempt took too long.
    #[error("Get \"{url}\": no complete answer within {}", Seconds(*timeout))]
    Timeout {
        /// What was asked for.
        url: String,
        /// The time of one attempt.
        timeout: Duration,
    },
    /// The answer's status.
    #[error("Get \"{url}\": wasm module download request failed: status code {status}{reason}")]
    Status {
        /// What was asked for.
        url: String,
        /// Any but 200.
        status: u16,
        /// What a registry says besides; empty, or with what sets it off.
        reason: String,
        /// How long the server asks to be left alone.
        retry_after: Option<Duration>,
    },
    /// The URL, or what its host resolves to, is never connected to.
    #[error("Get \"{url}\": {cause}")]
    Refused {
        /// What was asked for.
        url: String,
        /// Which address, or which hop.
        cause: String,
    },
    /// The body is larger than it may be.
    #[error("Get \"{url}\": the answer is larger than {limit} bytes")]
    TooLarge {
        /// What was asked for.
        url: String,
        /// The limit.
        limit: u64,
    },
    /// The body cannot be written.
    #[error("{cause}")]
    Write {
        /// What the system says.
        cause: String,
    },
}

impl TransferError {
    /// Which kind of failure this is.
    pub fn kind(&self) -> Cause {
        match self {
            Self::Connection { .. } => Cause::Connection,
            Self::Timeout { .. } => Cause::Timeout,
            Self::Status { .. } => Cause::Status,
            Self::Refused { .. } => Cause::Refused,
            Self::TooLarge { .. } => Cause::TooLarge,
            Self::Write { .. } => Cause::Cache,
        }
    }

    /// How long the server asked to be left alone.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Whether another attempt may end otherwise.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Connection { .. } | Self::Timeout { .. } => true,
            // 501, 505 and 511 say that it will never work, as Istio's agent takes them.
            Self::Status { status, .. } => {
                matches!(status, 408 | 429 | 500..) && !matches!(status, 501 | 505 | 511)
            }
            Self::Refused { .. } | Self::TooLarge { .. } | Self::Write { .. } => false,
        }
    }
}

/// Why a local file is no module.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LocalError {
    /// The file cannot be read.
    #[error("the local Wasm module `{}` cannot be read: {cause}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: String,
    },
    /// The file is no module.
    #[error("the local Wasm module `{}` is invalid: {cause}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
}

/// A duration as `15s` or `0.25s`.
pub(super) struct Seconds(pub(super) Duration);

impl std::fmt::Display for Seconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}s", self.0.as_secs_f64())
    }
}
