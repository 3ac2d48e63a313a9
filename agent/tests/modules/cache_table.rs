//! Section 4.1, by its numbers, and the pull policies over HTTP.
//!
//! Different by design: texts of errors name the URL; a checksum of what `oci:` names may also be the module's (9),
//! and is shown as that (24); a timeout of 0 says so (23); an uncompressed layer is unpacked (25 is in
//! `image_table.rs`).

use std::time::Duration;

use wasm_agent::modules::{ModuleRequest, PullPolicy};

use crate::image::{Image, registry};
use crate::server::{Reply, Server};
use crate::support::{Agent, eventually, module, pinned, request, sha256};

fn versioned(url: &str, policy: PullPolicy, version: &str) -> ModuleRequest {
    ModuleRequest {
        pull_policy: policy,
        resource_version: version.to_owned(),
        ..request(url)
    }
}

#[tokio::test]
async fn lines_1_and_2_a_module_over_http_is_downloaded_once() {
    let (agent, wasm) = (Agent::start().await, module("m"));
    let server = Server::of(&wasm).await;
    let wanted = pinned(server.url("/m.wasm"), sha256(&wasm));
    let first = agent.obtain(&wanted).await.unwrap();
    assert_eq!(agent.files(), [format!("{}.wasm", sha256(&wasm))]);
    assert_eq!(agent.metric("istio_agent_wasm_cache_entries"), 1);
    assert_eq!(
        agent.metric("istio_agent_wasm_cache_lookup_count{hit=\"false\"}"),
        1
    );
    let second = agent.obtain(&wanted).await.unwrap();
    assert_eq!(second.path, first.path);
    assert_eq!(server.count(), 1);
    assert_eq!(
        agent.metric("istio_agent_wasm_cache_lookup_count{hit=\"true\"}"),
        1
    );
    assert_eq!(
        agent.metric("istio_agent_wasm_remote_fetch_count{result=\"success\"}"),
        1
    );
}

#[tokio::test]
async fn lines_3_and_4_urls_that_lead_nowhere() {
    let agent = Agent::with(|options| options.backoff.longest = Duration::from_millis(1)).await;
    assert_eq!(
        agent.refusal(&request("foo://abc")).await,
        "unsupported Wasm module downloading URL scheme: foo"
    );
    let text = agent.refusal(&request("https://-invalid-url")).await;
    let expected =
        "wasm module download failed after 5 attempts, last error: Get \"https://-invalid-url/\": ";
    assert_eq!(&text[..expected.len()], expected, "{text}");
}

#[tokio::test]
async fn line_5_another_checksum_keeps_nothing() {
    let (agent, wasm) = (Agent::start().await, module("m"));
    let server = Server::of(&wasm).await;
    let url = server.url("/m.wasm");
    let (actual, expected) = (sha256(&wasm), sha256(b"other"));
    assert_eq!(
        agent
            .refusal(&pinned(url.as_str(), expected.as_str()))
            .await,
        format!(
            "module downloaded from {url} has checksum {actual}, which does not match: {expected}"
        )
    );
    assert_eq!(agent.files(), [""; 0]);
    assert_eq!(server.count(), 1);
    assert_eq!(
        agent.metric("istio_agent_wasm_remote_fetch_count{result=\"checksum_mismatched\"}"),
        1
    );
}

#[tokio::test]
async fn line_6_a_checksum_that_another_url_gave_proves_nothing() {
    let (agent, one, two) = (Agent::start().await, module("1"), module("2"));
    let (first, second) = (Server::of(&one).await, Server::of(&two).await);
    agent
        .obtain(&pinned(first.url("/m"), sha256(&one)))
        .await
        .unwrap();
    let url = second.url("/m");
    assert_eq!(
        agent.refusal(&pinned(url.as_str(), sha256(&one))).await,
        format!(
            "module downloaded from {url} has checksum {}, which does not match: {}",
            sha256(&two),
            sha256(&one)
        )
    );
    assert_eq!(second.count(), 1);
    assert_eq!(agent.files(), [format!("{}.wasm", sha256(&one))]);
}

#[tokio::test]
async fn line_7_what_is_no_module_is_refused_under_the_right_checksum() {
    let (agent, server) = (Agent::start().await, Server::of(b"no module").await);
    let url = server.url("/m.wasm");
    assert_eq!(
        agent
            .refusal(&pinned(url.as_str(), sha256(b"no module")))
            .await,
        format!(
            "fetched Wasm binary from {url} is invalid: it starts with \"no module\", not with the magic of Wasm"
        )
    );
    assert_eq!(agent.files(), [""; 0]);
    assert_eq!(
        agent.metric("istio_agent_wasm_remote_fetch_count{result=\"fetch_failure\"}"),
        1
    );
}

#[tokio::test]
async fn lines_8_and_22_an_expired_module_is_gone_with_all_that_names_it() {
    let agent = Agent::with(|options| {
        options.expiry = Duration::from_millis(1);
        options.purge_interval = Duration::from_millis(1);
    })
    .await;
    let (server, _store) = registry("v1", &Image::of_module(&module("m"))).await;
    drop(agent.obtain(&request(server.oci("m:v1"))).await.unwrap());
    eventually("the cache is empty", || {
        let sources = std::fs::read_dir(agent.folder.path().join("cache/sources")).unwrap();
        let records = sources.filter(|entry| entry.as_ref().unwrap().path().extension().is_some());
        agent.files().is_empty()
            && records.count() == 0
            && agent.metric("istio_agent_wasm_cache_entries") == 0
            && agent.modules.list().is_empty()
    })
    .await;
    // What is forgotten is asked for again, whatever the tag means by now.
    let before = server.count();
    agent.obtain(&request(server.oci("m:v1"))).await.unwrap();
    assert!(server.count() > before);
}

#[tokio::test]
async fn lines_9_to_11_a_tag_and_the_digests_that_may_be_its_checksum() {
    let (agent, wasm) = (Agent::start().await, module("m"));
    let image = Image::of_module(&wasm);
    let (server, _store) = registry("v1", &image).await;
    let url = server.oci("m:v1");
    agent.obtain(&request(url.as_str())).await.unwrap();
    assert_eq!(agent.files(), [format!("{}.wasm", sha256(&wasm))]);
    let requests = server.count();
    for checksum in [image.digest(), sha256(&wasm), image.digest().to_uppercase()] {
        agent.obtain(&pinned(url.as_str(), checksum)).await.unwrap();
    }
    assert_eq!(server.count(), requests);
    for checksum in [image.digest(), sha256(&wasm)] {
        Agent::start()
            .await
            .obtain(&pinned(url.as_str(), checksum))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn line_13_a_manifest_that_is_known_needs_no_layer() {
    let agent = Agent::start().await;
    let (server, store) = registry("v1", &Image::of_module(&module("m"))).await;
    agent.obtain(&request(server.oci("m:v1"))).await.unwrap();
    store.push("v2", &Image::of_module(&module("m")));
    let requests = server.count();
    agent.obtain(&request(server.oci("m:v2"))).await.unwrap();
    let paths: Vec<_> = server.seen()[requests..]
        .iter()
        .map(|seen| seen.path.clone())
        .collect();
    assert_eq!(paths, ["/v2/m/manifests/v2"]);
}

#[tokio::test]
async fn line_14_a_url_with_the_digest_of_what_is_cached() {
    let (agent, image) = (Agent::start().await, Image::of_module(&module("m")));
    let (server, _store) = registry("v1", &image).await;
    agent.obtain(&request(server.oci("m:v1"))).await.unwrap();
    let requests = server.count();
    agent
        .obtain(&request(
            server.oci(&format!("m@sha256:{}", image.digest())),
        ))
        .await
        .unwrap();
    assert_eq!(server.count(), requests);
}

/// Lines 12 and 15 to 21: after a first pull, a second request and whether the registry is asked again.
#[tokio::test]
async fn lines_12_and_15_to_21_when_a_registry_is_asked_again() {
    use PullPolicy::{Always, IfNotPresent, Unspecified};
    for (line, tag, policy, version, is_pinned, is_asked) in [
        (12, "v1", Unspecified, "2", false, false),
        (15, "v1", Always, "2", false, true),
        (16, "v1", Always, "1", false, false),
        (17, "v1", IfNotPresent, "2", false, false),
        (18, "v1", Always, "2", true, false),
        (19, "latest", Unspecified, "2", false, true),
        (20, "latest", Unspecified, "2", true, false),
        (21, "latest", IfNotPresent, "2", false, false),
    ] {
        let (agent, image) = (Agent::start().await, Image::of_module(&module("m")));
        let (server, _store) = registry(tag, &image).await;
        let url = server.oci(&format!("m:{tag}"));
        agent.obtain(&versioned(&url, policy, "1")).await.unwrap();
        let requests = server.count();
        let mut again = versioned(&url, policy, version);
        again.sha256 = is_pinned.then(|| image.digest());
        agent.obtain(&again).await.unwrap();
        assert_eq!(server.count() > requests, is_asked, "line {line}");
        // The version is recorded now: it is not asked a second time.
        let requests = server.count();
        agent.obtain(&again).await.unwrap();
        assert_eq!(server.count(), requests, "line {line}, again");
    }
}

#[tokio::test]
async fn a_url_without_a_tag_means_latest() {
    let agent = Agent::start().await;
    let (server, _store) = registry("latest", &Image::of_module(&module("m"))).await;
    let url = server.oci("m");
    agent
        .obtain(&versioned(&url, PullPolicy::Unspecified, "1"))
        .await
        .unwrap();
    let requests = server.count();
    agent
        .obtain(&versioned(&url, PullPolicy::Unspecified, "2"))
        .await
        .unwrap();
    assert!(server.count() > requests);
}

#[tokio::test]
async fn line_23_no_time_no_request() {
    let agent = Agent::start().await;
    let (server, _store) = registry("v1", &Image::of_module(&module("m"))).await;
    let hurried = ModuleRequest {
        timeout: Some(Duration::ZERO),
        ..request(server.oci("m:v1"))
    };
    assert_eq!(
        agent.refusal(&hurried).await,
        "wasm module download failed after 0 attempts within 0s, last error: no answer yet"
    );
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn line_24_a_digest_that_is_neither_keeps_nothing() {
    let (agent, wasm) = (Agent::start().await, module("m"));
    let (server, _store) = registry("v1", &Image::of_module(&wasm)).await;
    let url = server.oci("m:v1");
    let (actual, expected) = (sha256(&wasm), sha256(b"other"));
    assert_eq!(
        agent
            .refusal(&pinned(url.as_str(), expected.as_str()))
            .await,
        format!(
            "module downloaded from {url} has checksum {actual}, which does not match: {expected}"
        )
    );
    assert_eq!(agent.files(), [""; 0]);
}

/// `TestWasmCachePolicyChangesUsingHTTP`.
#[tokio::test]
async fn pull_policies_over_http() {
    use PullPolicy::{Always, IfNotPresent, Unspecified};
    let (agent, server) = (
        Agent::start().await,
        Server::start(|_| Reply::body(module("m"))).await,
    );
    for (path, policy, version, requests) in [
        ("/1", Unspecified, "1", 1),
        ("/1", Unspecified, "2", 1),
        ("/1", IfNotPresent, "3", 1),
        ("/1", Always, "3", 1),
        ("/1", Always, "4", 2),
        ("/2", Always, "4", 3),
    ] {
        agent
            .obtain(&versioned(&server.url(path), policy, version))
            .await
            .unwrap();
        assert_eq!(server.count(), requests, "{path} {policy:?} {version}");
    }
}

#[tokio::test]
async fn checksums_may_be_missing_or_must_not() {
    let wasm = module("m");
    let server = Server::of(&wasm).await;
    let url = server.url("/m");
    for missing in [None, Some(""), Some("nil")] {
        let wanted = ModuleRequest {
            sha256: missing.map(str::to_owned),
            ..request(url.as_str())
        };
        Agent::start().await.obtain(&wanted).await.unwrap();
        let strict = Agent::with(|options| options.require_checksum = true).await;
        assert_eq!(
            strict.refusal(&wanted).await,
            format!(
                "{url} has no checksum: give `sha256`, or start the agent without `--require-checksum`"
            )
        );
        strict
            .obtain(&pinned(url.as_str(), sha256(&wasm).to_uppercase()))
            .await
            .unwrap();
    }
}
