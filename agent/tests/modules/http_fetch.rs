//! Section 4.2: module servers, their failures, and what a module is packed in.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use wasm_agent::modules::{ModuleRequest, TransferError};

use crate::server::{Reply, Server};
use crate::support::{Agent, eventually, gzip, module, pinned, request, sha256, tar, zstd};

/// A server that gives each of `replies` once, and then the module `m`.
async fn failing_first(replies: Vec<Reply>) -> Server {
    let served = AtomicUsize::new(0);
    Server::start(move |_| {
        let place = served.fetch_add(1, Ordering::SeqCst);
        replies
            .get(place)
            .cloned()
            .unwrap_or_else(|| Reply::body(module("m")))
    })
    .await
}

#[tokio::test]
async fn failures_that_pass_are_tried_again() {
    for (replies, requests) in [
        (vec![], 1),
        (vec![Reply::status(500); 3], 4),
        (vec![Reply::status(429)], 2),
        (vec![Reply::status(408)], 2),
        (
            vec![Reply::status(503), Reply::status(502), Reply::status(504)],
            4,
        ),
        (vec![Reply::cut(module("m"))], 2),
    ] {
        let (agent, server) = (Agent::start().await, failing_first(replies.clone()).await);
        let file = agent.obtain(&request(server.url("/m.wasm"))).await.unwrap();
        assert_eq!(std::fs::read(&file.path).unwrap(), module("m"));
        assert_eq!(server.count(), requests, "{replies:?}");
        let retries = agent.metric("istio_agent_wasm_remote_fetch_retry_count");
        assert_eq!(retries, requests as u64 - 1);
    }
}

#[tokio::test]
async fn failures_that_do_not_pass_are_not_tried_again() {
    for status in [201, 204, 206, 304, 400, 401, 403, 404, 501, 505, 511] {
        let agent = Agent::start().await;
        let server = Server::start(move |_| Reply::status(status)).await;
        let url = server.url("/m.wasm");
        let expected = format!(
            "wasm module download failed after 1 attempts, last error: Get \"{url}\": \
             wasm module download request failed: status code {status}"
        );
        assert_eq!(agent.refusal(&request(url)).await, expected);
        assert_eq!(server.count(), 1);
        assert_eq!(
            agent.metric("istio_agent_wasm_remote_fetch_count{result=\"download_failure\"}"),
            1
        );
        assert_eq!(
            agent.metric("istio_agent_wasm_remote_fetch_failure_count{cause=\"status\"}"),
            1
        );
    }
}

#[tokio::test]
async fn a_server_that_always_fails_is_given_up_after_all_attempts() {
    let (agent, server) = (
        Agent::start().await,
        Server::start(|_| Reply::status(500)).await,
    );
    let url = server.url("/m.wasm");
    let expected = format!(
        "wasm module download failed after 5 attempts, last error: Get \"{url}\": \
         wasm module download request failed: status code 500"
    );
    assert_eq!(agent.refusal(&request(url)).await, expected);
    assert_eq!(server.count(), 5);
}

#[tokio::test]
async fn no_request_is_sent_when_the_time_is_up_before_it_begins() {
    let (agent, server) = (Agent::start().await, Server::of(&module("m")).await);
    let hurried = ModuleRequest {
        timeout: Some(Duration::ZERO),
        ..request(server.url("/m.wasm"))
    };
    assert_eq!(
        agent.refusal(&hurried).await,
        "wasm module download failed after 0 attempts within 0s, last error: no answer yet"
    );
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn a_server_that_hangs_is_tried_again_until_the_time_is_up() {
    let agent = Agent::with(|options| options.request_timeout = Duration::from_millis(100)).await;
    let server = Server::start(|_| Reply::hang()).await;
    let url = server.url("/m.wasm");
    let expected = format!(
        "wasm module download failed after 5 attempts, last error: Get \"{url}\": no complete answer within 0.1s"
    );
    assert_eq!(agent.refusal(&request(url.as_str())).await, expected);

    let hurried = ModuleRequest {
        timeout: Some(Duration::from_millis(150)),
        ..request(url.as_str())
    };
    let expected = format!(
        "wasm module download failed after 2 attempts within 0.15s, last error: Get \"{url}\": no complete answer within 0.1s"
    );
    assert_eq!(agent.refusal(&hurried).await, expected);
    eventually("the download is given up", || {
        agent.metric("istio_agent_wasm_remote_fetches_in_flight") == 0
    })
    .await;
}

#[tokio::test]
async fn retry_after_is_heeded() {
    let replies = vec![Reply::status(429).header("retry-after", "1")];
    let (agent, server) = (Agent::start().await, failing_first(replies).await);
    let begin = Instant::now();
    agent.obtain(&request(server.url("/m.wasm"))).await.unwrap();
    assert!(
        begin.elapsed() >= Duration::from_secs(1),
        "{:?}",
        begin.elapsed()
    );

    let server = Server::start(|_| Reply::status(503).header("retry-after", "7")).await;
    let agent = Agent::with(|options| options.max_attempts = 1).await;
    let error = agent
        .obtain(&request(server.url("/m.wasm")))
        .await
        .unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_a_connection_failure() {
    let agent = Agent::with(|options| options.max_attempts = 2).await;
    let server = Server::of(b"").await;
    let url = server.url("/m.wasm");
    drop(server);
    let expected = format!(
        "wasm module download failed after 2 attempts, last error: Get \"{url}\": Connection refused (os error 111)"
    );
    assert_eq!(agent.refusal(&request(url)).await, expected);
}

#[tokio::test]
async fn a_module_is_the_same_whatever_it_is_packed_in() {
    let wasm = module("packed");
    let other = module("other");
    for (name, body) in [
        ("plain", wasm.clone()),
        ("tar", tar(&[("a.wasm", &wasm)])),
        ("gzip", gzip(&wasm)),
        ("zstd", zstd(&wasm)),
        ("tar.gz", gzip(&tar(&[("a.wasm", &wasm)]))),
        ("tar.zst", zstd(&tar(&[("a.wasm", &wasm)]))),
        ("gzip in gzip", gzip(&gzip(&wasm))),
        (
            "gzip of two members",
            [gzip(&wasm[..20]), gzip(&wasm[20..])].concat(),
        ),
        (
            "zstd of two frames",
            [zstd(&wasm[..20]), zstd(&wasm[20..])].concat(),
        ),
        (
            "tar, first file without a name for it",
            tar(&[("some/file", &wasm), ("b", &other)]),
        ),
        (
            "tar, *.wasm before others",
            tar(&[("README", b"text"), ("a.wasm", &wasm), ("b.wasm", &other)]),
        ),
        (
            "tar, plugin.wasm before others",
            tar(&[("a.wasm", &other), ("./x/plugin.wasm", &wasm)]),
        ),
    ] {
        let (agent, server) = (Agent::start().await, Server::of(&body).await);
        // Neither the name nor the type says what it is.
        let file = agent
            .obtain(&pinned(server.url("/m.zip"), sha256(&wasm)))
            .await;
        let file = file.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(std::fs::read(&file.path).unwrap(), wasm, "{name}");
        assert_eq!(
            (file.checksum, file.size),
            (sha256(&wasm), wasm.len() as u64)
        );
    }
}

#[tokio::test]
async fn user_information_becomes_authorization_and_shows_nowhere() {
    let (agent, server) = (
        Agent::start().await,
        Server::start(|_| Reply::status(403)).await,
    );
    let url = format!(
        "http://user:pass%40word@{}/m.wasm?token=hidden",
        server.address
    );
    let error = agent.obtain(&request(&url)).await.unwrap_err();
    let shown = server.url("/m.wasm");
    assert_eq!(
        error.to_string(),
        format!(
            "wasm module download failed after 1 attempts, last error: Get \"{shown}\": \
             wasm module download request failed: status code 403"
        )
    );
    let seen = server.seen();
    assert_eq!(seen[0].authorization(), "Basic dXNlcjpwYXNzQHdvcmQ=");
    assert_eq!(seen[0].path, "/m.wasm?token=hidden");
    assert_eq!(agent.modules.list()[0].url, shown);
    for text in [
        format!("{error:?}"),
        format!("{:?}", request(&url)),
        format!("{:?}", agent.modules.list()),
    ] {
        assert!(
            !text.contains("hidden") && !text.contains("pass") && !text.contains("user:"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn credentials_and_query_stay_with_their_host() {
    let target = Server::of(&module("m")).await;
    let to = target.url("/there.wasm");
    let server = Server::start(move |seen| match seen.path.as_str() {
        "/here.wasm?q=1" => Reply::redirect("/own.wasm"),
        _ => Reply::redirect(&to),
    })
    .await;
    let agent = Agent::start().await;
    agent
        .obtain(&request(format!(
            "http://u:p@{}/here.wasm?q=1",
            server.address
        )))
        .await
        .unwrap();
    let basic = "Basic dTpw";
    let seen: Vec<_> = server
        .seen()
        .iter()
        .map(|seen| (seen.path.clone(), seen.authorization().to_owned()))
        .collect();
    assert_eq!(
        seen,
        [
            ("/here.wasm?q=1".to_owned(), basic.to_owned()),
            ("/own.wasm".to_owned(), basic.to_owned())
        ]
    );
    let [seen] = &target.seen()[..] else {
        panic!("not one request")
    };
    assert_eq!(
        (seen.path.as_str(), seen.authorization()),
        ("/there.wasm", "")
    );
    assert_eq!(seen.headers.get("referer"), None);
}

#[tokio::test]
async fn a_redirect_loop_ends_with_one_error() {
    let (agent, server) = (
        Agent::start().await,
        Server::start(|_| Reply::redirect("/again")).await,
    );
    let url = server.url("/m.wasm");
    let error = agent.obtain(&request(url.as_str())).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "wasm module download failed after 1 attempts, last error: Get \"{url}\": more than 10 redirects"
        )
    );
    assert_eq!(server.count(), 11);
    let wasm_agent::modules::ObtainError::Download {
        cause: TransferError::Refused { .. },
        ..
    } = error
    else {
        panic!("{error:?}");
    };
}
