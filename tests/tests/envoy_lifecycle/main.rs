//! Real Envoy beyond the corpus: how the module gets into it, and what hostile and heavy traffic
//! does to it then.

#![cfg(not(target_arch = "wasm32"))]

mod loading;
mod mixed;
mod plain_cargo;
mod second_look;
mod traffic;
mod trailers;
mod without_filter;

use basic_auth_tests::{
    envoy::{
        Bootstrap, ModuleSource, Proxy, Tuned,
        module_server::{Behaviour, ModuleServer, Reserved},
    },
    fixture::plugin,
};
use std::net::SocketAddr;
use xtask::{
    http::{self, Answer},
    module::Digest,
    upstream::Upstream,
};

/// Everything wants `Aladdin` and `open sesame` (RFC 7617, 2).
const CONFIGURATION: &str =
    r#"{"basic_auth_rules": [{"prefix": "/", "credentials": ["Aladdin:open sesame"]}]}"#;
const GOOD: &str = "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==";
const WRONG: &str = "Basic QWxhZGRpbjpjbG9zZSBzZXNhbWU=";

/// The only listener.
const LISTENER: &str = "main";

fn source(address: SocketAddr, digest: Digest) -> ModuleSource {
    let (path, sha256) = ("/basic_auth.wasm".into(), digest.to_string());
    ModuleSource {
        address,
        path,
        sha256,
        retries: 2,
        timeout_seconds: 10.0,
    }
}

fn bootstrap(module: ModuleSource, upstream: &Upstream, configuration: &str) -> Bootstrap {
    Bootstrap {
        module,
        upstream: upstream.address(),
        plugins: vec![plugin(LISTENER, configuration)],
    }
}

/// A live Envoy with the built module.
struct Live {
    envoy: Tuned,
    address: SocketAddr,
}

impl Live {
    fn start() -> Live {
        let plugins = vec![plugin(LISTENER, CONFIGURATION)];
        let envoy = Tuned::live(plugins, |_| (), &["--log-level", "info"]);
        let address = envoy.proxy.listener(LISTENER);
        Live { envoy, address }
    }
}

/// `GET path` over HTTP/1.1 with these fields, each with its end of line.
fn get(address: SocketAddr, path: &[u8], fields: &[&[u8]]) -> Answer {
    let head = [b"GET ", path, b" HTTP/1.1\r\nhost: example.com\r\n"].concat();
    let request = [&head, &fields.concat()[..], b"\r\n"].concat();
    http::send_octets(address, &request).unwrap_or_else(|error| panic!("{error:#}"))
}

fn with_credentials(address: SocketAddr, credentials: &str) -> u16 {
    get(
        address,
        b"/",
        &[format!("authorization: {credentials}\r\n").as_bytes()],
    )
    .status
}

/// Has Envoy download `module`, and fails unless it is at work then.
fn at_work(module: Vec<u8>) -> (Proxy, ModuleServer) {
    let digest = Digest::of(&module);
    let server = Reserved::port().serve(Behaviour::Module(module));
    let upstream = Upstream::start().expect("an upstream");
    let source = source(server.address(), digest);
    let proxy = Proxy::live(&bootstrap(source, &upstream, CONFIGURATION));
    assert_at_work(proxy.listener(LISTENER));
    (proxy, server)
}

/// Fails unless the module is at work: both answers are its own.
fn assert_at_work(address: SocketAddr) {
    assert_eq!(with_credentials(address, GOOD), 200);
    assert_eq!(with_credentials(address, WRONG), 401);
    assert_eq!(get(address, b"/", &[]).status, 401);
}
