//! One pull: requests to one repository with one credential. Nothing of it outlives the pull, so that no
//! resource profits from another's credentials.

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use tempfile::NamedTempFile;
use url::Url;

use super::challenge::{Challenge, Registry, challenges, names_private_host, token_service};
use super::{Cause, Place, PullError, is_loopback, manifest, token};
use crate::modules::address::Reach;
use crate::modules::credentials::Credential;
use crate::modules::error::TransferError;
use crate::modules::fetch::{Fetcher, blocking, system_text};
use crate::modules::reference::Digest;
use crate::modules::sink::Sink;
use crate::modules::source::{basic, sensitive};
use crate::modules::transfer::{Answer, Failed, Request, Transfer, Unauthorized};

/// As large as a manifest may be.
const MOST_MANIFEST: u64 = 4 << 20;

/// A pull from one repository.
#[derive(Debug)]
pub(super) struct Session<'a> {
    pub(super) fetcher: &'a Fetcher,
    place: &'a Place,
    credential: Credential,
    transfer: Transfer,
    /// What the registry accepted last.
    authorization: Option<HeaderValue>,
}

impl<'a> Session<'a> {
    /// Nothing is sent yet.
    pub(super) fn new(fetcher: &'a Fetcher, place: &'a Place, credential: Credential) -> Self {
        let mut transfer = fetcher.transfer.clone();
        if place.is_mirror {
            // The registry itself is still to be asked within the same time.
            transfer.max_attempts = 1;
        }
        Self {
            fetcher,
            place,
            credential,
            transfer,
            authorization: None,
        }
    }

    /// A manifest or an index, and its content type.
    pub(super) async fn manifest(&mut self, name: &str) -> Result<(Vec<u8>, String), PullError> {
        let mut sink = Sink::memory(MOST_MANIFEST);
        let path = format!("manifests/{name}");
        let headers = self.get(&path, Some(manifest::ACCEPTED), &mut sink).await?;
        let content_type = headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        let content_type = content_type
            .unwrap_or_default()
            .split(';')
            .next()
            .unwrap_or_default();
        Ok((sink.into_octets(), content_type.trim().to_owned()))
    }

    /// A blob that has the digest it is asked for by.
    pub(super) async fn blob(&mut self, digest: &Digest) -> Result<NamedTempFile, PullError> {
        let cache = self.fetcher.cache.clone();
        let write_failure =
            |error: std::io::Error| PullError::new(Cause::Cache, system_text(&error));
        let file = blocking(move || cache.download())
            .await
            .map_err(write_failure)?;
        let mut sink = Sink::file(
            file.as_file().try_clone().map_err(write_failure)?,
            self.fetcher.limits,
        );
        self.get(&format!("blobs/{digest}"), None, &mut sink)
            .await?;
        let (file, actual) = blocking(move || {
            let actual = file
                .reopen()
                .and_then(|mut file| crate::modules::cache::checksum_of(&mut file));
            (file, actual)
        })
        .await;
        match actual.map_err(write_failure)? {
            actual if actual == *digest => Ok(file),
            actual => Err(PullError::new(
                Cause::Checksum,
                format!("the layer {digest} has the digest {actual}"),
            )),
        }
    }

    async fn get(
        &mut self,
        path: &str,
        accept: Option<&'static str>,
        sink: &mut Sink,
    ) -> Result<HeaderMap, PullError> {
        let url = format!(
            "{}://{}/v2/{}/{path}",
            self.scheme(),
            self.place.host,
            self.place.repository
        );
        let url =
            Url::parse(&url).map_err(|error| PullError::new(Cause::Request, error.to_string()))?;
        let mut request = Request::get(url);
        request.accept = accept;
        // A token may have expired since the last request: one new one for each.
        for has_asked in [false, true] {
            request.authorization.clone_from(&self.authorization);
            match self.run(&mut request, sink).await? {
                Answer::Complete(headers) => return Ok(headers),
                Answer::Unauthorized(_) if has_asked => break,
                Answer::Unauthorized(unauthorized) => {
                    self.authenticate(&request.url, &unauthorized).await?
                }
            }
        }
        Err(PullError::new(Cause::Credentials, self.refusal()))
    }

    fn refusal(&self) -> String {
        let Place {
            host, repository, ..
        } = self.place;
        match self.credential {
            Credential::Anonymous => format!(
                "{host} lets nobody pull {repository} without credentials, and there are none"
            ),
            _ => format!(
                "{host} refuses the credentials for {repository}{}",
                self.credential.hint()
            ),
        }
    }

    /// Asks over TLS, or plainly where that is allowed and TLS is not spoken.
    async fn run(&self, request: &mut Request, sink: &mut Sink) -> Result<Answer, Failed> {
        let (registries, host) = (&self.fetcher.registries, &self.place.host);
        if !self.may_be_plain(&request.url) || registries.is_plain(host).is_some() {
            return self.transfer.run(request, sink).await;
        }
        let failure = match self.transfer.attempt(request, sink).await {
            Err(TransferError::Connection { cause, .. })
                if !cause.starts_with("invalid peer certificate") =>
            {
                // `https` can always be made `http`.
                let _ = request.url.set_scheme("http");
                None
            }
            Err(failure) => Some(failure),
            Ok(answer) => {
                registries.note_plain(host, false);
                return Ok(answer);
            }
        };
        let outcome = self.transfer.run_after(failure, request, sink).await;
        let has_answered = !matches!(
            &outcome,
            Err(Failed {
                cause: TransferError::Connection { .. },
                ..
            })
        );
        if has_answered && request.url.scheme() == "http" {
            registries.note_plain(host, true);
        }
        outcome
    }

    fn scheme(&self) -> &'static str {
        match self.fetcher.registries.is_plain(&self.place.host) {
            Some(true) => "http",
            _ => "https",
        }
    }

    fn may_be_plain(&self, url: &Url) -> bool {
        is_loopback(url) || self.transfer.clients.is_insecure(url)
    }

    /// Finds out what the registry wants to be shown from now on.
    async fn authenticate(
        &mut self,
        url: &Url,
        unauthorized: &Unauthorized,
    ) -> Result<(), PullError> {
        let registry = Registry {
            url,
            is_private: unauthorized.is_private || names_private_host(url),
        };
        let all = challenges(&unauthorized.headers);
        let services = services(&all, registry)?;
        if let Credential::RegistryToken(token) = &self.credential {
            let whose = format!("the `registrytoken` for {}", self.place.host);
            self.authorization = Some(bearer(token, &whose)?);
            return Ok(());
        }
        let mut failure = None;
        for (service, challenge) in services {
            let is_own = service.host() == url.host() || registry.is_private;
            // A proxy may have a private address itself, and resolves names where the agent cannot see it.
            let reach = if is_own || self.transfer.clients.may_use_proxy() {
                Reach::NotBlocked
            } else {
                Reach::Public
            };
            let scope = challenge.parameter("scope").map(str::to_owned);
            let scope =
                scope.unwrap_or_else(|| format!("repository:{}:pull", self.place.repository));
            let asked = token::Asked {
                service: challenge.parameter("service"),
                scope: &scope,
                reach,
            };
            match token::fetch(&self.transfer, service, &asked, &self.credential).await {
                Ok(token) => {
                    self.authorization = Some(bearer(&token, "the token of the token service")?);
                    return Ok(());
                }
                Err(error) => failure = Some(error),
            }
        }
        let is_basic = all.iter().any(|challenge| challenge.scheme == "basic");
        match (&self.credential, failure) {
            (Credential::Basic { user, password }, _) if is_basic => {
                self.authorization = Some(basic(user.as_bytes(), password.as_bytes()));
                Ok(())
            }
            (_, Some(failure)) => Err(failure),
            (Credential::Anonymous, None) => {
                Err(PullError::new(Cause::Credentials, self.refusal()))
            }
            _ => Err(PullError::new(
                Cause::Credentials,
                "the registry asks for credentials in no way that is known",
            )),
        }
    }
}

fn bearer(token: &str, whose: &str) -> Result<HeaderValue, PullError> {
    sensitive(&format!("Bearer {token}")).ok_or_else(|| {
        let cause = format!(
            "{whose} cannot be sent: it has a control character, such as a line break at its end, or one beyond ASCII"
        );
        PullError::new(Cause::Credentials, cause)
    })
}

/// The token services that are named. One that is not to be asked makes all of them suspect.
fn services<'c>(
    all: &'c [Challenge],
    registry: Registry<'_>,
) -> Result<Vec<(Url, &'c Challenge)>, PullError> {
    all.iter()
        .filter(|challenge| challenge.scheme == "bearer")
        .map(|challenge| {
            let realm = challenge.parameter("realm").unwrap_or_default();
            let service = token_service(realm, registry)
                .map_err(|cause| PullError::new(Cause::Refused, cause))?;
            Ok((service, challenge))
        })
        .collect()
}
