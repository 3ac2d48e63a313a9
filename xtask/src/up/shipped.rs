//! `envoy/envoy.yaml` as it is shipped, with the addresses and the checksum of the moment.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use anyhow::{Context as _, bail};

use crate::repository_root;
use crate::serve::Server;

/// Where the shipped file lets Envoy listen.
pub(super) const LISTENER: SocketAddr = loopback(10000);
const UPSTREAM: SocketAddr = loopback(8080);
const MODULE_SERVER: SocketAddr = loopback(8000);

const fn loopback(port: u16) -> SocketAddr {
    SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port))
}

/// What stands in the place of the shipped addresses.
pub(super) struct Addresses {
    pub(super) listener: SocketAddr,
    pub(super) upstream: SocketAddr,
}

/// The shipped configuration for `addresses` and the module of `server`.
pub(super) fn configuration(addresses: &Addresses, server: &Server) -> anyhow::Result<String> {
    let path = repository_root().join("envoy/envoy.yaml");
    let shipped =
        fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    let replacements = [
        (socket_address(LISTENER), socket_address(addresses.listener)),
        (socket_address(UPSTREAM), socket_address(addresses.upstream)),
        (
            socket_address(MODULE_SERVER),
            socket_address(server.address()),
        ),
        (
            format!("uri: http://{MODULE_SERVER}/basic_auth.wasm\n"),
            format!("uri: {}\n", server.module_url()),
        ),
        (
            format!("sha256: \"{}\"", "0".repeat(64)),
            format!("sha256: {}", server.digest()),
        ),
    ];
    replacements.iter().try_fold(shipped, |text, (from, to)| {
        replace_once(&text, from, to).with_context(|| path.display().to_string())
    })
}

fn socket_address(address: SocketAddr) -> String {
    format!(
        "{{ address: \"{}\", port_value: {} }}",
        address.ip(),
        address.port()
    )
}

/// Refuses to guess when the text is not there, or there twice.
fn replace_once(text: &str, from: &str, to: &str) -> anyhow::Result<String> {
    let occurrences = text.matches(from).count();
    if occurrences != 1 {
        bail!("`{}` occurs {occurrences} times and not once", from.trim());
    }
    Ok(text.replace(from, to))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::Module;

    #[test]
    fn every_address_of_the_shipped_file_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        Module::from(b"module".to_vec())
            .publish(folder.path())
            .unwrap();
        let server = Server::start(crate::serve::Config {
            folder: folder.path().to_path_buf(),
            ..crate::serve::Config::local()
        })
        .unwrap();
        let addresses = Addresses {
            listener: "[::1]:5".parse().unwrap(),
            upstream: "127.0.0.2:6".parse().unwrap(),
        };
        let configuration = configuration(&addresses, &server).unwrap();
        let lines: Vec<_> = configuration
            .lines()
            .filter(|line| !line.trim_start().starts_with('#'))
            .collect();
        let text = lines.join("\n");
        assert!(text.contains("{ address: \"::1\", port_value: 5 }"));
        assert!(text.contains("{ address: \"127.0.0.2\", port_value: 6 }"));
        assert!(text.contains(&format!("sha256: {}", server.digest())));
        assert!(text.contains(&format!("uri: {}", server.module_url())));
        for shipped in [
            "port_value: 10000",
            "port_value: 8080",
            "port_value: 8000",
            ":8000/",
        ] {
            assert!(!text.contains(shipped), "{shipped}");
        }
    }

    #[test]
    fn a_text_that_is_not_there_once_is_refused() {
        assert!(replace_once("a b a", "a", "c").is_err());
        assert!(replace_once("a b a", "d", "c").is_err());
        assert_eq!(replace_once("a b a", "b", "c").unwrap(), "a c a");
    }
}
