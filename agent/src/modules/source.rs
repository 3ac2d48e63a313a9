//! Where a module comes from: a resource's URL, parsed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use url::Url;

use super::error::ObtainError;
use super::reference::Reference;
use super::transfer::display;

/// A parsed URL.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// A module server.
    Http(HttpSource),
    /// A registry.
    Registry(Reference),
}

/// A module on a module server.
#[derive(Clone)]
pub(super) struct HttpSource {
    /// Without user information.
    pub(super) url: Url,
    /// The user information, as `Basic` credentials.
    pub(super) authorization: Option<HeaderValue>,
    /// As the resource gives it, secrets and all.
    whole: String,
}

impl std::fmt::Debug for HttpSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("HttpSource")
            .field(&display(&self.url))
            .finish()
    }
}

impl Source {
    /// Parses what stands in `http_uri.uri`.
    pub(super) fn parse(url: &str) -> Result<Self, ObtainError> {
        if let Some(reference) = url.strip_prefix("oci://") {
            return Reference::parse(reference)
                .map(Self::Registry)
                .map_err(|cause| ObtainError::Url { cause });
        }
        let mut parsed = Url::parse(url).map_err(|error| ObtainError::Url {
            cause: error.to_string(),
        })?;
        if !matches!(parsed.scheme(), "http" | "https") {
            return Err(ObtainError::Scheme {
                scheme: parsed.scheme().to_owned(),
            });
        }
        parsed.set_fragment(None);
        let whole = parsed.to_string();
        let authorization = take_user_information(&mut parsed)?;
        Ok(Self::Http(HttpSource {
            url: parsed,
            authorization,
            whole,
        }))
    }

    /// What may be shown: no user information, no query.
    pub(super) fn display(&self) -> String {
        match self {
            Self::Http(source) => display(&source.url),
            Self::Registry(reference) => reference.to_string(),
        }
    }

    /// Whether the URL itself says which module it is.
    pub(super) fn is_pinned(&self) -> bool {
        matches!(
            self,
            Self::Registry(Reference {
                digest: Some(_),
                ..
            })
        )
    }

    /// Whether what is behind the URL is expected to change: `latest`, said or not.
    pub(super) fn is_latest(&self) -> bool {
        match self {
            Self::Http(_) => false,
            Self::Registry(reference) => reference.digest.is_none() && reference.tag() == "latest",
        }
    }
}

impl HttpSource {
    /// The URL with its secrets: what sets one source apart from another.
    pub(super) fn identity(&self) -> &str {
        &self.whole
    }
}

/// Takes the user information out of `url` as the value of `Authorization`.
fn take_user_information(url: &mut Url) -> Result<Option<HeaderValue>, ObtainError> {
    if url.username().is_empty() && url.password().is_none() {
        return Ok(None);
    }
    let user = percent_decode(url.username());
    let password = percent_decode(url.password().unwrap_or_default());
    // Both fail only for URLs without a host, and those of HTTP have one.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    Ok(Some(basic(&user, &password)))
}

/// `Basic` credentials (RFC 7617), marked so that no debug output shows them.
pub(super) fn basic(user: &[u8], password: &[u8]) -> HeaderValue {
    let encoded = STANDARD.encode([user, b":", password].concat());
    // Base64 can always stand in a field.
    sensitive(&format!("Basic {encoded}")).unwrap_or_else(|| HeaderValue::from_static(""))
}

/// A field value that no debug output shows. `None` if it has a control character or one beyond ASCII, which cannot
/// stand in a field.
pub(super) fn sensitive(value: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(value).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Octets for `%41`, everything else as it is.
pub(super) fn percent_decode(text: &str) -> Vec<u8> {
    let octets = text.as_bytes();
    let mut decoded = Vec::with_capacity(octets.len());
    let mut at = 0;
    while let Some(&octet) = octets.get(at) {
        let escaped = (octet == b'%')
            .then(|| text.get(at + 1..at + 3))
            .flatten()
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        at += if escaped.is_some() { 3 } else { 1 };
        decoded.push(escaped.unwrap_or(octet));
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_information_becomes_authorization_and_is_shown_nowhere() {
        let Source::Http(source) =
            Source::parse("https://us%20er:p%40ss:w@h/m.wasm?token=t#f").unwrap()
        else {
            panic!("not HTTP");
        };
        assert_eq!(source.url.as_str(), "https://h/m.wasm?token=t");
        assert_eq!(
            source.authorization.as_ref().unwrap(),
            "Basic dXMgZXI6cEBzczp3"
        );
        assert_eq!(format!("{source:?}"), r#"HttpSource("https://h/m.wasm")"#);
        assert_eq!(Source::Http(source).display(), "https://h/m.wasm");
    }

    #[test]
    fn urls_that_are_none_are_refused() {
        for (url, expected) in [
            (
                "foo://abc",
                "unsupported Wasm module downloading URL scheme: foo",
            ),
            (
                "ftp://u:p@h/m",
                "unsupported Wasm module downloading URL scheme: ftp",
            ),
            (
                "module.wasm",
                "fail to parse Wasm module fetch url: relative URL without a base; it starts with http://, https:// or oci://",
            ),
            (
                "http://",
                "fail to parse Wasm module fetch url: empty host; it starts with http://, https:// or oci://",
            ),
        ] {
            assert_eq!(Source::parse(url).unwrap_err().to_string(), expected);
        }
    }
}
