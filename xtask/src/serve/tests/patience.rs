//! Clients that take their time, and very many of them.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use super::*;

/// The preface and settings with a window of 2^31 - 1 for each stream, 2^30 more for the connection,
/// and a request: `GET` by `http`, and the path as a literal.
const HTTP2_REQUEST: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\
    \x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x04\x7f\xff\xff\xff\
    \x00\x00\x04\x08\x00\x00\x00\x00\x00\x40\x00\x00\x00\
    \x00\x00\x14\x01\x05\x00\x00\x00\x01\x82\x86\x04\x10/basic_auth.wasm";

fn impatient(folder: &TempDir) -> Server {
    Server::start(Config {
        patience: Duration::from_millis(300),
        ..config(folder)
    })
    .unwrap()
}

/// Sends octets and reads until the server closes the connection.
fn answer_to(server: &Server, octets: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream.write_all(octets).unwrap();
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        // Closed while octets were on their way.
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {}
        read => drop(read.unwrap()),
    }
    answer
}

#[test]
fn a_client_that_sends_nothing_or_half_a_request_is_ended() {
    let folder = dist();
    let server = impatient(&folder);
    for half in [
        "",
        "P",
        "PRI * HT",
        "GET /basic",
        "GET / HTTP/1.1\r\nhost: ",
    ] {
        assert_eq!(answer_to(&server, half.as_bytes()), b"", "{half}");
    }
    let whole = "GET /nothing HTTP/1.1\r\nhost: a\r\n\r\n";
    let answer = answer_to(&server, whole.as_bytes());
    assert!(
        answer.ends_with(b"not found\n"),
        "and one that is idle after that"
    );
    assert_eq!(
        get(server.address(), "/basic_auth.wasm").unwrap().status,
        200
    );
}

#[test]
fn a_client_that_sends_its_request_octet_by_octet_is_ended() {
    let folder = dist();
    let server = impatient(&folder);
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nx: ").unwrap();
    let (begin, mut sent) = (Instant::now(), 0);
    wait_for("its end", || {
        // One in 10 ms: it is never idle for long, and its head never too large.
        let due = begin.elapsed().as_millis() / 10;
        if sent >= due {
            return None;
        }
        sent += 1;
        stream.write_all(b"x").err()
    });
}

#[test]
fn a_client_that_does_not_read_is_ended() {
    let folder = dist();
    let size = 64 << 20;
    publish(&folder, &vec![0; size]);
    let server = impatient(&folder);
    for request in [
        &b"GET /basic_auth.wasm HTTP/1.1\r\nhost: a\r\n\r\n"[..],
        HTTP2_REQUEST,
    ] {
        let mut stream = TcpStream::connect(server.address()).unwrap();
        stream.write_all(request).unwrap();
        wait_for("it", || (server.connection_count() == 1).then_some(()));
        wait_for("its end", || (server.connection_count() == 0).then_some(()));
        let mut rest = Vec::new();
        // It ends in the middle, in one way or another.
        let _ = stream.read_to_end(&mut rest);
        assert!((1..size).contains(&rest.len()), "{}", rest.len());
    }
}

#[test]
fn a_client_that_sends_and_does_not_read_is_ended() {
    let folder = dist();
    publish(&folder, &vec![0; 64 << 20]);
    let server = impatient(&folder);
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.write_all(HTTP2_REQUEST).unwrap();
    wait_for("its end", || {
        // An octet more for the window of the connection (RFC 9113, 6.9): nothing to answer.
        let update = b"\x00\x00\x04\x08\x00\x00\x00\x00\x00\x00\x00\x00\x01";
        stream.write_all(update).err()
    });
}

#[test]
fn a_client_that_reads_slowly_is_not_ended() {
    let folder = dist();
    let size = 16 << 20;
    publish(&folder, &vec![0; size]);
    let server = impatient(&folder);
    let mut stream = TcpStream::connect(server.address()).unwrap();
    let request = b"GET /basic_auth.wasm HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    stream.write_all(request).unwrap();
    let (begin, mut received) = (Instant::now(), 0);
    let mut part = vec![0; 1 << 16];
    // At a pace that takes several times the patience.
    let pace =
        |received: usize| begin + Duration::from_secs(1).mul_f64(received as f64 / size as f64);
    loop {
        match stream.read(&mut part).unwrap() {
            0 => break,
            count => received += count,
        }
        while Instant::now() < pace(received) {
            std::thread::yield_now();
        }
    }
    assert!(received > size, "{received}");
}

#[test]
fn a_request_line_of_a_megabyte_is_refused() {
    let folder = dist();
    let server = Server::start(config(&folder)).unwrap();
    let line = format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "a".repeat(1 << 20));
    let mut stream = TcpStream::connect(server.address()).unwrap();
    // The server may close before it has read everything.
    let _ = stream.write_all(line.as_bytes());
    let mut answer = [0; 12];
    if stream.read_exact(&mut answer).is_ok() {
        assert_eq!(&answer, b"HTTP/1.1 431");
    }
    let shorter = format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "a".repeat(1 << 16));
    let answer = send_octets(server.address(), shorter.as_bytes()).unwrap();
    assert_eq!(answer.status, 414);
    assert_eq!(
        get(server.address(), "/basic_auth.wasm").unwrap().status,
        200
    );
}
