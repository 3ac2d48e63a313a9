//! The request that the load generator sends over and over.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

/// What a browser sends beside the pseudo-header fields and the credentials.
const FIELDS: [(&str, &str); 11] = [
    (
        "user-agent",
        "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    ),
    (
        "accept",
        "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    ),
    ("accept-language", "en-US,en;q=0.5"),
    ("accept-encoding", "gzip, deflate, br, zstd"),
    ("referer", "https://dashboard.example.com/admin/reports"),
    (
        "cookie",
        "session=5f2b9c64d1e84a0f9b7c; theme=dark; consent=1",
    ),
    ("sec-fetch-dest", "document"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-site", "same-origin"),
    ("cache-control", "max-age=0"),
    ("te", "trailers"),
];

/// The number of fields of a request, without the pseudo-header fields.
pub(crate) const FIELD_COUNT: usize = FIELDS.len() + 1;

const AUTHORITY: &str = "dashboard.example.com";

/// A path with credentials.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// Path and query.
    path: String,
    /// The value of `authorization`.
    authorization: String,
}

impl Request {
    pub(crate) fn new(path: &str, user_name: &str, password: &str) -> Self {
        let credentials = BASE64_STANDARD.encode(format!("{user_name}:{password}"));
        Self {
            path: path.to_owned(),
            authorization: format!("Basic {credentials}"),
        }
    }

    /// The value of `authorization`.
    pub(crate) fn authorization(&self) -> &str {
        &self.authorization
    }

    /// To be sent over HTTP/2.
    pub(crate) fn message(&self) -> anyhow::Result<http::Request<()>> {
        let uri = format!("http://{AUTHORITY}{}", self.path);
        let request = FIELDS
            .iter()
            .fold(http::Request::get(uri), |request, (name, value)| {
                request.header(*name, *value)
            });
        let request = request.header("authorization", &self.authorization);
        Ok(request.body(())?)
    }
}
