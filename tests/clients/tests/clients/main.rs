//! Clients that people use, through a real Envoy with the built module: each must get in with the right
//! password, be told clearly that it is wrong, and never be left waiting.

mod containers;
mod git;
mod grpc;
mod http;
mod proxies;

use basic_auth_tests::envoy::Tuned;
use client_tests::{proxy, servers::Server};
use std::{net::SocketAddr, sync::OnceLock};

/// Envoy and the servers behind it. They end with this process.
struct Lab {
    envoy: Tuned,
    _servers: [Server; 3],
}

/// Where a listener of the only Envoy listens.
fn listener(name: &str) -> SocketAddr {
    static LAB: OnceLock<Lab> = OnceLock::new();
    let lab = LAB.get_or_init(|| {
        let (git, registry, grpc) = (Server::git(), Server::registry(), Server::grpc());
        Lab {
            envoy: proxy::start(git.address, registry.address, grpc.address),
            _servers: [git, registry, grpc],
        }
    });
    lab.envoy.proxy.listener(name)
}
