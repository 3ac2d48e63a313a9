//! HTTPS: certificates and keys that work, that do not, and that are renewed.

use std::fs;
use std::path::{Path, PathBuf};

use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::*;
use crate::http::Client;

/// A certificate for `localhost` in `folder`, valid until a year.
fn certificate_until(folder: &TempDir, year: i32) -> (TlsFiles, CertificateDer<'static>) {
    let mut parameters = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
    parameters.not_after = rcgen::date_time_ymd(year, 1, 1);
    let key = rcgen::KeyPair::generate().unwrap();
    let made = parameters.self_signed(&key).unwrap();
    let files = TlsFiles {
        certificate: folder.path().join("certificate.pem"),
        key: folder.path().join("key.pem"),
    };
    fs::write(&files.certificate, made.pem()).unwrap();
    fs::write(&files.key, key.serialize_pem()).unwrap();
    (files, made.der().clone())
}

fn certificate(folder: &TempDir) -> (TlsFiles, CertificateDer<'static>) {
    certificate_until(folder, 2999)
}

/// The module over HTTPS. A client that would speak both protocols says so, and gets HTTP/2.
fn download(
    server: &Server,
    root: &CertificateDer<'static>,
    offered: &[&[u8]],
) -> anyhow::Result<Answer> {
    let mut roots = RootCertStore::empty();
    roots.add(root.clone())?;
    let mut client = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    client.alpn_protocols = offered.iter().map(|name| name.to_vec()).collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(server.address()).await?;
        let connector = TlsConnector::from(Arc::new(client));
        let stream = connector.connect("localhost".try_into()?, stream).await?;
        let chosen = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
        assert_eq!(chosen.as_deref(), offered.first().copied());
        let protocol = match chosen.as_deref() {
            Some(b"h2") => Protocol::Http2,
            _ => Protocol::Http1,
        };
        let mut client = Client::over(stream, protocol).await?;
        let request = Request::get("https://localhost/basic_auth.wasm").body(())?;
        client.send(request).await
    })
}

#[test]
fn the_module_comes_over_https_by_the_protocol_that_is_agreed_on() {
    let folder = dist();
    let (files, authority) = certificate(&folder);
    let server = Server::start(Config {
        tls: Some(files),
        ..config(&folder)
    })
    .unwrap();
    assert!(server.url().starts_with("https://"));
    for offered in [&[&b"h2"[..], b"http/1.1"][..], &[b"http/1.1"], &[]] {
        let answer = download(&server, &authority, offered).unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (200, MODULE));
    }
}

#[test]
fn a_renewed_certificate_is_picked_up() {
    let (folder, lines) = (dist(), Lines::default());
    let (files, old) = certificate(&folder);
    let server = Server::start(Config {
        tls: Some(files.clone()),
        log: lines.log(),
        ..config(&folder)
    })
    .unwrap();
    // Half of what is written when both files are replaced.
    fs::write(&files.key, "none").unwrap();
    let refused = format!(
        "# Warning: {} holds no private key in PEM format: the earlier certificate stays",
        files.key.display()
    );
    assert_eq!(lines.wait_for("# Warning: "), refused);
    assert_eq!(download(&server, &old, &[]).unwrap().status, 200);
    let (_, new) = certificate(&folder);
    lines.wait_for("# The renewed certificate is at work");
    assert_eq!(download(&server, &new, &[]).unwrap().status, 200);
    assert!(download(&server, &old, &[]).is_err());
}

#[test]
fn an_expired_certificate_is_a_warning() {
    let (folder, lines) = (dist(), Lines::default());
    let (files, _) = certificate_until(&folder, 2001);
    let expected = format!(
        "# Warning: {} expired at 2001-01-01T00:00:00Z: clients will refuse it",
        files.certificate.display()
    );
    let _server = Server::start(Config {
        tls: Some(files),
        log: lines.log(),
        ..config(&folder)
    })
    .unwrap();
    assert_eq!(lines.all(), [expected]);
}

/// The refusal of a server with these files, without the path.
fn refusal_of(certificate: &Path, key: &Path) -> String {
    let folder = dist();
    let refusal = refusal(Config {
        tls: Some(TlsFiles {
            certificate: certificate.to_path_buf(),
            key: key.to_path_buf(),
        }),
        ..config(&folder)
    });
    assert!(!refusal.contains('\n'), "{refusal}");
    refusal
        .replace(&certificate.display().to_string(), "CERTIFICATE")
        .replace(&key.display().to_string(), "KEY")
}

#[test]
fn files_that_cannot_be_used_are_named_for_what_they_are() {
    let folder = dist();
    let (good, _) = certificate(&folder);
    let missing = folder.path().join("missing.pem");
    let broken = folder.path().join("broken.pem");
    fs::write(
        &broken,
        "-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\n",
    )
    .unwrap();
    let (certificate, key) = (&good.certificate, &good.key);
    let cases = [
        (&missing, key, "CERTIFICATE: no such file"),
        (certificate, &missing, "KEY: no such file"),
        (
            &broken,
            key,
            "CERTIFICATE holds a certificate that is damaged",
        ),
        (key, key, "CERTIFICATE holds no certificate in PEM format"),
        (
            certificate,
            &broken,
            "KEY holds no private key in PEM format",
        ),
    ];
    for (certificate, key, expected) in cases {
        assert_eq!(refusal_of(certificate, key), expected);
    }
    let foreign = folder.path().join("foreign.pem");
    let made = rcgen::KeyPair::generate().unwrap();
    fs::write(&foreign, made.serialize_pem()).unwrap();
    let refusal = refusal_of(certificate, &foreign);
    assert_eq!(
        refusal,
        "CERTIFICATE and KEY do not work together as certificate and key: \
         keys may not be consistent: KeyMismatch"
    );
}

#[test]
fn keys_that_cannot_be_used_are_named_for_what_they_are() {
    let folder = dist();
    let (good, _) = certificate(&folder);
    let short = "the key in KEY is RSA of 1024 bits, which is too short: use 2048 or more";
    let curve = "the key in KEY is on the curve P-521: use P-256 or P-384";
    let encrypted = "KEY is encrypted: `openssl pkey -in KEY -out FILE` decrypts it";
    for (file, expected) in [
        ("rsa1024.pem", short),
        ("rsa1024_pkcs1.pem", short),
        ("p521.pem", curve),
        ("p521_sec1.pem", curve),
        (
            "secp256k1_sec1.pem",
            "the key in KEY is on the curve secp256k1: use P-256 or P-384",
        ),
        (
            "ed448.pem",
            "the key in KEY is of the algorithm Ed448: use ECDSA, Ed25519 or RSA",
        ),
        ("encrypted.pem", encrypted),
        ("encrypted_sec1.pem", encrypted),
    ] {
        let keys = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/serve/tls/keys");
        assert_eq!(
            refusal_of(&good.certificate, &keys.join(file)),
            expected,
            "{file}"
        );
    }
}
