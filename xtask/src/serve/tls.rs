//! The certificate of an HTTPS server, which is read again when its files change.

mod unusable_key;

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use anyhow::{Context as _, anyhow, bail};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::crypto::ring::sign::any_supported_type;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use x509_cert::Certificate;
use x509_cert::der::Decode as _;

use crate::file_version::FileVersion;

/// The protocols, by their names in ALPN. The first is preferred.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// The PEM files of a server's certificate and key.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The certificate, followed by its chain.
    pub certificate: PathBuf,
    /// The certificate's private key.
    pub key: PathBuf,
}

/// What is read from such files.
struct Credentials {
    acceptor: TlsAcceptor,
    /// Why clients will refuse it, if they will.
    warning: Option<String>,
}

impl TlsFiles {
    fn read(&self) -> anyhow::Result<Credentials> {
        let (certificates, key) = (self.certificates()?, self.private_key()?);
        let path = self.certificate.display();
        let damaged = |_| anyhow!("{path} holds a certificate that is damaged");
        let parsed = certificates.first().map(|own| Certificate::from_der(own));
        let parsed = parsed.transpose().map_err(damaged)?;
        let warning = parsed.as_ref().and_then(invalidity);
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(certificates, key)
            .with_context(|| {
                let key = self.key.display();
                format!("{path} and {key} do not work together as certificate and key")
            })?;
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
        Ok(Credentials {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            warning: warning.map(|why| format!("{path} {why}")),
        })
    }

    fn version(&self) -> FileVersion {
        FileVersion::of([self.certificate.as_path(), self.key.as_path()])
    }

    fn certificates(&self) -> anyhow::Result<Vec<CertificateDer<'static>>> {
        let path = self.certificate.display();
        let refusal = || anyhow!("{path} holds no certificate in PEM format");
        let text = read(&self.certificate)?;
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
        let certificates = certificates.map_err(|_| refusal())?;
        if certificates.is_empty() {
            return Err(refusal());
        }
        Ok(certificates)
    }

    fn private_key(&self) -> anyhow::Result<PrivateKeyDer<'static>> {
        let path = self.key.display();
        let text = read(&self.key)?;
        let says = |word: &str| String::from_utf8_lossy(&text).contains(word);
        if says("ENCRYPTED") {
            bail!("{path} is encrypted: `openssl pkey -in {path} -out FILE` decrypts it");
        }
        let key = PrivateKeyDer::from_pem_slice(&text)
            .map_err(|_| anyhow!("{path} holds no private key in PEM format"))?;
        any_supported_type(&key)
            .map_err(|_| anyhow!("the key in {path} {}", unusable_key::describe(&key)))?;
        Ok(key)
    }
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => anyhow!("{}: no such file", path.display()),
        _ => anyhow!("{} cannot be read: {error}", path.display()),
    })
}

/// Why clients refuse a certificate at this time.
fn invalidity(certificate: &Certificate) -> Option<String> {
    let validity = certificate.tbs_certificate().validity();
    let (from, until) = (&validity.not_before, &validity.not_after);
    let now = SystemTime::now();
    if now > until.to_system_time() {
        Some(format!("expired at {until}: clients will refuse it"))
    } else if now < from.to_system_time() {
        Some(format!(
            "is valid from {from} on: until then, clients will refuse it"
        ))
    } else {
        None
    }
}

/// A certificate at work.
pub(super) struct Tls {
    files: TlsFiles,
    state: Mutex<State>,
}

struct State {
    /// The files that were looked at last, whether they could be used or not.
    version: FileVersion,
    acceptor: TlsAcceptor,
}

/// What came of a look at the files.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Renewal {
    /// They are as they were.
    Unchanged,
    /// The new certificate is at work.
    Renewed,
    /// The same, but clients will refuse it.
    RenewedInvalid(String),
    /// The earlier certificate stays at work.
    Refused(String),
}

impl Tls {
    /// Reads the files. The text is why clients will refuse the certificate, if they will.
    pub(super) fn open(files: TlsFiles) -> anyhow::Result<(Self, Option<String>)> {
        let version = files.version();
        let Credentials { acceptor, warning } = files.read()?;
        let state = Mutex::new(State { version, acceptor });
        Ok((Self { files, state }, warning))
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        self.state().acceptor.clone()
    }

    /// Reads the files again if they have changed.
    pub(super) fn renew(&self) -> Renewal {
        let version = self.files.version();
        let mut state = self.state();
        if version == state.version {
            return Renewal::Unchanged;
        }
        state.version = version;
        match self.files.read() {
            Ok(Credentials { acceptor, warning }) => {
                state.acceptor = acceptor;
                warning.map_or(Renewal::Renewed, Renewal::RenewedInvalid)
            }
            Err(error) => Renewal::Refused(format!("{error:#}")),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
