//! Clients of Envoy.

use std::net::SocketAddr;

use base64::prelude::{BASE64_STANDARD, Engine as _};

/// The status that Envoy answers `GET path` with; 0 if there is no answer.
pub fn status(address: SocketAddr, path: &str, credentials: Option<&str>) -> u16 {
    let authorization = credentials.map_or_else(String::new, |credentials| {
        format!(
            "authorization: Basic {}\r\n",
            BASE64_STANDARD.encode(credentials)
        )
    });
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: {address}\r\n{authorization}connection: close\r\n\r\n"
    );
    xtask::http::send_octets(address, request.as_bytes()).map_or(0, |answer| answer.status)
}

/// Whose password opens `/admin`: the first of `users` (`name:password`) with 200, while without any there is 401.
pub fn user_at_work<'a>(address: SocketAddr, users: &[&'a str]) -> Option<&'a str> {
    if status(address, "/admin", None) != 401 {
        return None;
    }
    users
        .iter()
        .copied()
        .find(|user| status(address, "/admin", Some(user)) == 200)
}
