//! One thing asked for over HTTP: attempts, redirects, bounds.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, LOCATION};
use http::{HeaderMap, HeaderValue, StatusCode};
use reqwest::Response;
use url::Url;

use super::address::{Blocked, Reach, is_private};
use super::clients::{Clients, flatten};
use super::error::{Seconds, TransferError};
use super::retry::{Backoff, retry_after};
use super::sink::Sink;
use crate::metrics::Metrics;

/// As many as browsers and Go follow.
const MOST_REDIRECTS: usize = 10;

/// Asks for things, again and again within its limits.
#[derive(Clone, Debug)]
pub(super) struct Transfer {
    pub(super) clients: Arc<Clients>,
    pub(super) attempt_timeout: Duration,
    pub(super) max_attempts: u32,
    pub(super) backoff: Backoff,
    pub(super) metrics: Metrics,
    pub(super) progress: Arc<Progress>,
}

/// How far a fetch has come, for the error of one that is given up.
#[derive(Debug, Default)]
pub(super) struct Progress(Mutex<(u32, Option<String>)>);

impl Progress {
    fn attempted(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0 += 1;
    }

    fn failed(&self, error: &TransferError) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1 = Some(error.to_string());
    }

    /// The number of attempts, and how the last one failed.
    pub(super) fn so_far(&self) -> (u32, Option<String>) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// What is asked for.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) url: Url,
    pub(super) accept: Option<&'static str>,
    /// Goes to the URL's own origin only, never along a redirect to another.
    pub(super) authorization: Option<HeaderValue>,
    /// Sent by POST.
    pub(super) form: Option<Vec<(&'static str, String)>>,
    pub(super) reach: Reach,
}

impl Request {
    /// Asks for `url`, wherever that is, without credentials.
    pub(super) fn get(url: Url) -> Self {
        Self {
            url,
            accept: None,
            authorization: None,
            form: None,
            reach: Reach::NotBlocked,
        }
    }
}

/// How an exchange ended that did not fail.
#[derive(Debug)]
pub(super) enum Answer {
    /// 200; the body is in the sink.
    Complete(HeaderMap),
    /// 401.
    Unauthorized(Unauthorized),
}

/// An answer with status 401.
#[derive(Debug)]
pub(super) struct Unauthorized {
    pub(super) headers: HeaderMap,
    /// Whether the answer came from a private network or this machine. What a proxy passed on did not.
    pub(super) is_private: bool,
}

/// A failure, and how many attempts there were.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) attempts: u32,
    pub(super) cause: TransferError,
}

impl Transfer {
    /// Fills `sink` with what `request` asks for. 401 is an answer like any other here: it is not repeated.
    pub(super) async fn run(&self, request: &Request, sink: &mut Sink) -> Result<Answer, Failed> {
        self.run_after(None, request, sink).await
    }

    /// The same after a first attempt that failed.
    pub(super) async fn run_after(
        &self,
        mut failure: Option<TransferError>,
        request: &Request,
        sink: &mut Sink,
    ) -> Result<Answer, Failed> {
        let mut attempts = u32::from(failure.is_some());
        loop {
            if let Some(cause) = failure.take() {
                if attempts >= self.max_attempts || !cause.is_transient() {
                    return Err(Failed { attempts, cause });
                }
                self.wait_before_repeating(attempts, &cause).await;
            }
            attempts += 1;
            match self.attempt(request, sink).await {
                Ok(answer) => return Ok(answer),
                Err(cause) => failure = Some(cause),
            }
        }
    }

    async fn wait_before_repeating(&self, attempts: u32, cause: &TransferError) {
        let wait = self
            .backoff
            .after(attempts)
            .max(cause.retry_after().unwrap_or_default());
        tracing::debug!(attempts, wait_ms = wait.as_millis(), %cause, "a request for a Wasm module is repeated");
        tokio::time::sleep(wait).await;
        self.metrics.retried();
    }

    /// One attempt.
    pub(super) async fn attempt(
        &self,
        request: &Request,
        sink: &mut Sink,
    ) -> Result<Answer, TransferError> {
        self.progress.attempted();
        let outcome =
            tokio::time::timeout(self.attempt_timeout, self.exchange(request, sink)).await;
        let timeout = || TransferError::Timeout {
            url: display(&request.url),
            timeout: self.attempt_timeout,
        };
        outcome
            .unwrap_or_else(|_| Err(timeout()))
            .inspect_err(|cause| self.progress.failed(cause))
    }

    async fn exchange(&self, request: &Request, sink: &mut Sink) -> Result<Answer, TransferError> {
        let (response, url) = self.follow(request).await?;
        match response.status() {
            StatusCode::OK => {
                let headers = response.headers().clone();
                self.receive(response, &url, sink).await?;
                Ok(Answer::Complete(headers))
            }
            // A challenge of where a redirect led to says nothing of the credentials for its start.
            StatusCode::UNAUTHORIZED if url.origin() == request.url.origin() => {
                Ok(Answer::Unauthorized(Unauthorized {
                    is_private: !self.clients.may_use_proxy()
                        && response
                            .remote_addr()
                            .is_some_and(|address| is_private(address.ip())),
                    headers: response.headers().clone(),
                }))
            }
            status => Err(TransferError::Status {
                url: display(&url),
                status: status.as_u16(),
                retry_after: retry_after(response.headers()),
                reason: reason(response).await,
            }),
        }
    }

    /// The answer at the end of all redirects, and where that is.
    async fn follow(&self, request: &Request) -> Result<(Response, Url), TransferError> {
        let mut url = request.url.clone();
        let mut authorization = request.authorization.as_ref();
        for _ in 0..=MOST_REDIRECTS {
            let response = self.send(request, &url, authorization).await?;
            // A form holds credentials: it goes nowhere but where it was meant to.
            let Some(next) = next_hop(&url, &response).filter(|_| request.form.is_none()) else {
                return Ok((response, url));
            };
            let next = next.map_err(|cause| TransferError::Refused {
                url: display(&url),
                cause,
            })?;
            if next.origin() != url.origin() {
                authorization = None;
            }
            url = next;
        }
        let cause = format!("more than {MOST_REDIRECTS} redirects");
        Err(TransferError::Refused {
            url: display(&request.url),
            cause,
        })
    }

    async fn send(
        &self,
        request: &Request,
        url: &Url,
        authorization: Option<&HeaderValue>,
    ) -> Result<Response, TransferError> {
        let refused = |cause: String| TransferError::Refused {
            url: display(url),
            cause,
        };
        self.clients
            .guard()
            .check(url)
            .map_err(|blocked| refused(blocked.to_string()))?;
        if request.reach == Reach::Public && has_private_address(url) {
            return Err(refused(
                "a private address is not connected to on behalf of a public registry".to_owned(),
            ));
        }
        let client = self.clients.for_url(url, request.reach).map_err(refused)?;
        let mut builder = match &request.form {
            Some(form) => client.post(url.clone()).form(form),
            None => client.get(url.clone()),
        };
        if let Some(accept) = request.accept {
            builder = builder.header(ACCEPT, accept);
        }
        if let Some(authorization) = authorization {
            builder = builder.header(AUTHORIZATION, authorization);
        }
        builder
            .send()
            .await
            .map_err(|error| match error.is_timeout() {
                true => TransferError::Connection {
                    url: display(url),
                    cause: format!(
                        "no connection within {}",
                        Seconds(self.clients.connect_timeout)
                    ),
                },
                false => failure(url, &error),
            })
    }

    async fn receive(
        &self,
        mut response: Response,
        url: &Url,
        sink: &mut Sink,
    ) -> Result<(), TransferError> {
        sink.restart().await.map_err(write_failure)?;
        if response
            .content_length()
            .is_some_and(|length| length > sink.limit())
        {
            return Err(TransferError::TooLarge {
                url: display(url),
                limit: sink.limit(),
            });
        }
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| failure(url, &error))?
        {
            self.metrics.received(chunk.len());
            let is_within = sink.append(&chunk).await.map_err(write_failure)?;
            if !is_within {
                return Err(TransferError::TooLarge {
                    url: display(url),
                    limit: sink.limit(),
                });
            }
        }
        sink.finish().await.map_err(write_failure)
    }
}

/// A URL without user information, query and fragment.
pub(super) fn display(url: &Url) -> String {
    let mut shown = url.clone();
    shown.set_query(None);
    shown.set_fragment(None);
    // Fails for URLs that have no user information anyway.
    let _ = shown.set_username("");
    let _ = shown.set_password(None);
    shown.into()
}

fn has_private_address(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => is_private(address.into()),
        Some(url::Host::Ipv6(address)) => is_private(address.into()),
        _ => false,
    }
}

/// Where `response` redirects to, if it does; or why that is not gone to.
fn next_hop(from: &Url, response: &Response) -> Option<Result<Url, String>> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = response.headers().get(LOCATION)?;
    let next = location
        .to_str()
        .ok()
        .and_then(|location| from.join(location).ok());
    let Some(mut next) = next else {
        return Some(Err("the redirect's location is no URL".to_owned()));
    };
    if !matches!(next.scheme(), "http" | "https") {
        return Some(Err(format!(
            "a redirect to the scheme {} is not followed",
            next.scheme()
        )));
    }
    if from.scheme() == "https" && next.scheme() == "http" {
        return Some(Err(
            "a redirect from HTTPS to HTTP is not followed".to_owned()
        ));
    }
    // Nobody but the resource and its secrets says who the agent is.
    let _ = next.set_username("");
    let _ = next.set_password(None);
    Some(Ok(next))
}

fn failure(url: &Url, error: &reqwest::Error) -> TransferError {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(inner) = cause {
        if let Some(blocked) = inner.downcast_ref::<Blocked>() {
            return TransferError::Refused {
                url: display(url),
                cause: blocked.to_string(),
            };
        }
        cause = inner.source();
    }
    TransferError::Connection {
        url: display(url),
        cause: flatten(error),
    }
}

fn write_failure(error: io::Error) -> TransferError {
    TransferError::Write {
        cause: error.to_string(),
    }
}

/// The code that a registry gives with a status: ` (MANIFEST_UNKNOWN)`. Nothing else of a body gets into a log.
async fn reason(mut response: Response) -> String {
    const MOST: usize = 16 << 10;
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > MOST {
            return String::new();
        }
    }
    serde_json::from_slice::<serde_json::Value>(&body)
        .ok()
        .and_then(|body| Some(body.pointer("/errors/0/code")?.as_str()?.to_owned()))
        .filter(|code| {
            code.len() <= 40 && code.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
        })
        .map(|code| format!(" ({code})"))
        .unwrap_or_default()
}
