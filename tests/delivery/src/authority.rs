//! A certificate authority of the tests' own.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, pem::PemObject as _};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

/// It signs for servers and for clients.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Authority {
    /// One that nobody else knows.
    ///
    /// # Panics
    /// Without randomness.
    #[must_use]
    pub fn new() -> Self {
        let mut parameters = CertificateParams::new([]).expect("parameters");
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(parameters, key).expect("a certificate"))
    }

    /// Its own certificate in PEM.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for loopback, and its key, in PEM.
    ///
    /// # Panics
    /// Without randomness.
    pub fn identity(&self) -> (String, String) {
        let key = KeyPair::generate().expect("a key");
        let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
        let certificate = CertificateParams::new(names)
            .and_then(|parameters| parameters.signed_by(&key, &self.0))
            .expect("a certificate");
        (certificate.pem(), key.serialize_pem())
    }

    /// A server for loopback that talks to none but whom this authority signed for.
    ///
    /// # Panics
    /// Without randomness.
    pub fn acceptor(&self) -> TlsAcceptor {
        let (certificate, key) = self.identity();
        let pem = |text: String| {
            tokio_rustls::rustls::pki_types::CertificateDer::from_pem_slice(text.as_bytes())
                .expect("a certificate")
        };
        let provider = Arc::new(default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(pem(self.pem())).expect("an authority");
        let clients =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
                .build()
                .expect("a verifier");
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("a key");
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_client_cert_verifier(clients)
            .with_single_cert(vec![pem(certificate)], key)
            .expect("a certificate with its key");
        config.alpn_protocols = vec![b"h2".to_vec()];
        TlsAcceptor::from(Arc::new(config))
    }
}
