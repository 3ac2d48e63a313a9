//! What the path of a request names.

use std::sync::Arc;

use hyper::body::Bytes;

use crate::module::{CHECKSUM_FILE_NAME, Digest, FILE_NAME};

use super::store::{Served, Store};

/// A module or its checksum.
pub(crate) struct Resource {
    pub(crate) module: Arc<Served>,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The newest module, whatever it is now.
    Newest,
    /// A module under its own digest: for ever the same bytes.
    Immutable,
    /// The checksum of the newest module.
    Checksum,
}

impl Resource {
    pub(crate) fn locate(path: &str, store: &Store) -> Option<Self> {
        let path = with_unreserved_decoded(path);
        let path = path.strip_prefix('/')?;
        let (kind, module) = match path.split_once('/') {
            None if path == FILE_NAME => (Kind::Newest, store.newest()),
            None if path == CHECKSUM_FILE_NAME => (Kind::Checksum, store.newest()),
            Some((digest, FILE_NAME)) => (Kind::Immutable, store.by_digest(parse(digest)?)?),
            _ => return None,
        };
        Some(Self { module, kind })
    }

    pub(crate) fn cache_control(&self) -> &'static str {
        match self.kind {
            Kind::Immutable => "public, max-age=31536000, immutable",
            Kind::Newest | Kind::Checksum => "no-cache",
        }
    }

    pub(crate) fn content_type(&self) -> &'static str {
        match self.kind {
            Kind::Newest | Kind::Immutable => "application/wasm",
            Kind::Checksum => "text/plain; charset=utf-8",
        }
    }

    pub(crate) fn content(&self) -> Bytes {
        match self.kind {
            Kind::Newest | Kind::Immutable => self.module.bytes.clone(),
            Kind::Checksum => Bytes::from(self.module.checksum_line.clone()),
        }
    }

    /// Whether its bytes can become others.
    pub(crate) fn is_immutable(&self) -> bool {
        self.kind == Kind::Immutable
    }
}

/// A digest in the one form that URLs have.
fn parse(digest: &str) -> Option<Digest> {
    let parsed: Digest = digest.parse().ok()?;
    (parsed.to_string() == digest).then_some(parsed)
}

/// The same path without escapes of characters that need none (RFC 3986, 6.2.2.2).
fn with_unreserved_decoded(path: &str) -> String {
    let mut decoded = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('%') {
        decoded.push_str(before);
        let escaped = after.get(..2).and_then(unescape);
        match escaped.filter(|octet| octet.is_ascii_alphanumeric() || b"-._~".contains(octet)) {
            Some(octet) => {
                decoded.push(char::from(octet));
                rest = &after[2..];
            }
            None => {
                decoded.push('%');
                rest = after;
            }
        }
    }
    decoded + rest
}

fn unescape(digits: &str) -> Option<u8> {
    let is_digits = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_digits.then(|| u8::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::with_unreserved_decoded;

    #[test]
    fn only_what_needs_no_escape_is_decoded() {
        for (path, expected) in [
            ("/%62asic%5fauth%2Ewasm", "/basic_auth.wasm"),
            ("/a%2fb%25%3Bc%00", "/a%2fb%25%3Bc%00"),
            ("/%2562", "/%2562"),
            ("/%6", "/%6"),
            ("/%", "/%"),
            ("/%+6é", "/%+6é"),
        ] {
            assert_eq!(with_unreserved_decoded(path), expected, "{path}");
        }
    }
}
