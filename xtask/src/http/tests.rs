//! The client against a server of this crate's, and against one that says what a test wants.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};

use super::*;
use crate::upstream::Upstream;

/// The address of a server that takes one connection, answers it with `answer` and closes it.
fn answering(answer: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut received = [0; 1024];
        let _ = stream.read(&mut received).unwrap();
        stream.write_all(answer).unwrap();
    });
    address
}

#[test]
fn octets_are_sent_as_they_are() {
    let upstream = Upstream::start().unwrap();
    let request = b"G\xffT /a b\xfe HTTP/1.1\r\nX-A:  \x01\xff \r\n\r\n";
    let answer = send_octets(upstream.address(), request).unwrap();
    let received: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(
        received,
        serde_json::json!({
            "method": "G\u{ff}T",
            "path": "/a b\u{fe}",
            "headers": [["X-A", "\u{1}\u{ff}"]],
            "body_bytes": 0,
            "trailers": [],
        })
    );
}

#[test]
fn a_target_is_sent_as_it_is_written() {
    let upstream = Upstream::start().unwrap();
    for path in ["//admin", "/%61dmin", "/public/..%2fadmin", "/a?b=%c"] {
        let answer = get(upstream.address(), path).unwrap();
        let received: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(received["path"], path);
        let host = upstream.address().to_string();
        assert_eq!(received["headers"], serde_json::json!([["host", host]]));
    }
}

#[test]
fn chunks_are_put_together() {
    let address = answering(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab\n\r\nA;x\r\n0123456789\r\n0\r\n\r\n",
    );
    let answer = send_octets(address, b"GET / HTTP/1.1\r\n\r\n").unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("transfer-encoding"), Some("chunked"));
    assert_eq!(answer.body, b"ab\n0123456789");
}

#[test]
fn an_answer_to_head_has_no_body() {
    let address = answering(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n");
    let answer = send_octets(address, b"HEAD / HTTP/1.1\r\n\r\n").unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (200, &b""[..]));
}

#[test]
fn half_an_answer_is_none() {
    for half in [
        &b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nab"[..],
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n",
        b"SSH-2.0\r\n\r\n",
        b"",
    ] {
        let answer = send_octets(answering(half), b"GET / HTTP/1.1\r\n\r\n");
        assert!(answer.is_err(), "{answer:?}");
    }
}
