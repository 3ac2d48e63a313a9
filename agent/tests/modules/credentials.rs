//! Whose credentials are used for what, and that nobody profits from another's.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use wasm_agent::modules::{ModuleRequest, PullPolicy};

use crate::dialects::secret;
use crate::image::{Image, Store};
use crate::server::{Reply, Server};
use crate::support::{Agent, module, pinned, request, sha256};

/// A registry that knows one user and one password.
async fn private(user: &'static str, password: &'static str) -> Server {
    let store = Store::default();
    store.push("v1", &Image::of_module(&module("private")));
    let right = http_basic(user, password);
    Server::start(move |seen| {
        if seen.authorization() == right {
            store.answer(seen)
        } else {
            Reply::status(401).header("www-authenticate", "Basic realm=\"r\"")
        }
    })
    .await
}

fn http_basic(user: &str, password: &str) -> String {
    use base64::Engine as _;
    let encoded = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    format!("Basic {encoded}")
}

fn by(resource: &str, url: &str, secret: Option<Vec<u8>>) -> ModuleRequest {
    ModuleRequest {
        pull_secret: secret,
        resource_name: resource.to_owned(),
        ..request(url)
    }
}

#[tokio::test]
async fn what_one_secret_cannot_pull_is_not_had_from_the_cache() {
    let (agent, server) = (Agent::start().await, private("u", "right").await);
    let url = server.oci("p/m:v1");
    let right = secret(&server, "u", "right");
    agent
        .obtain(&by("a", &url, Some(right.clone())))
        .await
        .unwrap();

    let image = Image::of_module(&module("private"));
    let refused = |cause: &str| {
        format!(
            "could not fetch Wasm OCI image {url}: could not fetch manifest: {} {cause}",
            server.address
        )
    };
    let wrong = refused("refuses the credentials for p/m");
    let none = refused("lets nobody pull p/m without credentials, and there are none");
    for (credentials, expected) in [
        (Some(secret(&server, "u", "wrong")), &wrong),
        (Some(br#"{"auths":{}}"#.to_vec()), &none),
        (None, &none),
    ] {
        for sha256 in [None, Some(sha256(&module("private"))), Some(image.digest())] {
            let wanted = ModuleRequest {
                sha256,
                ..by("b", &url, credentials.clone())
            };
            assert_eq!(agent.refusal(&wanted).await, *expected);
        }
    }
    // The right one is not asked for again, whoever has it.
    let requests = server.count();
    agent.obtain(&by("b", &url, Some(right))).await.unwrap();
    assert_eq!(server.count(), requests);
}

#[tokio::test]
async fn a_rotated_secret_works_at_the_next_try() {
    let (agent, server) = (Agent::start().await, private("u", "new").await);
    let url = server.oci("p/m:v1");
    agent
        .obtain(&by("r", &url, Some(secret(&server, "u", "old"))))
        .await
        .unwrap_err();
    agent
        .obtain(&by("r", &url, Some(secret(&server, "u", "new"))))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_pull_secret_that_is_none_is_refused() {
    let (agent, server) = (Agent::start().await, private("u", "p").await);
    let url = server.oci("p/m:v1");
    assert_eq!(
        agent.refusal(&by("r", &url, Some(b"null".to_vec()))).await,
        format!(
            "the credentials for {url} cannot be used: the pull secret is not a Docker configuration (line 1, column 4)"
        )
    );
    assert_eq!(server.count(), 0);
}

/// Such secrets come from files with a line feed at their end: the error says so, and where.
#[tokio::test]
async fn a_secret_with_control_characters_is_named() {
    let (agent, server) = (Agent::start().await, private("u", "p").await);
    let (url, host) = (server.oci("p/m:v1"), server.address.to_string());
    let of_entry = |entry: serde_json::Value| {
        let entry = serde_json::json!({ "auths": { &host: entry } });
        Some(entry.to_string().into_bytes())
    };
    for (entry, expected) in [
        (
            serde_json::json!({"registrytoken": "hidden\n"}),
            format!(
                "could not fetch Wasm OCI image {url}: could not fetch manifest: the `registrytoken` for {host} cannot be sent: it has a control character, such as a line break at its end, or one beyond ASCII"
            ),
        ),
        (
            serde_json::json!({"username": "u", "password": "hidden\n"}),
            format!(
                "could not fetch Wasm OCI image {url}: could not fetch manifest: {host} refuses the credentials for p/m (the password ends with a line break or another control character)"
            ),
        ),
        (
            serde_json::json!({"username": "u\n", "password": "hidden"}),
            format!(
                "could not fetch Wasm OCI image {url}: could not fetch manifest: {host} refuses the credentials for p/m (the user name has a control character, such as a line break)"
            ),
        ),
        (
            serde_json::json!({"auth": "hidden!"}),
            format!(
                "the credentials for {url} cannot be used: in the pull secret, `auth` for `{host}` is not `user:password` in base64"
            ),
        ),
    ] {
        assert_eq!(
            agent.refusal(&by("r", &url, of_entry(entry))).await,
            expected
        );
    }
}

#[tokio::test]
async fn credentials_in_a_url_and_in_the_agents_own_configuration() {
    let server = private("u", "p").await;
    let url = server.oci("p/m:v1");
    Agent::start()
        .await
        .obtain(&request(url.replace("oci://", "oci://u:p@")))
        .await
        .unwrap();

    let agent = Agent::start().await;
    write_docker_configuration(agent.folder.path(), &secret(&server, "u", "p"));
    let file = agent.obtain(&request(url.as_str())).await.unwrap();
    assert_eq!(file.checksum, sha256(&module("private")));
    // A resource with a secret never gets to use them.
    agent
        .obtain(&by("r", &url, Some(br#"{"auths":{}}"#.to_vec())))
        .await
        .unwrap_err();
}

fn write_docker_configuration(folder: &Path, text: &[u8]) {
    std::fs::create_dir_all(folder.join("docker")).unwrap();
    std::fs::write(folder.join("docker/config.json"), text).unwrap();
}

/// Helpers are looked for in `PATH`, which only another process can have changed: this test runs itself there.
#[tokio::test]
async fn the_agents_own_configuration_may_name_helpers_and_a_secret_may_not() {
    const CHILD: &str = "WASM_AGENT_TEST_HELPERS";
    if std::env::var_os(CHILD).is_none() {
        let folder = tempfile::tempdir().unwrap();
        write_helper(folder.path());
        let name =
            "credentials::the_agents_own_configuration_may_name_helpers_and_a_secret_may_not";
        let path = format!(
            "{}:{}",
            folder.path().display(),
            std::env::var("PATH").unwrap()
        );
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name, "--test-threads", "1"])
            .env(CHILD, folder.path())
            .env("PATH", path)
            .output()
            .unwrap();
        assert!(
            child.status.success(),
            "{}",
            String::from_utf8_lossy(&child.stdout)
        );
        return;
    }
    let asked = Path::new(&std::env::var_os(CHILD).unwrap()).join("asked");
    let server = private("u", "p").await;
    let url = server.oci("p/m:v1");
    for configuration in [
        serde_json::json!({"credHelpers": {server.address.to_string(): "test"}}),
        serde_json::json!({"credsStore": "test"}),
    ] {
        let agent = Agent::start().await;
        write_docker_configuration(agent.folder.path(), configuration.to_string().as_bytes());
        agent.obtain(&request(url.as_str())).await.unwrap();
        assert_eq!(
            std::fs::read_to_string(&asked).unwrap(),
            format!("get {}", server.address)
        );
        std::fs::remove_file(&asked).unwrap();

        let secret = configuration.to_string().into_bytes();
        Agent::start()
            .await
            .obtain(&by("r", &url, Some(secret)))
            .await
            .unwrap_err();
        assert!(!asked.exists(), "a pull secret ran a program");
    }
    let agent = Agent::start().await;
    write_docker_configuration(agent.folder.path(), br#"{"credsStore": "missing"}"#);
    assert_eq!(
        agent.refusal(&request(url.as_str())).await,
        format!(
            "the credentials for {url} cannot be used: the credential helper `docker-credential-missing` cannot be run: \
             No such file or directory (os error 2)"
        )
    );
}

fn write_helper(folder: &Path) {
    let script = format!(
        "#!/bin/sh\nprintf '%s %s' \"$1\" \"$(cat)\" > {}/asked\nprintf '{{\"Username\":\"u\",\"Secret\":\"p\"}}'\n",
        folder.display()
    );
    let helper = folder.join("docker-credential-test");
    std::fs::write(&helper, script).unwrap();
    std::fs::set_permissions(&helper, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test]
async fn a_mirror_is_asked_first_with_credentials_of_its_own() {
    let image = Image::of_module(&module("m"));
    let store = Store::default();
    store.push("v1", &image);
    let mirror = {
        let store = store.clone();
        let right = http_basic("mirror", "m");
        Server::start(move |seen| {
            if seen.authorization() != right {
                return Reply::status(401).header("www-authenticate", "Basic");
            }
            store.answer(seen)
        })
        .await
    };
    let origin = store.serve().await;
    let setting = format!("{}={}/cache/x", origin.address, mirror.address);
    let agent =
        Agent::with(|options| options.registry_mirrors = vec![setting.parse().unwrap()]).await;
    write_docker_configuration(agent.folder.path(), &secret(&mirror, "mirror", "m"));
    agent
        .obtain(&pinned(origin.oci("p/m:v1"), image.digest()))
        .await
        .unwrap();
    let paths: Vec<_> = mirror.seen().into_iter().map(|seen| seen.path).collect();
    assert_eq!(paths[0], "/v2/cache/x/p/m/manifests/v1");
    assert_eq!(origin.count(), 0);

    // A resource's secret for the registry is not shown to the mirror, whose own it does not know.
    let wanted = ModuleRequest {
        pull_policy: PullPolicy::Always,
        resource_version: "2".to_owned(),
        ..by(
            "r",
            &origin.oci("p/m:v1"),
            Some(secret(&origin, "u", "origin")),
        )
    };
    let before = mirror.count();
    agent.obtain(&wanted).await.unwrap();
    let shown: Vec<_> = mirror.seen()[before..]
        .iter()
        .map(|seen| seen.authorization().to_owned())
        .collect();
    assert_eq!(shown, [""]);
    assert!(origin.count() > 0);

    // Nor is what stands in the URL of the registry.
    let (before, url) = (mirror.count(), origin.oci("p/m:v1"));
    agent
        .obtain(&request(url.replace("oci://", "oci://u:p@")))
        .await
        .unwrap();
    let shown: Vec<_> = mirror.seen()[before..]
        .iter()
        .map(|seen| seen.authorization().to_owned())
        .collect();
    assert_eq!(shown, [""]);
}

#[tokio::test]
async fn a_mirror_that_fails_or_lies_is_passed_over() {
    let (good, bad) = (Store::default(), Store::default());
    good.push("v1", &Image::of_module(&module("good")));
    bad.push("v1", &Image::of_module(&module("bad")));
    let origin = good.serve().await;
    for mirror in [
        Server::start(|_| Reply::status(500)).await,
        bad.serve().await,
    ] {
        let setting = format!("{}={}", origin.address, mirror.address);
        let agent =
            Agent::with(|options| options.registry_mirrors = vec![setting.parse().unwrap()]).await;
        agent
            .obtain(&pinned(origin.oci("p/m:v1"), sha256(&module("good"))))
            .await
            .unwrap();
        assert!(mirror.count() > 0);
    }
}

/// A secret may be nothing to the registry and open a mirror of it: that, too, sets it apart from others.
#[tokio::test]
async fn what_a_mirror_gives_for_one_secret_is_not_had_for_another() {
    let mirror = private("u", "right").await;
    let origin =
        Server::start(|_| Reply::status(401).header("www-authenticate", "Basic realm=\"r\"")).await;
    let setting = format!("{}={}", origin.address, mirror.address);
    let agent =
        Agent::with(|options| options.registry_mirrors = vec![setting.parse().unwrap()]).await;
    let url = origin.oci("p/m:v1");
    let right = || Some(secret(&mirror, "u", "right"));
    agent.obtain(&by("a", &url, right())).await.unwrap();
    let refused = format!(
        "could not fetch Wasm OCI image {url}: could not fetch manifest: {} lets nobody pull p/m without credentials, and there are none",
        origin.address
    );
    for credentials in [secret(&mirror, "u", "wrong"), br#"{"auths":{}}"#.to_vec()] {
        for sha256 in [None, Some(sha256(&module("private")))] {
            let wanted = ModuleRequest {
                sha256,
                ..by("b", &url, Some(credentials.clone()))
            };
            assert_eq!(agent.refusal(&wanted).await, refused);
        }
    }
    let requests = mirror.count();
    agent.obtain(&by("b", &url, right())).await.unwrap();
    assert_eq!(mirror.count(), requests);
}
