//! What the module server answers: a function of the request and the modules, without I/O.

use std::ops::RangeInclusive;
use std::time::{Duration, SystemTime};

use headers::{
    AcceptRanges, ContentLength, ContentRange, ETag, HeaderMapExt as _, IfMatch, IfModifiedSince,
    IfNoneMatch, IfRange, IfUnmodifiedSince, LastModified,
};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::http::uri::Authority;
use hyper::{Method, Request, Response, StatusCode, Version};

use super::resource::Resource;
use super::store::Store;

const ALLOWED: &str = "GET, HEAD, OPTIONS";

/// Answers `request` with what `store` has now. The request's body is never read.
pub(crate) fn respond<Body>(request: &Request<Body>, store: &Store) -> Response<Full<Bytes>> {
    if let Err(fault) = check_host(request) {
        return plain(StatusCode::BAD_REQUEST, fault);
    }
    if request.uri().path() == "*" {
        return of_server(request.method());
    }
    let Some(resource) = Resource::locate(request.uri().path(), store) else {
        return plain(StatusCode::NOT_FOUND, "not found\n");
    };
    match *request.method() {
        Method::GET | Method::HEAD => of_resource(request, &resource),
        Method::OPTIONS => options(),
        _ => {
            let mut refusal = plain(StatusCode::METHOD_NOT_ALLOWED, "method not allowed\n");
            set(&mut refusal, header::ALLOW, ALLOWED);
            refusal
        }
    }
}

/// RFC 9112, 3.2: one `Host` since HTTP/1.1, never two, and always host and port.
fn check_host<Body>(request: &Request<Body>) -> Result<(), &'static str> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) if request.version() == Version::HTTP_11 => Err("no Host\n"),
        (None, _) => Ok(()),
        (Some(host), None) if is_host(host.as_bytes()) => Ok(()),
        (Some(_), None) => Err("a malformed Host\n"),
        (Some(_), Some(_)) => Err("more than one Host\n"),
    }
}

/// RFC 9110, 7.2: host and port, or nothing where the target has no authority.
fn is_host(value: &[u8]) -> bool {
    let Ok(authority) = Authority::try_from(value) else {
        return value.is_empty();
    };
    let port = authority.as_str().strip_prefix(authority.host());
    let has_port = |port: &str| {
        port.strip_prefix(':')
            .is_some_and(|port| port.parse::<u16>().is_ok())
    };
    port.is_some_and(|port| port.is_empty() || port == ":" || has_port(port))
}

/// RFC 9112, 3.2.4: `*` is for OPTIONS only.
fn of_server(method: &Method) -> Response<Full<Bytes>> {
    match *method {
        Method::OPTIONS => options(),
        _ => plain(StatusCode::BAD_REQUEST, "`*` is for OPTIONS\n"),
    }
}

fn options() -> Response<Full<Bytes>> {
    let mut response = with_status(StatusCode::OK, Bytes::new());
    set(&mut response, header::ALLOW, ALLOWED);
    response.headers_mut().typed_insert(ContentLength(0));
    response
}

fn of_resource<Body>(request: &Request<Body>, resource: &Resource) -> Response<Full<Bytes>> {
    let validators = Validators::of(resource);
    let mut response = match validators.judge(request.headers()) {
        Err(StatusCode::NOT_MODIFIED) => with_status(StatusCode::NOT_MODIFIED, Bytes::new()),
        Err(status) => plain(status, "precondition failed\n"),
        Ok(()) => representation(request, resource, &validators),
    };
    let headers = response.headers_mut();
    headers.typed_insert(validators.etag);
    if let Some(modified) = validators.modified {
        headers.typed_insert(LastModified::from(modified));
    }
    set(
        &mut response,
        header::CACHE_CONTROL,
        resource.cache_control(),
    );
    response
}

/// By what a client knows a representation again.
struct Validators {
    etag: ETag,
    modified: Option<SystemTime>,
}

impl Validators {
    fn of(resource: &Resource) -> Self {
        let modified = resource.module.modified;
        // Within the same second there may be another build, with the same time (RFC 9110, 8.8.2.2).
        let is_telling = resource.is_immutable()
            || modified
                .elapsed()
                .is_ok_and(|age| age > Duration::from_secs(1));
        Self {
            etag: etag(&resource.module.digest.to_string()),
            modified: is_telling.then_some(modified),
        }
    }

    /// The preconditions, in the order of RFC 9110, 13.2.2.
    fn judge(&self, headers: &HeaderMap) -> Result<(), StatusCode> {
        let is_unmodified = match headers.typed_get::<IfMatch>() {
            Some(expected) => expected.precondition_passes(&self.etag),
            None => {
                let expected = headers.typed_get::<IfUnmodifiedSince>();
                let since = expected.zip(self.modified);
                since.is_none_or(|(expected, modified)| expected.precondition_passes(modified))
            }
        };
        if !is_unmodified {
            return Err(StatusCode::PRECONDITION_FAILED);
        }
        let is_modified = match headers.typed_get::<IfNoneMatch>() {
            Some(known) => known.precondition_passes(&self.etag),
            None => {
                let known = headers.typed_get::<IfModifiedSince>();
                let since = known.zip(self.modified);
                since.is_none_or(|(known, modified)| known.is_modified(modified))
            }
        };
        if is_modified {
            Ok(())
        } else {
            Err(StatusCode::NOT_MODIFIED)
        }
    }
}

fn etag(digest: &str) -> ETag {
    // Hexadecimal digits between quotes are an entity tag.
    let quoted = format!("\"{digest}\"");
    quoted.parse().unwrap_or_else(|_| unreachable!("{quoted}"))
}

fn representation<Body>(
    request: &Request<Body>,
    resource: &Resource,
    validators: &Validators,
) -> Response<Full<Bytes>> {
    let content = resource.content();
    let length = content.len() as u64;
    let (status, part) = match wanted(request, validators, length) {
        Wanted::Everything => (StatusCode::OK, None),
        Wanted::Part(part) => (StatusCode::PARTIAL_CONTENT, Some(part)),
        Wanted::Nothing => return unsatisfied(length),
    };
    let sent = match &part {
        // The part lies within the content, whose length is a `usize`.
        Some(part) => content.slice(*part.start() as usize..=*part.end() as usize),
        None => content,
    };
    let sent_length = ContentLength(sent.len() as u64);
    // A HEAD request learns the length of what it is not sent.
    let body = match *request.method() {
        Method::HEAD => Bytes::new(),
        _ => sent,
    };
    let mut response = with_status(status, body);
    set(&mut response, header::CONTENT_TYPE, resource.content_type());
    let headers = response.headers_mut();
    headers.typed_insert(AcceptRanges::bytes());
    headers.typed_insert(sent_length);
    if let Some(Ok(range)) = part.map(|part| ContentRange::bytes(part, length)) {
        headers.typed_insert(range);
    }
    response
}

/// What of the content a request asks for.
enum Wanted {
    Everything,
    Part(RangeInclusive<u64>),
    /// A part that there is not.
    Nothing,
}

/// RFC 9110, 14.2. A range that is malformed is ignored, and so are several at once.
fn wanted<Body>(request: &Request<Body>, validators: &Validators, length: u64) -> Wanted {
    let headers = request.headers();
    let is_of_another = headers.typed_get::<IfRange>().is_some_and(|known| {
        let modified = validators.modified.map(LastModified::from);
        known.is_modified(Some(&validators.etag), modified.as_ref())
    });
    if request.method() != Method::GET || is_of_another {
        return Wanted::Everything;
    }
    let range = headers
        .get(header::RANGE)
        .and_then(|value| value.to_str().ok());
    let ranges = range.and_then(|range| http_range_header::parse_range_header(range).ok());
    match ranges.map(|ranges| ranges.validate(length)) {
        Some(Ok(ranges)) => match ranges.as_slice() {
            [part] => Wanted::Part(part.clone()),
            _ => Wanted::Everything,
        },
        Some(Err(http_range_header::RangeUnsatisfiableError::Unsatisfiable)) => Wanted::Nothing,
        Some(Err(_)) | None => Wanted::Everything,
    }
}

fn unsatisfied(length: u64) -> Response<Full<Bytes>> {
    let mut response = plain(StatusCode::RANGE_NOT_SATISFIABLE, "range not satisfiable\n");
    let range = ContentRange::unsatisfied_bytes(length);
    response.headers_mut().typed_insert(range);
    response
}

fn plain(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = with_status(status, Bytes::from_static(text.as_bytes()));
    set(
        &mut response,
        header::CONTENT_TYPE,
        "text/plain; charset=utf-8",
    );
    response
}

fn with_status(status: StatusCode, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response
}

fn set(response: &mut Response<Full<Bytes>>, name: HeaderName, value: &'static str) {
    let value = HeaderValue::from_static(value);
    response.headers_mut().insert(name, value);
}

#[cfg(test)]
mod tests;
