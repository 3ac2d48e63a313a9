//! The requests that the load generator sends, and their fields as HPACK (RFC 7541) encodes them.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::http2::hpack;

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
pub(super) const FIELD_COUNT: usize = FIELDS.len() + 1;

/// The index of the newest entry of HPACK's dynamic table: the static one has 61 (RFC 7541, 2.3.3).
const NEWEST_ENTRY: usize = 62;

/// One request, which is sent over and over.
#[derive(Clone, Debug)]
pub(super) struct Request {
    /// Path and query.
    pub(super) path: String,
    /// The value of `authorization`.
    authorization: String,
}

impl Request {
    pub(super) fn new(path: &str, user_name: &str, password: &str) -> Self {
        let credentials = BASE64_STANDARD.encode(format!("{user_name}:{password}"));
        Self {
            path: path.to_owned(),
            authorization: format!("Basic {credentials}"),
        }
    }

    /// The value of `authorization`.
    pub(super) fn authorization(&self) -> &str {
        &self.authorization
    }

    /// The field block of the first request on a connection: every field goes into the dynamic
    /// table.
    pub(super) fn first_block(&self) -> Vec<u8> {
        let mut block = Vec::new();
        for (name, value) in self.fields() {
            hpack::push_indexed(&mut block, name.as_bytes(), value.as_bytes());
        }
        block
    }

    /// The field block of the other requests: every field is found in the dynamic table.
    pub(super) fn next_block(&self) -> Vec<u8> {
        let count = self.fields().count();
        let newest_last = (0..count).map(|age| NEWEST_ENTRY + age).rev();
        // An indexed field (RFC 7541, 6.1). There are too few for an index that needs two octets.
        newest_last.map(|index| 0x80 | index as u8).collect()
    }

    /// The same request in HTTP/1.1, the last one on its connection.
    pub(super) fn http1(&self) -> Vec<u8> {
        let mut text = format!(
            "GET {} HTTP/1.1\r\nhost: {AUTHORITY}\r\nconnection: close\r\n",
            self.path
        );
        let regular = self.fields().filter(|(name, _)| !name.starts_with(':'));
        for (name, value) in regular.filter(|(name, _)| *name != "te") {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        text.into_bytes()
    }

    fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        [
            (":method", "GET"),
            (":scheme", "http"),
            (":authority", AUTHORITY),
            (":path", self.path.as_str()),
        ]
        .into_iter()
        .chain(FIELDS)
        .chain([("authorization", self.authorization.as_str())])
    }
}

const AUTHORITY: &str = "dashboard.example.com";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_fits_into_the_dynamic_table() {
        let request = Request::new("/admin", "alice", "wonderland");
        let sizes = request
            .fields()
            .map(|(name, value)| name.len() + value.len() + 32);
        assert!(sizes.sum::<usize>() < 4096);
        let block = request.next_block();
        assert_eq!(block.len(), FIELD_COUNT + 4);
        assert_eq!(block.last(), Some(&(0x80 | 62)));
    }
}
