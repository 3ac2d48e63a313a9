//! The forms of single values on the command line.

use std::path::PathBuf;

use super::StatusAddress;
use crate::server::Listen;
use crate::upstream::Address;

/// `http://HOST:PORT`, `https://HOST:PORT` or `unix:PATH`.
pub(super) fn address(text: &str) -> Result<Address, String> {
    if let Some(path) = text.strip_prefix("unix:") {
        return path_of(path).map(Address::Unix);
    }
    let url: http::Uri = text.parse().map_err(|error| format!("{error}"))?;
    let is_bare = matches!(url.path(), "" | "/") && url.query().is_none();
    match (url.scheme_str(), url.authority()) {
        (Some("http" | "https"), Some(authority))
            if is_bare && !authority.as_str().contains('@') =>
        {
            Ok(Address::Url(url))
        }
        (Some("http" | "https"), Some(_)) => {
            Err("only scheme, host and port are allowed".to_owned())
        }
        _ => Err("expected http://HOST:PORT, https://HOST:PORT or unix:PATH".to_owned()),
    }
}

/// `HOST:PORT` or `unix:PATH`.
pub(super) fn listen(text: &str) -> Result<Listen, String> {
    match text.strip_prefix("unix:") {
        Some(path) => path_of(path).map(Listen::Unix),
        None => host_and_port(text).map(Listen::Tcp),
    }
}

/// `HOST:PORT` or `off`.
pub(super) fn status(text: &str) -> Result<StatusAddress, String> {
    match text {
        "off" => Ok(StatusAddress::Off),
        _ => host_and_port(text).map(StatusAddress::On),
    }
}

/// Permissions in octal, as `chmod` takes them.
pub(super) fn mode(text: &str) -> Result<u32, String> {
    u32::from_str_radix(text.trim_start_matches("0o"), 8)
        .ok()
        .filter(|mode| *mode <= 0o777)
        .ok_or_else(|| "expected permissions in octal, such as 0660".to_owned())
}

fn path_of(text: &str) -> Result<PathBuf, String> {
    match text.trim_start_matches("//") {
        "" => Err("the path is missing".to_owned()),
        // `unix:///run/a.sock` is how gRPC spells `unix:/run/a.sock`.
        path if text.starts_with("///") => {
            Ok(PathBuf::from(format!("/{}", path.trim_start_matches('/'))))
        }
        _ => Ok(PathBuf::from(text)),
    }
}

fn host_and_port(text: &str) -> Result<String, String> {
    let port = text.rsplit_once(':').filter(|(host, _)| !host.is_empty());
    match port.map(|(_, port)| port.parse::<u16>()) {
        Some(Ok(_)) => Ok(text.to_owned()),
        _ => Err("expected HOST:PORT".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_known_scheme() {
        assert!(matches!(address("http://a:1"), Ok(Address::Url(_))));
        assert_eq!(
            address("unix:/a/b"),
            Ok(Address::Unix(PathBuf::from("/a/b")))
        );
        assert_eq!(
            address("unix:///a/b"),
            Ok(Address::Unix(PathBuf::from("/a/b")))
        );
        for refused in [
            "a:1",
            "ftp://a:1",
            "http://a:1/x",
            "http://u:p@a:1",
            "unix:",
            "",
        ] {
            assert!(address(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn listeners_have_a_port_or_a_path() {
        assert_eq!(
            listen("[::1]:15010"),
            Ok(Listen::Tcp("[::1]:15010".to_owned()))
        );
        assert_eq!(
            listen("unix:a.sock"),
            Ok(Listen::Unix(PathBuf::from("a.sock")))
        );
        for refused in ["127.0.0.1", ":80", "a:b", "a:65536", "unix:"] {
            assert!(listen(refused).is_err(), "{refused}");
        }
        assert_eq!(status("off"), Ok(StatusAddress::Off));
    }

    #[test]
    fn modes_are_octal() {
        assert_eq!(mode("0660"), Ok(0o660));
        assert_eq!(mode("777"), Ok(0o777));
        for refused in ["0888", "rw", "7777", ""] {
            assert!(mode(refused).is_err(), "{refused}");
        }
    }
}
