//! Registries that refuse, or are none: one line with their own words, and nothing pushed by halves.

use std::path::Path;
use std::sync::OnceLock;

use publish_tests::program::{Outcome, run, run_with};
use publish_tests::refusing_registry::{RefusingRegistry, reply};
use publish_tests::registry::{Access, Registry};
use serde_json::json;
use tempfile::TempDir;

/// Pushes a layout that was made once.
fn push(image: &str, environment: &[(&str, &Path)]) -> Outcome {
    static LAYOUT: OnceLock<TempDir> = OnceLock::new();
    let layout = LAYOUT.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        run(&["package", "-o", folder.path().to_str().unwrap()]).expect_success();
        folder
    });
    let layout = layout.path().to_str().unwrap();
    run_with(
        &["push", "--plain-http", "--from", layout, image],
        environment,
    )
}

fn error(code: &str, message: &str) -> String {
    json!({"errors": [{"code": code, "message": message}]}).to_string()
}

/// Takes blobs under `location`, and answers a manifest with `manifest`.
fn takes_blobs(location: String, manifest: String) -> impl Fn(&str) -> String + Send {
    move |request| match request.split(' ').next() {
        Some("HEAD") => reply("404 Not Found", "", ""),
        Some("POST") => reply("202 Accepted", &format!("location: {location}\r\n"), ""),
        _ if request.contains("/manifests/") => manifest.clone(),
        _ => reply("201 Created", "", ""),
    }
}

#[test]
fn a_registry_that_refuses_is_quoted() {
    for (answer, words) in [
        (
            reply(
                "403 Forbidden",
                "",
                &error("DENIED", "requested access is denied"),
            ),
            "403 Forbidden: DENIED: requested access is denied",
        ),
        (
            reply(
                "415 Unsupported Media Type",
                "",
                &error("MANIFEST_INVALID", "media type"),
            ),
            "415 Unsupported Media Type: MANIFEST_INVALID: media type",
        ),
        (
            reply(
                "429 Too Many Requests",
                "retry-after: 7\r\n",
                &error("TOOMANYREQUESTS", "slow down"),
            ),
            "429 Too Many Requests: TOOMANYREQUESTS: slow down (try again in 7 s)",
        ),
        (
            reply(
                "200 OK",
                "content-type: text/html; charset=utf-8\r\n",
                "<h1>Welcome</h1>",
            ),
            "200 OK: a web page, as no registry would answer",
        ),
        (
            reply("500 Internal Server Error", "", "\u{1b}[2Joops\n"),
            "500 Internal Server Error: [2Joops",
        ),
    ] {
        let first = answer.clone();
        let registry = RefusingRegistry::start(move |request| match request.split(' ').next() {
            Some("HEAD") => reply("404 Not Found", "", ""),
            _ => first.clone(),
        });
        let image = format!("{}/basic-auth:1", registry.address);
        assert_eq!(
            push(&image, &[]).expect_refusal(),
            format!(
                "{image} is as it was (nothing was pushed): {} takes no configuration: {words}",
                registry.address
            )
        );
        // The manifest is the last.
        let late = RefusingRegistry::start(takes_blobs("/upload?state=1".to_owned(), answer));
        let image = format!("{}/basic-auth:1", late.address);
        assert_eq!(
            push(&image, &[]).expect_refusal(),
            format!(
                "{image} is as it was (only the configuration and the layer got there): {} takes no manifest: {words}",
                late.address
            )
        );
        let puts: Vec<_> = late
            .seen()
            .into_iter()
            .filter(|(line, _)| line.starts_with("PUT"))
            .collect();
        assert_eq!(puts.len(), 3);
        assert!(
            puts[0]
                .0
                .starts_with("PUT /upload?state=1&digest=sha256%3A"),
            "{puts:?}"
        );
    }
}

#[test]
fn credentials_stay_with_the_registry_whatever_location_says() {
    let storage = RefusingRegistry::start(|_| reply("201 Created", "", ""));
    let elsewhere = format!("http://{}/upload", storage.address);
    let takes = takes_blobs(elsewhere, reply("201 Created", "", ""));
    let authorized = std::sync::atomic::AtomicBool::new(false);
    let registry = RefusingRegistry::start(move |request| {
        // The first request is refused; those after it have credentials.
        if authorized.swap(true, std::sync::atomic::Ordering::Relaxed) {
            takes(request)
        } else {
            reply(
                "401 Unauthorized",
                "www-authenticate: Basic realm=\"r\"\r\n",
                "",
            )
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let host = registry.address.to_string();
    let configuration = json!({"auths": {host: {"auth": "dTpw"}}});
    std::fs::write(folder.path().join("config.json"), configuration.to_string()).unwrap();
    let image = format!("{}/basic-auth:1", registry.address);
    push(&image, &[("DOCKER_CONFIG", folder.path())]).expect_success();
    let shown = |server: &RefusingRegistry| -> Vec<_> {
        server
            .seen()
            .into_iter()
            .map(|(_, authorization)| authorization)
            .collect()
    };
    assert_eq!(shown(&storage), [None, None]);
    let basic = Some("Basic dTpw".to_owned());
    assert_eq!(shown(&registry)[0], None);
    assert!(shown(&registry)[1..].iter().all(|seen| *seen == basic));
}

#[test]
fn a_token_service_is_asked_for_the_repository() {
    let tokens = RefusingRegistry::start(|_| reply("200 OK", "", r#"{"access_token": "t"}"#));
    let takes = takes_blobs("/upload".to_owned(), reply("201 Created", "", ""));
    let first = std::sync::atomic::AtomicBool::new(true);
    let challenge = format!(
        "www-authenticate: Bearer realm=\"http://{}/token\",service=\"s\"\r\n",
        tokens.address
    );
    let registry = RefusingRegistry::start(move |request| {
        if first.swap(false, std::sync::atomic::Ordering::Relaxed) {
            reply("401 Unauthorized", &challenge, "")
        } else {
            takes(request)
        }
    });
    run(&[
        "push",
        "--plain-http",
        &format!("{}/a/b:1", registry.address),
    ])
    .expect_success();
    let asked = "GET /token?scope=repository%3Aa%2Fb%3Apull%2Cpush&service=s HTTP/1.1".to_owned();
    assert_eq!(tokens.seen(), [(asked, None)]);
    assert_eq!(
        registry.seen().last().unwrap().1,
        Some("Bearer t".to_owned())
    );
}

#[test]
fn plain_http_is_spoken_only_when_it_is_asked_for() {
    let registry = Registry::start(Access::Open);
    let image = registry.image("basic-auth:1");
    let host = registry.image("").trim_end_matches('/').to_owned();
    assert_eq!(
        run(&["push", &image]).expect_refusal(),
        format!(
            "{image} is as it was (nothing was pushed): {host} does not speak TLS: if it may be plain HTTP, say \
             --plain-http"
        )
    );
    assert!(!registry.knows("basic-auth"));
}

#[test]
fn what_cannot_be_pushed_is_refused_before_anything_is_asked() {
    let version = env!("CARGO_PKG_VERSION");
    let pinned = format!("registry.example/a:1@sha256:{}", "0".repeat(64));
    for (reference, refusal) in [
        (
            "registry.example/a",
            format!("registry.example/a has no tag: write registry.example/a:{version}"),
        ),
        (
            pinned.as_str(),
            "a push names a tag, and the digest is what comes of it: leave `@sha256:…` out"
                .to_owned(),
        ),
    ] {
        assert_eq!(run(&["push", reference]).expect_refusal(), refusal);
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let refusal = run(&["push", "--from", path, "registry.example/a:1"]).expect_refusal();
    assert_eq!(
        refusal,
        format!("{path} is no OCI layout of one image: No such file or directory (os error 2)")
    );
}
