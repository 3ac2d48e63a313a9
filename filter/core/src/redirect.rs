//! Where a request over plain HTTP is sent instead.

use crate::matching::{Host, percent_encoded};
use crate::request::Request;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// A redirect to the same resource over HTTPS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// The value of `Location`.
    pub location: String,
    /// 301, which makes a client repeat the request by GET (RFC 9110, 15.4.2), or 308, which does not.
    pub status: u32,
}

impl Redirect {
    /// `None` for a request without a well-formed host, or with another form of path than that of an
    /// origin (RFC 9112, 3.2.1).
    pub(crate) fn of(request: &Request<'_>) -> Option<Self> {
        let mut buffer = Vec::new();
        let host = Host::of(request.authority, &mut buffer);
        let host = core::str::from_utf8(host.names()?.next()?.text()).ok()?;
        // The port of plain HTTP is another than that of HTTPS.
        let host = if host.contains(':') {
            format!("[{host}]")
        } else {
            host.into()
        };
        let path = request.path.filter(|path| path.starts_with(b"/"))?;
        let (path, query) = match path.iter().position(|octet| *octet == b'?') {
            Some(at) => path.split_at_checked(at)?,
            None => (path, &[][..]),
        };
        let [path, query] = [path, query].map(percent_encoded);
        let query = query.strip_prefix(b"%3F").map(|query| [b"?", query].concat());
        let path = String::from_utf8([path, query.unwrap_or_default()].concat()).ok()?;
        let is_safe = matches!(request.method, Some(b"GET" | b"HEAD"));
        Some(Self {
            location: format!("https://{host}{path}"),
            status: if is_safe { 301 } else { 308 },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn location(authority: &str, path: &str) -> Option<String> {
        let request = Request {
            authority: Some(authority.as_bytes()),
            path: Some(path.as_bytes()),
            ..Request::default()
        };
        Redirect::of(&request).map(|redirect| redirect.location)
    }

    #[test]
    fn it_is_the_same_resource() {
        for (authority, path, expected) in [
            ("a.example:8080", "/x?y=1&z", "https://a.example/x?y=1&z"),
            ("A.example.", "//evil.example/", "https://a.example//evil.example/"),
            ("[::1]:80", "/", "https://[::1]/"),
            ("a.example", "/%2e%2e/\u{e9} \"", "https://a.example/%2e%2e/%C3%A9%20%22"),
            ("a.example", "/?a?b", "https://a.example/?a%3Fb"),
        ] {
            assert_eq!(location(authority, path).as_deref(), Some(expected));
        }
        for (authority, path) in [("", "/"), ("a b", "/"), ("a.example", "http://b.example/"), ("a.example", "*")] {
            assert_eq!(location(authority, path), None);
        }
    }
}
