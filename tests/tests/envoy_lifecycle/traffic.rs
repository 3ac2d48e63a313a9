//! Requests that no well-behaved client sends, and those of gRPC.

use super::{GOOD, Live, WRONG, assert_at_work, get};
use xtask::http::{self, Answer, Protocol};

/// Fields that Envoy or the module read, and one that nobody does.
const FIELDS: [&str; 16] = [
    "authorization",
    "proxy-authorization",
    "host",
    "cookie",
    "user-agent",
    "referer",
    "content-type",
    "accept",
    "origin",
    "access-control-request-method",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-envoy-original-path",
    "x-request-id",
    "te",
    "x-nobody-reads-this",
];

#[test]
fn the_octet_ff_in_any_field_leaves_the_worker_at_work() {
    let live = Live::start();
    let authorization = format!("authorization: {GOOD}\r\n");
    for name in FIELDS {
        for value in [&b"\xff"[..], b"a\xffb", b"Basic \xff\xfe", b"\xc3\x28"] {
            let field = [name.as_bytes(), b": ", value, b"\r\n"].concat();
            for fields in [&[&field[..]][..], &[authorization.as_bytes(), &field[..]]] {
                let answer = get(live.address, b"/", fields);
                assert_sound(&answer, &format!("{name}: {value:x?}"));
            }
            assert_at_work(live.address);
        }
    }
    assert_no_trap(&live);
}

#[test]
fn any_octet_in_target_and_host_leaves_the_worker_at_work() {
    let live = Live::start();
    for octet in 0..=255_u8 {
        // A line feed ends the line, whatever stands before it: that is another request.
        if octet == b'\n' {
            continue;
        }
        let path = [b"/a", &[octet][..], b"b?c"].concat();
        assert_sound(
            &get(live.address, &path, &[]),
            &format!("{octet:#x} in the path"),
        );
        let host = [b"GET / HTTP/1.1\r\nhost: a", &[octet][..], b"b\r\n\r\n"].concat();
        let answer = http::send_octets(live.address, &host);
        let answer = answer.unwrap_or_else(|error| panic!("{error:#}"));
        assert_sound(&answer, &format!("{octet:#x} in the host"));
    }
    assert_at_work(live.address);
    assert_no_trap(&live);
}

#[test]
fn grpc_is_denied_in_its_own_terms_and_let_through() {
    let live = Live::start();
    let call = |credentials: Option<&str>| {
        let mut request = ::http::Request::post("http://example.com/package.Service/Method")
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        if let Some(credentials) = credentials {
            request = request.header("authorization", credentials);
        }
        let request = request.body(()).expect("a request");
        http::send(live.address, Protocol::Http2, request).expect("an answer")
    };
    for credentials in [None, Some(WRONG)] {
        let denied = call(credentials);
        // gRPC over HTTP/2: UNAUTHENTICATED is 16, and the HTTP status stays 200.
        assert_eq!(
            (denied.status, denied.header("grpc-status")),
            (200, Some("16")),
            "{denied:?}"
        );
        assert!(denied.body.is_empty(), "{denied:?}");
    }
    let passed = call(Some(GOOD));
    assert_eq!(
        (passed.status, passed.header("grpc-status")),
        (200, None),
        "{passed:?}"
    );
    assert!(
        String::from_utf8_lossy(&passed.body).contains("/package.Service/Method"),
        "{passed:?}"
    );
}

/// Envoy may refuse what is malformed and the module what has no credentials. 503 would be a
/// worker without its VM, and 200 without credentials an open door.
fn assert_sound(answer: &Answer, what: &str) {
    let is_grpc_denial = answer.header("grpc-status").is_some();
    let is_sound = matches!(answer.status, 200 | 400 | 401) && !is_grpc_denial;
    assert!(is_sound, "{what}: {answer:?}");
}

fn assert_no_trap(live: &Live) {
    let log = live.envoy.proxy.log();
    for sign in ["in-VM backtrace", "RuntimeError", "Wasm VM failed"] {
        let line = log.find(sign);
        assert!(line.is_none(), "the module trapped: {line:?}");
    }
    assert_eq!(live.envoy.proxy.statistic("wasm.main.vm_reload_success"), 0);
    assert_eq!(live.envoy.proxy.statistic("wasm.main.vm_reload_backoff"), 0);
}
