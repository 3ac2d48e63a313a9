//! The module server over real sockets.

use std::io::{Read as _, Write as _};
use std::sync::Mutex;

use tempfile::TempDir;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::*;
use crate::http;
use crate::module::Module;

const MODULE: &[u8] = b"\0asm and more";

fn dist() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    Module::from(MODULE.to_vec())
        .publish(folder.path())
        .unwrap();
    folder
}

fn config(folder: &TempDir) -> Config {
    Config {
        folder: folder.path().to_path_buf(),
        ..Config::local()
    }
}

fn refusal(config: Config) -> String {
    format!(
        "{:#}",
        Server::start(config)
            .err()
            .expect("the server must be refused")
    )
}

#[test]
fn the_module_comes_over_http_and_is_logged() {
    let folder = dist();
    let log: Arc<Mutex<Vec<String>>> = Arc::default();
    let lines = Arc::clone(&log);
    let server = Server::start(Config {
        log: Box::new(move |download| lines.lock().unwrap().push(download.to_string())),
        ..config(&folder)
    })
    .unwrap();
    let path = format!("/{}/basic_auth.wasm", server.digest());
    let answer = http::get(server.address(), &path).unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (200, MODULE));
    assert_eq!(http::get(server.address(), "/nothing").unwrap().status, 404);
    let log = log.lock().unwrap();
    assert!(
        log[0].ends_with(&format!(" GET {path} 200 {}", MODULE.len())),
        "{log:?}"
    );
    assert!(log[1].contains(" GET /nothing 404 "), "{log:?}");
}

#[test]
fn head_has_the_headers_of_get_and_no_body() {
    let folder = dist();
    let server = Server::start(config(&folder)).unwrap();
    let request = "HEAD /basic_auth.wasm HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let answer = http::send_octets(server.address(), request.as_bytes()).unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.header("content-length"),
        Some(MODULE.len().to_string().as_str())
    );
    assert_eq!(answer.header("content-type"), Some("application/wasm"));
    assert!(answer.body.is_empty());
}

#[test]
fn an_unmodified_module_is_not_sent_again() {
    let folder = dist();
    let server = Server::start(config(&folder)).unwrap();
    let request = format!(
        "GET /basic_auth.wasm HTTP/1.1\r\nhost: a\r\nif-none-match: \"{}\"\r\nconnection: close\r\n\r\n",
        server.digest()
    );
    let answer = http::send_octets(server.address(), request.as_bytes()).unwrap();
    assert_eq!((answer.status, answer.body.len()), (304, 0));
    Module::from(b"rebuilt".to_vec())
        .publish(folder.path())
        .unwrap();
    let answer = http::send_octets(server.address(), request.as_bytes()).unwrap();
    assert_eq!(
        (answer.status, answer.body.as_slice()),
        (200, b"rebuilt".as_slice())
    );
}

#[test]
fn a_rebuild_moves_the_immutable_url() {
    let folder = dist();
    let server = Server::start(config(&folder)).unwrap();
    let old = format!("/{}/basic_auth.wasm", server.digest());
    Module::from(b"rebuilt".to_vec())
        .publish(folder.path())
        .unwrap();
    assert_eq!(http::get(server.address(), &old).unwrap().status, 404);
    let new = format!("/{}/basic_auth.wasm", Digest::of(b"rebuilt"));
    assert_eq!(http::get(server.address(), &new).unwrap().body, b"rebuilt");
}

#[test]
fn a_stopped_server_frees_its_port() {
    let folder = dist();
    let server = Server::start(config(&folder)).unwrap();
    let listen = server.address();
    drop(server);
    Server::start(Config {
        listen,
        ..config(&folder)
    })
    .unwrap();
}

#[test]
fn a_taken_port_is_refused() {
    let folder = dist();
    let server = Server::start(config(&folder)).unwrap();
    let refusal = refusal(Config {
        listen: server.address(),
        ..config(&folder)
    });
    assert!(
        refusal.contains("choose another with `--listen`"),
        "{refusal}"
    );
}

#[test]
fn a_missing_module_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refusal = refusal(config(&folder));
    assert!(
        refusal.contains("run `cargo xtask build` first"),
        "{refusal}"
    );
}

/// A certificate for `localhost` in `folder`.
fn certificate(folder: &TempDir) -> (TlsFiles, CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let files = TlsFiles {
        certificate: folder.path().join("certificate"),
        key: folder.path().join("key"),
    };
    std::fs::write(&files.certificate, made.cert.pem()).unwrap();
    std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    (files, made.cert.der().clone())
}

#[test]
fn the_module_comes_over_https() {
    let folder = dist();
    let (files, authority) = certificate(&folder);
    let server = Server::start(Config {
        tls: Some(files),
        ..config(&folder)
    })
    .unwrap();
    assert!(server.url().starts_with("https://"));
    let mut roots = RootCertStore::empty();
    roots.add(authority).unwrap();
    let client = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connection =
        ClientConnection::new(Arc::new(client), "localhost".try_into().unwrap()).unwrap();
    let socket = std::net::TcpStream::connect(server.address()).unwrap();
    let mut stream = StreamOwned::new(connection, socket);
    stream
        .write_all(b"GET /basic_auth.wasm HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"));
    assert!(answer.ends_with(MODULE));
}

#[test]
fn a_certificate_that_does_not_parse_is_named() {
    let folder = dist();
    let (good, _) = certificate(&folder);
    let bad = folder.path().join("bad.pem");
    std::fs::write(
        &bad,
        "-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\n",
    )
    .unwrap();
    for (files, named) in [
        (
            TlsFiles {
                certificate: bad.clone(),
                ..good.clone()
            },
            "bad.pem",
        ),
        (
            TlsFiles {
                certificate: folder.path().join("missing"),
                ..good.clone()
            },
            "missing",
        ),
        (
            TlsFiles {
                certificate: good.key.clone(),
                ..good.clone()
            },
            "holds no certificate",
        ),
        (
            TlsFiles {
                key: bad.clone(),
                ..good.clone()
            },
            "bad.pem",
        ),
        (
            TlsFiles {
                key: good.certificate.clone(),
                ..good.clone()
            },
            "holds no private key",
        ),
    ] {
        let refusal = refusal(Config {
            tls: Some(files),
            ..config(&folder)
        });
        assert!(
            refusal.contains(named) && !refusal.contains('\n'),
            "{refusal}"
        );
    }
}

#[test]
fn a_key_of_another_certificate_is_refused() {
    let (folder, other) = (dist(), dist());
    let (good, _) = certificate(&folder);
    let (foreign, _) = certificate(&other);
    let refusal = refusal(Config {
        tls: Some(TlsFiles {
            key: foreign.key,
            ..good
        }),
        ..config(&folder)
    });
    assert!(refusal.contains("do not work together"), "{refusal}");
}
