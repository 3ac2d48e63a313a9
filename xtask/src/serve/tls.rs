//! The certificate of an HTTPS server.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// The PEM files of a server's certificate and key.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The certificate, followed by its chain.
    pub certificate: PathBuf,
    /// The certificate's private key.
    pub key: PathBuf,
}

impl TlsFiles {
    pub(crate) fn acceptor(&self) -> anyhow::Result<TlsAcceptor> {
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(self.certificates()?, self.private_key()?)
            .with_context(|| {
                let (certificate, key) = (self.certificate.display(), self.key.display());
                format!("{certificate} and {key} do not work together as certificate and key")
            })?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    fn certificates(&self) -> anyhow::Result<Vec<CertificateDer<'static>>> {
        let refusal = || {
            format!(
                "{} holds no certificate in PEM format",
                self.certificate.display()
            )
        };
        let pem = CertificateDer::pem_file_iter(&self.certificate).with_context(refusal)?;
        let certificates = pem.collect::<Result<Vec<_>, _>>().with_context(refusal)?;
        if certificates.is_empty() {
            bail!(refusal());
        }
        Ok(certificates)
    }

    fn private_key(&self) -> anyhow::Result<PrivateKeyDer<'static>> {
        PrivateKeyDer::from_pem_file(&self.key)
            .with_context(|| format!("{} holds no private key in PEM format", self.key.display()))
    }
}
