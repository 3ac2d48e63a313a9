//! Requests of cases in the forms in which clients send them.

use crate::{corpus::Request, observed::Fields};

/// Fields that HTTP/2 has no place for (RFC 9113, 8.2.2), or has another one.
const OF_CONNECTION: [&str; 7] = [
    "connection",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// The octets of a request in HTTP/1.1: a library would refuse what a hostile client sends. `None`
/// when it has no form there.
#[must_use]
pub fn http1(request: &Request) -> Option<Vec<u8>> {
    let method = request.method.as_deref()?;
    let mut octets = [method, b" ", request.path.as_deref()?, b" HTTP/1.1\r\n"].concat();
    octets.extend([b"host: ", request.authority.as_deref()?, b"\r\n"].concat());
    for (name, value) in &request.fields {
        octets.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
    }
    octets.extend(b"\r\n");
    Some(octets)
}

/// A header map as the library for HTTP/2 sends it, if it sends it octet by octet.
#[must_use]
pub fn http2(fields: &Fields) -> Option<http::Request<()>> {
    let field = |wanted: &str| {
        let is_it = |(name, _): &&(Vec<u8>, Vec<u8>)| name == wanted.as_bytes();
        fields.iter().find(is_it).map(|(_, value)| value.as_slice())
    };
    let (authority, path) = (field(":authority")?, field(":path")?);
    let uri = http::Uri::builder()
        .scheme("http")
        .authority(authority)
        .path_and_query(path)
        .build()
        .ok()?;
    let is_unchanged = uri.authority()?.as_str().as_bytes() == authority
        && uri.path_and_query()?.as_str().as_bytes() == path;
    let mut message = http::Request::new(());
    *message.method_mut() = http::Method::from_bytes(field(":method")?).ok()?;
    *message.uri_mut() = uri;
    for (name, value) in fields.iter().filter(|(name, _)| !name.starts_with(b":")) {
        let name = http::HeaderName::from_bytes(name).ok()?;
        let value = http::HeaderValue::from_bytes(value).ok()?;
        message.headers_mut().append(name, value);
    }
    let is_of_connection = |name: &&str| message.headers().contains_key(*name);
    (is_unchanged && !OF_CONNECTION.iter().any(is_of_connection)).then_some(message)
}
