//! Certificates, and that nothing leads from HTTPS to HTTP.

use std::sync::Arc;

use rcgen::{CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, pem::PemObject as _};
use tokio_rustls::TlsAcceptor;
use wasm_agent::metrics::Metrics;
use wasm_agent::modules::{Modules, RegistryCa};

use crate::image::{Image, Store};
use crate::server::{Reply, Server};
use crate::support::{Agent, module, options, request};

/// An authority of the test's own.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Self {
        let mut parameters = CertificateParams::new([]).unwrap();
        parameters.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap())
    }

    /// In PEM.
    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// An acceptor with a certificate for loopback.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
        let certificate = CertificateParams::new(names)
            .unwrap()
            .signed_by(&key, &self.0)
            .unwrap();
        let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

async fn tls_server(
    authority: &Authority,
    handler: impl Fn(&crate::server::Seen) -> Reply + Send + Sync + 'static,
) -> Server {
    Server::start_on("127.0.0.1:0", Some(authority.acceptor()), handler).await
}

const UNKNOWN: &str = "invalid peer certificate: UnknownIssuer";

/// Section 4.2: a server whose certificate nobody signed.
#[tokio::test]
async fn an_unknown_certificate_is_refused_unless_the_host_is_insecure() {
    let server = tls_server(&Authority::new(), |_| Reply::body(module("m"))).await;
    let url = server.url("/m.wasm");
    let agent = Agent::start().await;
    assert_eq!(
        agent.refusal(&request(url.as_str())).await,
        format!(
            "wasm module download failed after 5 attempts, last error: Get \"{url}\": {UNKNOWN}"
        )
    );
    assert_eq!(server.count(), 0);
    for (insecure, is_fetched) in [
        ("*".to_owned(), true),
        (server.address.to_string(), true),
        ("127.0.0.1".to_owned(), false),
        (format!("{}0", server.address), false),
    ] {
        let agent =
            Agent::with(|options| options.insecure_registries = vec![insecure.clone()]).await;
        assert_eq!(
            agent.obtain(&request(url.as_str())).await.is_ok(),
            is_fetched,
            "{insecure}"
        );
    }
}

/// `TestAllInsecureServer`, and that loopback is no excuse for a certificate that nobody signed.
#[tokio::test]
async fn a_registry_with_tls_on_loopback() {
    let store = Store::default();
    store.push("v1", &Image::of_module(&module("m")));
    let authority = Authority::new();
    let server = tls_server(&authority, move |seen| store.answer(seen)).await;
    let url = server.oci("m:v1");
    let agent = Agent::start().await;
    assert_eq!(
        agent.refusal(&request(url.as_str())).await,
        format!(
            "could not fetch Wasm OCI image {url}: could not fetch manifest: failed after 5 attempts, last error: \
             Get \"{}\": {UNKNOWN}",
            server.url("/v2/m/manifests/v1")
        )
    );
    let agent = Agent::with(|options| options.insecure_registries = vec!["*".to_owned()]).await;
    agent.obtain(&request(url.as_str())).await.unwrap();
    let agent = with_authority(&server.address.to_string(), &authority).await;
    agent.obtain(&request(url)).await.unwrap();
}

/// An agent that trusts `authority` for `host`.
async fn with_authority(host: &str, authority: &Authority) -> Agent {
    Agent::with(|options| {
        let file = options.cache_dir.with_file_name("ca.pem");
        std::fs::write(&file, authority.pem()).unwrap();
        options.registry_cas = vec![RegistryCa {
            host: host.to_owned(),
            file,
        }];
    })
    .await
}

#[tokio::test]
async fn an_authority_is_for_its_host_alone() {
    let authority = Authority::new();
    let server = tls_server(&authority, |_| Reply::body(module("m"))).await;
    for (host, is_trusted) in [
        (server.address.to_string(), true),
        ("127.0.0.1".to_owned(), true),
        ("localhost".to_owned(), false),
        ("127.0.0.1:1".to_owned(), false),
    ] {
        let agent = with_authority(&host, &authority).await;
        assert_eq!(
            agent.obtain(&request(server.url("/m"))).await.is_ok(),
            is_trusted,
            "{host}"
        );
    }
    let other = with_authority(&server.address.to_string(), &Authority::new()).await;
    other.obtain(&request(server.url("/m"))).await.unwrap_err();
}

#[tokio::test]
async fn authorities_that_cannot_be_used_end_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "no certificate").unwrap();
    for (file, cause) in [
        (
            folder.path().join("missing.pem"),
            "I/O error: No such file or directory (os error 2)",
        ),
        (empty, "there is no certificate in it"),
    ] {
        let mut options = options(folder.path());
        options.registry_cas = vec![RegistryCa {
            host: "h".to_owned(),
            file: file.clone(),
        }];
        let error = Modules::open(options, Metrics::new()).await.unwrap_err();
        let expected = format!(
            "the certificate authorities of `h` in `{}` cannot be used: {cause}",
            file.display()
        );
        assert_eq!(error.to_string(), expected);
    }
}

#[tokio::test]
async fn nothing_leads_from_https_to_http() {
    let authority = Authority::new();
    let plain = Server::of(&module("m")).await;
    let to = plain.url("/plain");
    let server = tls_server(&authority, move |_| Reply::redirect(to.as_str())).await;
    let agent = with_authority(&server.address.to_string(), &authority).await;
    let url = server.url("/m");
    assert_eq!(
        agent.refusal(&request(url.as_str())).await,
        format!(
            "wasm module download failed after 1 attempts, last error: Get \"{url}\": \
             a redirect from HTTPS to HTTP is not followed"
        )
    );

    let realm = format!("Bearer realm=\"{}\"", plain.url("/token"));
    let registry = tls_server(&authority, move |_| {
        Reply::status(401).header("www-authenticate", realm.as_str())
    })
    .await;
    let agent = with_authority(&registry.address.to_string(), &authority).await;
    let url = registry.oci("m:v1");
    assert_eq!(
        agent.refusal(&request(url.as_str())).await,
        format!(
            "could not fetch Wasm OCI image {url}: could not fetch manifest: \
             the registry names a token service that is not asked: it has no TLS"
        )
    );
    assert_eq!(plain.count(), 0);
}

#[tokio::test]
async fn proxies_are_used_but_for_what_needs_none() {
    let proxy = Server::of(&module("by proxy")).await;
    let server = Server::of(&module("direct")).await;
    for (no_proxy, expected) in [(None, "by proxy"), (Some("127.0.0.1".to_owned()), "direct")] {
        let agent = Agent::with(|options| {
            options.proxies = wasm_agent::modules::ProxySettings::Proxies {
                http: Some(proxy.url("")),
                https: None,
                no_proxy,
            };
        })
        .await;
        let file = agent.obtain(&request(server.url("/m"))).await.unwrap();
        assert_eq!(std::fs::read(file.path).unwrap(), module(expected));
    }
}

/// The proxy's own address is private as a rule: the registry behind it is not.
#[tokio::test]
async fn a_registry_behind_a_proxy_names_no_private_token_service() {
    let proxy = Server::start(|seen| match seen.path.contains("/token") {
        true => Reply::body(r#"{"token":"t"}"#),
        false => Reply::status(401).header(
            "www-authenticate",
            "Bearer realm=\"http://10.0.0.1/token\",service=\"s\"",
        ),
    })
    .await;
    let agent = Agent::with(|options| {
        options.insecure_registries = vec!["*".to_owned()];
        options.proxies = wasm_agent::modules::ProxySettings::Proxies {
            http: Some(proxy.url("")),
            https: Some(proxy.url("")),
            no_proxy: None,
        };
    })
    .await;
    let error = agent
        .obtain(&request("oci://192.0.2.1:5000/p/m:v1".to_owned()))
        .await
        .unwrap_err()
        .to_string();
    let refusal =
        "the registry names a token service that is not asked: it is in a private network";
    assert!(error.contains(refusal), "{error}");
    assert!(
        proxy
            .seen()
            .iter()
            .all(|seen| !seen.path.contains("/token"))
    );
}

/// What `HTTPS_PROXY` and `NO_PROXY` say counts. Only another process can have them: this test runs itself there.
#[tokio::test]
async fn proxies_of_the_environment() {
    const URL: &str = "WASM_AGENT_TEST_PROXIED";
    if let Some(url) = std::env::var_os(URL) {
        let agent = Agent::with(|options| {
            options.proxies = wasm_agent::modules::ProxySettings::Environment
        })
        .await;
        let outcome = agent.obtain(&request(url.into_string().unwrap())).await;
        assert_eq!(
            outcome.is_ok(),
            std::env::var_os("NO_PROXY").is_some(),
            "{outcome:?}"
        );
        return;
    }
    // A proxy that refuses every tunnel, and a server behind it that needs none.
    let proxy = Server::start(|_| Reply::status(403)).await;
    let server = Server::of(&module("m")).await;
    for (no_proxy, proxied) in [(None, 1), (Some("127.0.0.1"), 0)] {
        let mut child = tokio::process::Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "tls::proxies_of_the_environment"]);
        child.env_remove("NO_PROXY").env_remove("no_proxy");
        child
            .env("HTTP_PROXY", proxy.url(""))
            .env("HTTPS_PROXY", proxy.url(""))
            .env(URL, server.url("/m"));
        if let Some(no_proxy) = no_proxy {
            child.env("NO_PROXY", no_proxy);
        }
        let before = proxy.count();
        let output = child.output().await.unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stdout)
        );
        assert_eq!(proxy.count() - before, proxied);
    }
}
