//! Registries that differ: challenges, tokens, statuses. Each server is a registry in one dialect.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use wasm_agent::modules::{Cause, ModuleRequest};

use crate::image::{Image, Store};
use crate::server::{Reply, Seen, Server};
use crate::support::{Agent, module, request, sha256};

/// `user:password` for the host of `server`.
pub(crate) fn secret(server: &Server, user: &str, password: &str) -> Vec<u8> {
    let entry = serde_json::json!({"username": user, "password": password});
    serde_json::json!({"auths": {server.address.to_string(): entry}})
        .to_string()
        .into_bytes()
}

fn with_secret(server: &Server, user: &str, password: &str) -> ModuleRequest {
    ModuleRequest {
        pull_secret: Some(secret(server, user, password)),
        ..request(server.oci("p/m:v1"))
    }
}

/// `u:p`
const BASIC: &str = "Basic dTpw";

fn store() -> Store {
    let store = Store::default();
    store.push("v1", &Image::of_module(&module("m")));
    store
}

/// A registry that answers with `challenges` unless `is_right` says that the credentials are.
async fn guarded(
    challenges: &'static [&str],
    is_right: impl Fn(&Seen) -> bool + Send + Sync + 'static,
) -> Server {
    let store = store();
    Server::start(move |seen| {
        if is_right(seen) {
            return store.answer(seen);
        }
        challenges
            .iter()
            .fold(Reply::status(401), |reply, challenge| {
                reply.header("www-authenticate", *challenge)
            })
    })
    .await
}

/// A registry with its own token service at `/token`, whose answer is `tokens`, with `challenge` in which `{}` is its
/// address.
async fn with_tokens(challenge: &'static str, tokens: &'static str, right: &'static str) -> Server {
    let store = store();
    let address = Arc::new(std::sync::OnceLock::new());
    let own = Arc::clone(&address);
    let server = Server::start(move |seen| {
        if seen.path.starts_with("/token") {
            return Reply::body(tokens);
        }
        if seen.authorization() == right {
            return store.answer(seen);
        }
        let challenge = challenge.replace("{}", own.get().map_or("", String::as_str));
        Reply::status(401).header("www-authenticate", challenge)
    })
    .await;
    address.set(server.address.to_string()).unwrap();
    server
}

#[tokio::test]
async fn basic_is_sent_only_when_asked_for() {
    let server = guarded(&["Basic realm=\"Registry Realm\""], |seen| {
        seen.authorization() == BASIC
    })
    .await;
    let agent = Agent::start().await;
    agent.obtain(&with_secret(&server, "u", "p")).await.unwrap();
    assert_eq!(server.seen()[0].authorization(), "");
    assert_eq!(server.seen()[1].authorization(), BASIC);
}

#[tokio::test]
async fn a_registry_that_answers_400_to_basic_gets_none() {
    let challenge = "Bearer realm=\"http://{}/token\",service=\"ecr\"";
    let store = store();
    let address = Arc::new(std::sync::OnceLock::new());
    let own = Arc::clone(&address);
    let server = Server::start(move |seen| match seen.authorization() {
        _ if seen.path.starts_with("/token") => Reply::body(r#"{"token":"t"}"#),
        "Bearer t" => store.answer(seen),
        "" => Reply::status(401).header(
            "www-authenticate",
            challenge.replace("{}", own.get().map_or("", String::as_str)),
        ),
        _ => Reply::status(400),
    })
    .await;
    address.set(server.address.to_string()).unwrap();
    Agent::start()
        .await
        .obtain(&with_secret(&server, "u", "p"))
        .await
        .unwrap();
}

#[tokio::test]
async fn tokens_in_every_dialect() {
    for (name, challenge, tokens, query) in [
        (
            "token",
            "Bearer realm=\"http://{}/token\",service=\"s\",scope=\"repository:p/m:pull\"",
            r#"{"token":"t","expires_in":60}"#,
            "/token?service=s&scope=repository%3Ap%2Fm%3Apull",
        ),
        (
            "access_token",
            "Bearer realm=\"http://{}/token\",service=\"s\",scope=\"repository:p/m:pull\"",
            r#"{"access_token":"t"}"#,
            "/token?service=s&scope=repository%3Ap%2Fm%3Apull",
        ),
        (
            "an empty token beside an access_token",
            "Bearer realm=\"http://{}/token\",service=\"s\",scope=\"repository:p/m:pull\"",
            r#"{"token":"","access_token":"t"}"#,
            "/token?service=s&scope=repository%3Ap%2Fm%3Apull",
        ),
        (
            "no scope, no service",
            "Bearer realm=\"http://{}/token\"",
            r#"{"token":"t","access_token":"t"}"#,
            "/token?scope=repository%3Ap%2Fm%3Apull",
        ),
        (
            "a realm with a query, after another challenge",
            "Negotiate, bearer scope=\"x\" , realm=\"http://{}/token?a=b\"",
            r#"{"token":"t"}"#,
            "/token?a=b&scope=x",
        ),
    ] {
        let server = with_tokens(challenge, tokens, "Bearer t").await;
        let agent = Agent::start().await;
        let file = agent.obtain(&with_secret(&server, "u", "p")).await;
        assert_eq!(
            file.unwrap_or_else(|error| panic!("{name}: {error}"))
                .checksum,
            sha256(&module("m"))
        );
        let asked: Vec<_> = server
            .seen()
            .into_iter()
            .filter(|seen| seen.path.starts_with("/token"))
            .collect();
        let asked: Vec<_> = asked
            .iter()
            .map(|seen| (seen.path.as_str(), seen.authorization()))
            .collect();
        assert_eq!(asked, [(query, BASIC)], "{name}");
    }
}

#[tokio::test]
async fn a_public_repository_needs_a_token_but_no_credentials() {
    let server = with_tokens(
        "Bearer realm=\"http://{}/token\"",
        r#"{"token":"t"}"#,
        "Bearer t",
    )
    .await;
    Agent::start()
        .await
        .obtain(&request(server.oci("p/m:v1")))
        .await
        .unwrap();
    let token = server
        .seen()
        .into_iter()
        .find(|seen| seen.path.starts_with("/token"))
        .unwrap();
    assert_eq!(token.authorization(), "");
}

#[tokio::test]
async fn several_challenges_in_several_fields() {
    let challenges = &[
        "Negotiate",
        "Digest realm=\"x\", nonce=\"y\"",
        "Basic realm=\"r\"",
    ];
    let server = guarded(challenges, |seen| seen.authorization() == BASIC).await;
    Agent::start()
        .await
        .obtain(&with_secret(&server, "u", "p"))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_token_that_expires_between_manifest_and_blob_is_renewed() {
    let (store, issued) = (store(), Arc::new(AtomicUsize::new(0)));
    let address = Arc::new(std::sync::OnceLock::<String>::new());
    let own = Arc::clone(&address);
    let server = Server::start(move |seen| {
        if seen.path.starts_with("/token") {
            let number = issued.fetch_add(1, Ordering::SeqCst);
            return Reply::body(format!(r#"{{"token":"{number}"}}"#));
        }
        let right = if seen.path.contains("/blobs/") {
            "Bearer 1"
        } else {
            "Bearer 0"
        };
        if seen.authorization() == right {
            return store.answer(seen);
        }
        let realm = format!("Bearer realm=\"http://{}/token\"", own.get().unwrap());
        Reply::status(401).header("www-authenticate", realm)
    })
    .await;
    address.set(server.address.to_string()).unwrap();
    Agent::start()
        .await
        .obtain(&request(server.oci("p/m:v1")))
        .await
        .unwrap();
}

#[tokio::test]
async fn an_identity_token_is_traded_for_a_token() {
    let server = with_tokens(
        "Bearer realm=\"http://{}/token\",service=\"s\"",
        r#"{"access_token":"t"}"#,
        "Bearer t",
    )
    .await;
    let auths =
        serde_json::json!({"auths": {server.address.to_string(): {"identitytoken": "refresh"}}});
    let wanted = ModuleRequest {
        pull_secret: Some(auths.to_string().into_bytes()),
        ..request(server.oci("p/m:v1"))
    };
    Agent::start().await.obtain(&wanted).await.unwrap();
    let token = server
        .seen()
        .into_iter()
        .find(|seen| seen.path.starts_with("/token"))
        .unwrap();
    assert_eq!(
        (token.method.as_str(), token.path.as_str()),
        ("POST", "/token")
    );
    assert_eq!(
        String::from_utf8(token.body).unwrap(),
        "grant_type=refresh_token&service=s&client_id=wasm-agent&scope=repository%3Ap%2Fm%3Apull&refresh_token=refresh"
    );
}

#[tokio::test]
async fn too_many_requests_are_repeated_when_the_registry_says() {
    let (store, served) = (store(), AtomicUsize::new(0));
    let server = Server::start(move |seen| match served.fetch_add(1, Ordering::SeqCst) {
        0 => Reply::status(429).header("retry-after", "1"),
        _ => store.answer(seen),
    })
    .await;
    let begin = Instant::now();
    Agent::start()
        .await
        .obtain(&request(server.oci("p/m:v1")))
        .await
        .unwrap();
    assert!(begin.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_blob_on_another_host_is_fetched_without_credentials() {
    let store = store();
    let blobs = store.serve().await;
    let (elsewhere, own) = (blobs.url("/v2/p/m/blobs/"), store);
    let server = Server::start(move |seen| {
        if seen.authorization() != BASIC {
            return Reply::status(401).header("www-authenticate", "Basic");
        }
        match seen.path.split_once("/blobs/") {
            Some((_, digest)) => Reply::redirect(format!("{elsewhere}{digest}")),
            None => own.answer(seen),
        }
    })
    .await;
    Agent::start()
        .await
        .obtain(&with_secret(&server, "u", "p"))
        .await
        .unwrap();
    let [seen] = &blobs.seen()[..] else {
        panic!("not one request")
    };
    assert_eq!(seen.authorization(), "");
}

#[tokio::test]
async fn a_challenge_at_the_end_of_a_redirect_gets_nothing() {
    let thief = Server::start(|_| Reply::status(401).header("www-authenticate", "Basic")).await;
    let to = thief.url("/blob");
    let own = store();
    let server = Server::start(move |seen| match seen.path.contains("/blobs/") {
        true => Reply::redirect(to.as_str()),
        false => own.answer(seen),
    })
    .await;
    let wanted = with_secret(&server, "u", "p");
    let expected = format!(
        "could not fetch Wasm binary of {}: Get \"{}\": wasm module download request failed: status code 401",
        wanted.url,
        thief.url("/blob")
    );
    assert_eq!(Agent::start().await.refusal(&wanted).await, expected);
    assert_eq!(
        thief
            .seen()
            .iter()
            .map(Seen::authorization)
            .collect::<Vec<_>>(),
        [""]
    );
}

#[tokio::test]
async fn refusals_say_what_is_missing() {
    let server = guarded(&["Basic realm=\"r\""], |_| false).await;
    let (address, url) = (server.address, server.oci("p/m:v1"));
    let agent = Agent::start().await;
    for (wanted, cause) in [
        (
            request(url.as_str()),
            format!("{address} lets nobody pull p/m without credentials, and there are none"),
        ),
        (
            with_secret(&server, "u", "wrong"),
            format!("{address} refuses the credentials for p/m"),
        ),
    ] {
        let error = agent.obtain(&wanted).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("could not fetch Wasm OCI image {url}: could not fetch manifest: {cause}")
        );
        assert_eq!(error.cause(), Cause::Credentials);
    }
    assert_eq!(
        agent.metric("istio_agent_wasm_remote_fetch_count{result=\"manifest_failure\"}"),
        2
    );
}
