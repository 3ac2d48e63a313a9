//! Real Envoy beyond the corpus: how the module gets into it, and what hostile and heavy traffic
//! does to it then.

#![cfg(not(target_arch = "wasm32"))]

mod loading;
mod mixed;
mod traffic;

use basic_auth_tests::envoy::{Answer, Bootstrap, ModuleSource, Plugin, Proxy, http1};
use std::net::SocketAddr;
use xtask::{
    module::Digest,
    serve::{Config, Server},
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
    let plugin = Plugin {
        name: LISTENER.into(),
        configuration: configuration.into(),
        environment: [].into(),
    };
    Bootstrap {
        module,
        upstream: upstream.address(),
        plugins: vec![plugin],
    }
}

/// A live Envoy with the built module, and what it stands on.
struct Live {
    proxy: Proxy,
    address: SocketAddr,
    _server: Server,
    _upstream: Upstream,
}

impl Live {
    fn start() -> Live {
        let server = Server::start(Config::local()).unwrap_or_else(|error| panic!("{error:#}"));
        let upstream = Upstream::start().expect("an upstream");
        let module = source(server.address(), server.digest());
        let proxy = Proxy::live(&bootstrap(module, &upstream, CONFIGURATION));
        let address = proxy.listener(LISTENER);
        Live {
            proxy,
            address,
            _server: server,
            _upstream: upstream,
        }
    }
}

/// `GET path` over HTTP/1.1 with these fields, each with its end of line.
fn get(address: SocketAddr, path: &[u8], fields: &[&[u8]]) -> Answer {
    let head = [b"GET ", path, b" HTTP/1.1\r\nhost: example.com\r\n"].concat();
    let request = [&head, &fields.concat()[..], b"\r\n"].concat();
    http1::send(address, &request).unwrap_or_else(|error| panic!("{error}"))
}

fn with_credentials(address: SocketAddr, credentials: &str) -> u16 {
    get(
        address,
        b"/",
        &[format!("authorization: {credentials}\r\n").as_bytes()],
    )
    .status
}

/// Fails unless the module is at work: both answers are its own.
fn assert_at_work(address: SocketAddr) {
    assert_eq!(with_credentials(address, GOOD), 200);
    assert_eq!(with_credentials(address, WRONG), 401);
    assert_eq!(get(address, b"/", &[]).status, 401);
}
