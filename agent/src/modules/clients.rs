//! The HTTP clients: one for each way to trust certificates, all behind the guard of addresses.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, NoProxy, Proxy};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use url::Url;

use super::address::{Guard, GuardedResolver, Reach};
use super::error::OpenError;
use super::{ModulesOptions, ProxySettings, RegistryCa};

/// Gives the client that may talk to a host.
#[derive(Debug)]
pub(super) struct Clients {
    guard: Guard,
    insecure: Vec<String>,
    authorities: Vec<(String, Arc<RootCertStore>)>,
    system_roots: OnceLock<Arc<RootCertStore>>,
    proxies: ProxySettings,
    /// How long a connection may take. Requests have no time of their own: attempts have.
    pub(super) connect_timeout: Duration,
    built: Mutex<HashMap<(Trust, Reach), Client>>,
}

/// Which certificates are trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Trust {
    System,
    /// The authorities at this place of the list.
    Own(usize),
    Anything,
}

impl Clients {
    /// Reads the authorities. Clients are made when they are first needed.
    pub(super) fn open(options: &ModulesOptions) -> Result<Self, OpenError> {
        let authorities = options
            .registry_cas
            .iter()
            .map(read_authorities)
            .collect::<Result<_, _>>()?;
        let clients = Self {
            guard: Guard::new(&options.blocked_cidrs),
            insecure: options.insecure_registries.clone(),
            authorities,
            system_roots: OnceLock::new(),
            proxies: options.proxies.clone(),
            // Less than an attempt has, so that the error can say which of the two it was.
            connect_timeout: (options.request_timeout * 2 / 3).min(Duration::from_secs(10)),
            built: Mutex::default(),
        };
        clients.build(Trust::Anything, Reach::NotBlocked)?;
        Ok(clients)
    }

    /// Which addresses are connected to.
    pub(super) fn guard(&self) -> &Guard {
        &self.guard
    }

    /// Whether a proxy may stand in between, so that the address of a connection tells nothing of the other end's.
    pub(super) fn may_use_proxy(&self) -> bool {
        self.proxies.is_any()
    }

    /// Whether the operator lets the certificate of `url`'s host go unverified, and it speak plain HTTP.
    pub(super) fn is_insecure(&self, url: &Url) -> bool {
        self.insecure
            .iter()
            .any(|entry| entry == "*" || names_host_and_port(entry, url))
    }

    /// The client for `url`.
    pub(super) fn for_url(&self, url: &Url, reach: Reach) -> Result<Client, String> {
        let trust = if self.is_insecure(url) {
            Trust::Anything
        } else {
            self.authorities_of(url)
        };
        let mut built = self.built.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = built.get(&(trust, reach)) {
            return Ok(client.clone());
        }
        let client = self
            .build(trust, reach)
            .map_err(|error| error.to_string())?;
        built.insert((trust, reach), client.clone());
        Ok(client)
    }

    /// An entry with the port wins over one without, which is for all ports.
    fn authorities_of(&self, url: &Url) -> Trust {
        let find = |matches: &dyn Fn(&str) -> bool| {
            self.authorities
                .iter()
                .position(|(host, _)| matches(host))
                .map(Trust::Own)
        };
        find(&|host| names_host_and_port(host, url))
            .or_else(|| find(&|host| Some(host) == url.host_str()))
            .unwrap_or(Trust::System)
    }

    fn build(&self, trust: Trust, reach: Reach) -> Result<Client, OpenError> {
        let failed = |error: reqwest::Error| OpenError::HttpClient {
            cause: flatten(&error),
        };
        let builder = Client::builder()
            .tls_backend_preconfigured(self.tls(trust)?)
            .dns_resolver(GuardedResolver {
                guard: self.guard.clone(),
                reach,
            })
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .http1_only()
            .user_agent(concat!("wasm-agent/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(self.connect_timeout)
            .pool_idle_timeout(Duration::from_secs(15));
        self.proxies
            .apply(builder)
            .map_err(failed)?
            .build()
            .map_err(failed)
    }

    fn tls(&self, trust: Trust) -> Result<ClientConfig, OpenError> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| OpenError::HttpClient {
                cause: error.to_string(),
            })?;
        Ok(match trust {
            Trust::System => builder
                .with_root_certificates(self.system_roots())
                .with_no_client_auth(),
            Trust::Own(place) => {
                let roots = self
                    .authorities
                    .get(place)
                    .map(|(_, roots)| Arc::clone(roots));
                builder
                    .with_root_certificates(
                        roots.unwrap_or_else(|| Arc::new(RootCertStore::empty())),
                    )
                    .with_no_client_auth()
            }
            Trust::Anything => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(AcceptAnything(provider)))
                .with_no_client_auth(),
        })
    }

    fn system_roots(&self) -> Arc<RootCertStore> {
        let read = || {
            let mut roots = RootCertStore::empty();
            // A machine without roots still fetches over HTTP and from hosts with authorities of their own.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            Arc::new(roots)
        };
        Arc::clone(self.system_roots.get_or_init(read))
    }
}

impl ProxySettings {
    fn is_any(&self) -> bool {
        const VARIABLES: [&str; 6] = [
            "HTTP_PROXY",
            "http_proxy",
            "HTTPS_PROXY",
            "https_proxy",
            "ALL_PROXY",
            "all_proxy",
        ];
        let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        match self {
            Self::Environment => VARIABLES.into_iter().any(is_set),
            Self::Proxies { http, https, .. } => http.is_some() || https.is_some(),
        }
    }

    fn apply(&self, builder: reqwest::ClientBuilder) -> reqwest::Result<reqwest::ClientBuilder> {
        match self {
            Self::Environment => Ok(builder),
            Self::Proxies {
                http,
                https,
                no_proxy,
            } => {
                let without = no_proxy.as_deref().and_then(NoProxy::from_string);
                let mut builder = builder.no_proxy();
                if let Some(proxy) = http {
                    builder = builder.proxy(Proxy::http(proxy)?.no_proxy(without.clone()));
                }
                if let Some(proxy) = https {
                    builder = builder.proxy(Proxy::https(proxy)?.no_proxy(without));
                }
                Ok(builder)
            }
        }
    }
}

/// Whether `entry`, `host` or `host:port`, is exactly where `url` leads; the scheme's port may be left out.
pub(super) fn names_host_and_port(entry: &str, url: &Url) -> bool {
    let Some(host) = url.host_str() else {
        return false;
    };
    let Some(rest) = entry
        .get(..host.len())
        .filter(|start| start.eq_ignore_ascii_case(host))
        .map(|_| &entry[host.len()..])
    else {
        return false;
    };
    match rest.strip_prefix(':') {
        Some(port) => port.parse().ok() == url.port_or_known_default(),
        None => rest.is_empty() && url.port().is_none(),
    }
}

/// The texts of an error and of what caused it, without the URL: that may hold a secret.
pub(super) fn flatten(error: &reqwest::Error) -> String {
    let mut text = String::new();
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(error) = cause {
        text = error.to_string();
        cause = error.source();
    }
    if text.is_empty() {
        text = if error.is_builder() {
            "a setting is malformed".to_owned()
        } else {
            "the exchange failed".to_owned()
        };
    }
    text
}

fn read_authorities(ca: &RegistryCa) -> Result<(String, Arc<RootCertStore>), OpenError> {
    let failed = |cause: String| OpenError::RegistryCa {
        host: ca.host.clone(),
        file: ca.file.clone(),
        cause,
    };
    let mut roots = RootCertStore::empty();
    let certificates =
        CertificateDer::pem_file_iter(&ca.file).map_err(|error| failed(error.to_string()))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| failed(error.to_string()))?;
        roots
            .add(certificate)
            .map_err(|error| failed(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(failed("there is no certificate in it".to_owned()));
    }
    Ok((ca.host.clone(), Arc::new(roots)))
}

/// Verifies no certificate, for hosts that the operator named insecure.
#[derive(Debug)]
struct AcceptAnything(Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptAnything {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
