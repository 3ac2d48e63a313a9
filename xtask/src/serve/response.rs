//! What the module server answers: a function of the request and the module, without I/O.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};

use crate::module::{CHECKSUM_FILE_NAME, Digest, FILE_NAME};

use super::store::Served;

/// Answers `request` with what `module` is now. The request's body is never read.
pub(crate) fn respond<Body>(request: &Request<Body>, module: &Served) -> Response<Full<Bytes>> {
    let Some(resource) = Resource::locate(request.uri().path(), module.digest) else {
        return plain(StatusCode::NOT_FOUND, "not found\n");
    };
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        let mut refusal = plain(StatusCode::METHOD_NOT_ALLOWED, "method not allowed\n");
        refusal
            .headers_mut()
            .insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refusal;
    }
    let etag = format!("\"{}\"", module.digest);
    let mut response = if is_known(request.headers(), &etag) {
        with_status(StatusCode::NOT_MODIFIED, Bytes::new())
    } else {
        resource.representation(request.method(), module)
    };
    set(&mut response, header::ETAG, &etag);
    set(
        &mut response,
        header::CACHE_CONTROL,
        resource.cache_control(),
    );
    response
}

/// What a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Resource {
    /// The module, whatever it is now.
    Module,
    /// The module under its own digest: for ever the same bytes.
    ImmutableModule,
    Checksum,
}

impl Resource {
    fn locate(path: &str, current: Digest) -> Option<Self> {
        let path = path.strip_prefix('/')?;
        match path.split_once('/') {
            None if path == FILE_NAME => Some(Self::Module),
            None if path == CHECKSUM_FILE_NAME => Some(Self::Checksum),
            Some((digest, FILE_NAME)) if digest == current.to_string() => {
                Some(Self::ImmutableModule)
            }
            _ => None,
        }
    }

    fn cache_control(self) -> &'static str {
        match self {
            Self::ImmutableModule => "public, max-age=31536000, immutable",
            Self::Module | Self::Checksum => "no-cache",
        }
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Module | Self::ImmutableModule => "application/wasm",
            Self::Checksum => "text/plain; charset=utf-8",
        }
    }

    fn representation(self, method: &Method, module: &Served) -> Response<Full<Bytes>> {
        let body = match self {
            Self::Module | Self::ImmutableModule => module.bytes.clone(),
            Self::Checksum => Bytes::from(module.checksum_line.clone()),
        };
        let length = body.len();
        // A HEAD request learns the length of what it is not sent.
        let sent = if method == Method::HEAD {
            Bytes::new()
        } else {
            body
        };
        let mut response = with_status(StatusCode::OK, sent);
        set(&mut response, header::CONTENT_TYPE, self.content_type());
        response
            .headers_mut()
            .insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        response
    }
}

/// Whether `If-None-Match` lists `etag` (RFC 9110, 13.1.2: compared weakly).
fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let values = headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let mut tags = values.flat_map(|value| value.split(',')).map(str::trim);
    tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
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

/// Sets a header whose value is a word of this file or a digest, and therefore always valid.
fn set(response: &mut Response<Full<Bytes>>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use hyper::body::Body as _;

    use super::*;
    use crate::module::Module;

    fn served() -> Served {
        Served::from(Module::from(b"module".to_vec()))
    }

    fn ask(method: &str, path: &str, if_none_match: &[&str]) -> Response<Full<Bytes>> {
        let mut request = Request::builder().method(method).uri(path);
        for value in if_none_match {
            request = request.header("if-none-match", *value);
        }
        respond(&request.body(()).unwrap(), &served())
    }

    fn length(response: &Response<Full<Bytes>>) -> u64 {
        response.body().size_hint().lower()
    }

    #[test]
    fn the_module_is_served_under_both_urls() {
        let digest = served().digest;
        let immutable = format!("/{digest}/basic_auth.wasm");
        for (path, caching) in [
            ("/basic_auth.wasm", "no-cache"),
            ("/basic_auth.wasm?query", "no-cache"),
            (immutable.as_str(), "public, max-age=31536000, immutable"),
        ] {
            let response = ask("GET", path, &[]);
            assert_eq!(response.status(), 200, "{path}");
            assert_eq!(response.headers()["content-type"], "application/wasm");
            assert_eq!(response.headers()["etag"], format!("\"{digest}\""));
            assert_eq!(response.headers()["cache-control"], caching);
            assert_eq!(length(&response), 6);
        }
    }

    #[test]
    fn the_checksum_is_what_sha256sum_reads() {
        let response = ask("GET", "/basic_auth.wasm.sha256", &[]);
        assert_eq!(response.status(), 200);
        assert_eq!(length(&response), "  basic_auth.wasm\n".len() as u64 + 64);
    }

    #[test]
    fn head_tells_the_length_and_sends_nothing() {
        let response = ask("HEAD", "/basic_auth.wasm", &[]);
        assert_eq!(response.headers()["content-length"], "6");
        assert_eq!(length(&response), 0);
    }

    #[test]
    fn what_the_client_has_is_not_sent_again() {
        let digest = served().digest;
        let current = format!("\"{digest}\"");
        for known in [
            vec![current.as_str()],
            vec!["*"],
            vec![&format!("W/{current}")],
            vec![&format!("\"a\", {current} , \"b\"")],
            vec!["\"a\"", &current],
        ] {
            for method in ["GET", "HEAD"] {
                let response = ask(method, "/basic_auth.wasm", &known);
                assert_eq!(response.status(), 304, "{known:?}");
                assert_eq!(response.headers()["etag"], current);
                assert_eq!(response.headers()["cache-control"], "no-cache");
                assert!(!response.headers().contains_key("content-type"));
                assert_eq!(length(&response), 0);
            }
        }
        for other in [digest.to_string(), format!("\"{digest}0\""), String::new()] {
            assert_eq!(
                ask("GET", "/basic_auth.wasm", &[&other]).status(),
                200,
                "{other}"
            );
        }
    }

    #[test]
    fn other_paths_do_not_exist() {
        let other = Digest::of(b"other");
        let upper = served().digest.to_string().to_uppercase();
        for path in [
            "/",
            "/basic_auth",
            "//basic_auth.wasm",
            "/basic_auth.wasm/",
            "/x/basic_auth.wasm",
            "/../basic_auth.wasm",
            &format!("/{other}/basic_auth.wasm"),
            &format!("/{upper}/basic_auth.wasm"),
            &format!("/{}/basic_auth.wasm.sha256", served().digest),
        ] {
            let response = ask("POST", path, &[]);
            assert_eq!(response.status(), 404, "{path}");
            assert!(!response.headers().contains_key("etag"));
        }
    }

    #[test]
    fn other_methods_are_told_which_are_allowed() {
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "get"] {
            let response = ask(method, "/basic_auth.wasm", &["*"]);
            assert_eq!(response.status(), 405, "{method}");
            assert_eq!(response.headers()["allow"], "GET, HEAD");
        }
    }
}
