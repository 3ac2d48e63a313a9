//! Requests that are held, of every kind: each gets an answer or goes away, and none passes unverified.

use super::{BCRYPT_10, Live, ask, request, send};
use basic_auth_tests::fixture::{basic, plugin};
use std::{
    io::Write as _,
    net::{SocketAddr, TcpStream},
    thread,
};
use tokio::{runtime, task::JoinSet};
use xtask::http::{self, Answer, Client, Protocol};

const RIGHT: &str = "alice:open sesame";

/// 30 MB.
const BODY: usize = 30_000_000;

/// How much more Envoy may have allocated while a body of 30 MB is held.
const MORE_ALLOCATED: u64 = 8_000_000;

/// A check takes longer than a request may wait.
const SCARCE: &str =
    r#"{"share_percent": 1, "burst_ms": 1, "client_share_percent": 100, "max_wait_ms": 3000}"#;

const AMPLE: &str = r#"{"share_percent": 100, "burst_ms": 10000, "client_share_percent": 100}"#;

/// The check of a right password takes more than a second.
const LEISURELY: &str =
    r#"{"share_percent": 5, "burst_ms": 1, "client_share_percent": 100, "max_wait_ms": 60000}"#;

fn configuration(budget: &str, more: &str) -> String {
    format!(
        r#"{{"verification_budget": {budget}, "users": "alice:{BCRYPT_10}{more}",
            "basic_auth_rules": [{{"path_separated_prefix": "/a"}}]}}"#
    )
}

fn start() -> Live {
    let others = [
        ("scarce", SCARCE),
        ("ample", AMPLE),
        ("stopping", AMPLE),
        ("stopping-scarce", SCARCE),
    ];
    let others = others.map(|(name, budget)| plugin(name, &configuration(budget, "")));
    Live::start(&configuration(LEISURELY, ""), others.into())
}

/// A POST with a body of 30 MB.
fn large(credentials: &str) -> Vec<u8> {
    let head = request("POST", credentials, &format!("content-length: {BODY}\r\n"));
    [head.as_bytes(), &vec![b'x'; BODY]].concat()
}

/// A POST in chunks, with a trailer.
fn with_trailer(credentials: &str) -> Vec<u8> {
    let fields = "transfer-encoding: chunked\r\ntrailer: x-sum\r\n";
    let head = request("POST", credentials, fields);
    let body = "5\r\nhello\r\n0\r\nx-sum: 1\r\n\r\n";
    [head.as_bytes(), body.as_bytes()].concat()
}

fn upgrade(credentials: &str) -> Vec<u8> {
    let fields = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
        sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    request("GET", credentials, fields).into_bytes()
}

fn grpc(address: SocketAddr, credentials: &str) -> Answer {
    let request = ::http::Request::post("http://example.com/a/Method")
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("authorization", basic(credentials))
        .body(())
        .expect("a request");
    http::send(address, Protocol::Http2, request).expect("an answer")
}

#[test]
fn held_requests_of_every_kind_are_answered_and_none_passes_unverified() {
    let mut live = start();
    refused_in_the_end(&live);
    accepted_in_the_end(&live);
    others_go_on_meanwhile(&live);
    gone_meanwhile(&mut live);
    updated_and_drained_meanwhile(&live);
    live.assert_no_trap();
}

fn allocated(live: &Live) -> u64 {
    let answer = live.envoy.proxy.envoy.ask_admin("/memory");
    let answer: serde_json::Value =
        serde_json::from_slice(&answer.expect("an answer").body).expect("JSON");
    let allocated = answer["allocated"].as_str();
    allocated.expect("a number").parse().expect("a number")
}

fn refused_in_the_end(live: &Live) {
    let (before, memory) = (live.requests_upstream(), allocated(live));
    for listener in ["scarce", "stopping-scarce"] {
        let address = live.address(listener);
        thread::scope(|scope| {
            let bodies = scope.spawn(move || {
                // Not stopped at the fields, Envoy buffers what follows, up to a limit.
                let answer = send(address, &large("alice:large"));
                assert!(matches!(answer.status, 401 | 413 | 503), "{answer:?}");
            });
            for octets in [with_trailer("alice:trailer"), upgrade("alice:upgrade")] {
                scope.spawn(move || {
                    let answer = send(address, &octets);
                    assert!(matches!(answer.status, 401 | 503), "{answer:?}");
                });
            }
            scope.spawn(move || {
                let answer = grpc(address, "alice:grpc");
                let status = answer.header("grpc-status");
                assert!(matches!(status, Some("14" | "16")), "{answer:?}");
            });
            while !bodies.is_finished() {
                let now = allocated(live);
                assert!(now < memory + MORE_ALLOCATED, "{memory}, then {now}");
            }
        });
    }
    assert_eq!(live.requests_upstream(), before, "one passed");
}

fn accepted_in_the_end(live: &Live) {
    for listener in ["ample", "stopping"] {
        let address = live.address(listener);
        // Wrong ones first: these are held and denied.
        assert_eq!(ask(address, "alice:wrong"), 401);
        assert_eq!(send(address, &with_trailer("bob:x")).status, 401);
    }
    let address = live.address("ample");
    for (octets, received) in [(large(RIGHT), BODY), (with_trailer(RIGHT), 5)] {
        let answer = send(address, &octets);
        let body = String::from_utf8_lossy(&answer.body);
        assert_eq!(answer.status, 200, "{received}: {answer:?}");
        assert!(
            body.contains(&format!("\"body_bytes\":{received}")),
            "{received}: {answer:?}"
        );
    }
    // The upstream was asked, and speaks no WebSocket.
    let upgraded = send(address, &upgrade(RIGHT));
    let details = upgraded.header("x-response-code-details");
    assert_eq!(details, Some("websocket_handshake_unsuccessful"));
    assert_eq!(grpc(address, RIGHT).status, 200);
    assert_eq!(
        send(live.address("stopping"), &with_trailer(RIGHT)).status,
        200
    );
}

/// Over one connection, and so on one worker.
fn others_go_on_meanwhile(live: &Live) {
    let address = live.address("ample");
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let order = runtime.expect("a runtime").block_on(async {
        let client = Client::connect(address, Protocol::Http2).await;
        let mut client = client.expect("a connection");
        let mut answers = JoinSet::new();
        for (path, credentials) in [("/a", "alice:another guess"), ("/b", "nobody:x")] {
            let request = ::http::Request::get(format!("http://example.com{path}"))
                .header("authorization", basic(credentials))
                .body(())
                .expect("a request");
            let answer = client.send(request);
            answers.spawn(async move { answer.await.expect("an answer").status });
        }
        answers.join_all().await
    });
    assert_eq!(order, [200, 401], "the one that needs no check comes first");
}

fn gone_meanwhile(live: &mut Live) {
    let address = live.address("scarce");
    let mut gone = TcpStream::connect(address).expect("a connection");
    let octets = request("GET", "alice:gone", "");
    gone.write_all(octets.as_bytes()).expect("sent");
    drop(gone);
    live.wait_for_counter("verifications.abandoned", 1);
}

fn updated_and_drained_meanwhile(live: &Live) {
    let address = live.address("main");
    let held = |credentials: &'static str| {
        let waited = live.counter("verifications.waited");
        let answer = thread::spawn(move || ask(address, credentials));
        while live.counter("verifications.waited") == waited && !answer.is_finished() {}
        answer
    };
    let (right, wrong) = (held(RIGHT), held("alice:wrong"));
    let more = "\\nbob:{PLAIN}word";
    live.ecds.publish(&configuration(LEISURELY, more), "one", 2);
    while ask(address, "bob:word") != 200 {}
    assert_eq!(right.join().expect("an answer"), 200);
    assert_eq!(wrong.join().expect("an answer"), 401);

    let wrong = held("alice:one more");
    let drain = ::http::Request::post(format!(
        "http://{}/drain_listeners?graceful&skip_exit",
        live.envoy.proxy.envoy.admin()
    ));
    let drain = drain.body(()).expect("a request");
    let drained = http::send(live.envoy.proxy.envoy.admin(), Protocol::Http1, drain);
    assert_eq!(drained.expect("an answer").status, 200);
    assert_eq!(wrong.join().expect("an answer"), 401);
}
