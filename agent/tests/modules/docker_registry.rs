//! Debian's `docker-registry`: a real one, with and without passwords.

use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use wasm_agent::modules::ModuleRequest;

use crate::image::{
    DOCKER_MANIFEST, DOCKER_TAR_GZIP, Image, OCI_INDEX, OCI_MANIFEST, OCI_TAR_GZIP, index,
};
use crate::support::{Agent, eventually, gzip, module, pinned, request, sha256, tar};

/// A registry that ends with the test.
struct Registry {
    child: Child,
    port: u16,
    client: reqwest::Client,
    authorization: Option<&'static str>,
    _folder: tempfile::TempDir,
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Lets the child die with the thread that started it.
fn spawn(mut command: Command) -> Child {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap_or_else(|error| {
        panic!("`docker-registry` cannot be started ({error}): apt-get install -y docker-registry setpriv")
    })
}

impl Registry {
    /// A registry; with a password it wants `u:p`.
    async fn start(has_password: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // The registry cannot say which port it got: a free one is taken and let go.
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let config = configuration(folder.path(), port, has_password);
        std::fs::write(folder.path().join("config.yml"), config).unwrap();
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "KILL", "docker-registry", "serve"])
            .arg(folder.path().join("config.yml"));
        let child = spawn(command);
        let registry = Self {
            child,
            port,
            client: client(),
            authorization: has_password.then_some("Basic dTpw"),
            _folder: folder,
        };
        eventually(
            "the registry listens (apt-get install -y docker-registry)",
            || TcpStream::connect(("127.0.0.1", port)).is_ok(),
        )
        .await;
        registry
    }

    fn url(&self, rest: &str) -> String {
        format!("oci://127.0.0.1:{}/{rest}", self.port)
    }

    async fn push(&self, repository: &str, tag: &str, image: &Image) {
        for blob in &image.blobs {
            let upload = format!(
                "http://127.0.0.1:{}/v2/{repository}/blobs/uploads/",
                self.port
            );
            let answer = self.send(self.client.post(upload)).await;
            let mut to =
                reqwest::Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
            to.query_pairs_mut()
                .append_pair("digest", &format!("sha256:{}", sha256(blob)));
            self.send(self.client.put(to).body(blob.clone())).await;
        }
        self.push_manifest(repository, tag, image.media_type, &image.manifest)
            .await;
    }

    async fn push_manifest(&self, repository: &str, tag: &str, media_type: &str, manifest: &[u8]) {
        let to = format!(
            "http://127.0.0.1:{}/v2/{repository}/manifests/{tag}",
            self.port
        );
        self.send(
            self.client
                .put(to)
                .header("content-type", media_type)
                .body(manifest.to_vec()),
        )
        .await;
    }

    async fn send(&self, mut request: reqwest::RequestBuilder) -> reqwest::Response {
        if let Some(authorization) = self.authorization {
            request = request.header("authorization", authorization);
        }
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_success(), "{answer:?}");
        answer
    }
}

fn client() -> reqwest::Client {
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    reqwest::Client::builder()
        .no_proxy()
        .tls_backend_preconfigured(tls)
        .build()
        .unwrap()
}

fn configuration(folder: &Path, port: u16, has_password: bool) -> String {
    // bcrypt of `p`.
    let users = "u:$2y$05$bMhypVQuD8tWVHcNIRYCSO6mxTxg6bl5f.iZ80xJUdRpOTWA6YBni";
    std::fs::write(folder.join("htpasswd"), users).unwrap();
    let folder = folder.display();
    let auth = if has_password {
        format!("auth: {{htpasswd: {{realm: Registry Realm, path: {folder}/htpasswd}}}}\n")
    } else {
        String::new()
    };
    format!(
        "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {folder}/data}}}}\n\
         http: {{addr: \"127.0.0.1:{port}\", secret: s}}\n{auth}"
    )
}

/// An image whose configuration is one, as real registries want it.
fn image(media_type: &'static str, layer_type: &str, wasm: &[u8]) -> Image {
    Image::new(
        media_type,
        &[(layer_type, gzip(&tar(&[("plugin.wasm", wasm)])))],
    )
}

#[tokio::test]
async fn images_of_a_real_registry() {
    let registry = Registry::start(false).await;
    let wasm = module("real");
    for (tag, media_type, layer_type) in [
        ("docker", DOCKER_MANIFEST, DOCKER_TAR_GZIP),
        ("oci", OCI_MANIFEST, OCI_TAR_GZIP),
    ] {
        let image = image(media_type, layer_type, &wasm);
        registry.push("team/m", tag, &image).await;
        let agent = Agent::start().await;
        for sha256 in [None, Some(image.digest()), Some(sha256(&wasm))] {
            let url = registry.url(&format!("team/m:{tag}"));
            let file = agent
                .obtain(&ModuleRequest {
                    sha256,
                    ..request(url)
                })
                .await
                .unwrap();
            assert_eq!(std::fs::read(file.path).unwrap(), wasm);
        }
    }
    let url = registry.url("team/m:missing");
    assert_eq!(
        Agent::start().await.refusal(&request(url.as_str())).await,
        format!(
            "could not fetch Wasm OCI image {url}: could not fetch manifest: \
             Get \"http://127.0.0.1:{}/v2/team/m/manifests/missing\": \
             wasm module download request failed: status code 404 (MANIFEST_UNKNOWN)",
            registry.port
        )
    );
}

#[tokio::test]
async fn an_index_of_a_real_registry() {
    let registry = Registry::start(false).await;
    let (wasm, arm) = (module("wasm"), module("arm"));
    let images = [
        image(OCI_MANIFEST, OCI_TAR_GZIP, &arm),
        image(OCI_MANIFEST, OCI_TAR_GZIP, &wasm),
    ];
    for (tag, image) in ["arm", "wasm"].into_iter().zip(&images) {
        registry.push("m", tag, image).await;
    }
    let list = index(&[
        (&images[0], "linux", "arm64"),
        (&images[1], "wasip1", "wasm"),
    ]);
    registry.push_manifest("m", "v1", OCI_INDEX, &list).await;
    let file = Agent::start()
        .await
        .obtain(&pinned(registry.url("m:v1"), sha256(&list)))
        .await
        .unwrap();
    assert_eq!(file.checksum, sha256(&wasm));
}

#[tokio::test]
async fn a_real_registry_with_passwords() {
    let registry = Registry::start(true).await;
    registry
        .push("m", "v1", &image(OCI_MANIFEST, OCI_TAR_GZIP, &module("m")))
        .await;
    let (agent, url) = (Agent::start().await, registry.url("m:v1"));
    let secret = |password: &str| {
        let host = format!("127.0.0.1:{}", registry.port);
        let entry = serde_json::json!({"username": "u", "password": password});
        Some(
            serde_json::json!({"auths": {host: entry}})
                .to_string()
                .into_bytes(),
        )
    };
    agent
        .obtain(&ModuleRequest {
            pull_secret: secret("p"),
            ..request(url.as_str())
        })
        .await
        .unwrap();
    let host = format!("127.0.0.1:{}", registry.port);
    for (pull_secret, cause) in [
        (
            secret("wrong"),
            format!("{host} refuses the credentials for m"),
        ),
        (
            None,
            format!("{host} lets nobody pull m without credentials, and there are none"),
        ),
    ] {
        assert_eq!(
            agent
                .refusal(&ModuleRequest {
                    pull_secret,
                    ..request(url.as_str())
                })
                .await,
            format!("could not fetch Wasm OCI image {url}: could not fetch manifest: {cause}")
        );
    }
}
