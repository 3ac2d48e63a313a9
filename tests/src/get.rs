//! The simplest of requests: `GET`, with credentials or without.

use crate::observed::Fields;
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// The header map of `GET path`; `credentials` are `user:password`.
#[must_use]
pub fn get(path: &str, credentials: Option<&str>) -> Fields {
    let field = |name: &str, value: &str| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
    let mut fields = vec![
        field(":authority", "example.com"),
        field(":path", path),
        field(":method", "GET"),
        field(":scheme", "http"),
    ];
    fields.extend(credentials.map(|text| field("authorization", &basic(text))));
    fields
}

/// The field value with `user:password` (RFC 7617, 2).
#[must_use]
pub fn basic(credentials: &str) -> String {
    format!("Basic {}", STANDARD.encode(credentials))
}
