//! envoy/envoy.yaml as it is shipped, beyond what `cargo xtask up` shows: wrong passwords are limited.

use super::get;
use basic_auth_tests::{envoy::PATIENCE, fixture};
use std::{fs, net::SocketAddr};
use xtask::{envoy::Envoy, upstream::Upstream};

/// An Envoy with the shipped configuration: only addresses and the checksum are other ones.
fn shipped(upstream: SocketAddr) -> (Envoy, SocketAddr, xtask::serve::Server) {
    let server = fixture::module_server();
    let text = fs::read_to_string(fixture::root().join("envoy/envoy.yaml")).expect("the file");
    let port = |address: SocketAddr| format!("port_value: {}", address.port());
    let replaced = [
        ("port_value: 10000".to_owned(), "port_value: 0".to_owned()),
        ("port_value: 8080".to_owned(), port(upstream)),
        ("port_value: 8000".to_owned(), port(server.address())),
        (
            "http://127.0.0.1:8000".to_owned(),
            format!("http://{}", server.address()),
        ),
        ("0".repeat(64), server.digest().to_string()),
    ];
    let text = replaced.into_iter().fold(text, |text, (of_file, here)| {
        assert!(text.contains(&of_file), "{of_file}");
        text.replace(&of_file, &here)
    });
    let program = xtask::envoy::locate().unwrap_or_else(|error| panic!("{error:#}"));
    let mut envoy = Envoy::start(&program, &text, &["--concurrency", "1"]).expect("Envoy starts");
    let address = envoy
        .wait_until_live(PATIENCE)
        .and_then(|()| envoy.wait_for_listener("main", PATIENCE));
    (
        envoy,
        address.unwrap_or_else(|error| panic!("{error:#}")),
        server,
    )
}

#[test]
fn the_shipped_configuration_limits_wrong_passwords() {
    let upstream = Upstream::start().expect("an upstream");
    let (_envoy, address, _server) = shipped(upstream.address());
    // The address that a client makes up is not the one that counts.
    let wrong = [
        &b"authorization: Basic YWxpY2U6d3Jvbmc=\r\n"[..],
        b"x-forwarded-for: 192.0.2.7\r\n",
    ];
    let statuses: Vec<u16> = (0..2000)
        .map(|_| get(address, b"/admin", &wrong).status)
        .collect();
    let limited = statuses.iter().filter(|status| **status == 429).count();
    let asked = statuses
        .iter()
        .filter(|status| [401, 503].contains(*status))
        .count();
    assert!(
        limited > 0 && limited + asked == 2000,
        "{limited} limited, {asked} asked for a password"
    );
    assert!(asked >= 300, "{asked}");
}
