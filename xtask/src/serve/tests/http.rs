//! What is served, and what is logged of it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use super::*;

#[test]
fn the_module_comes_over_both_protocols_and_is_logged() {
    let (folder, lines) = (dist(), Lines::default());
    let server = Server::start(Config {
        log: lines.log(),
        ..config(&folder)
    })
    .unwrap();
    let path = format!("/{}/basic_auth.wasm", server.digest());
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let request = Request::get(format!("{}{path}", server.url())).body(());
        let answer = send(server.address(), protocol, request.unwrap()).unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (200, MODULE));
    }
    assert_eq!(get(server.address(), "/nothing").unwrap().status, 404);
    let lines: Vec<_> = lines.all();
    let without_client = lines.iter().map(|line| line.split_once(' ').unwrap().1);
    assert_eq!(
        without_client.collect::<Vec<_>>(),
        [
            format!("GET {path} 200 13"),
            format!("GET {path} 200 13"),
            "GET /nothing 404 10".to_owned()
        ]
    );
}

#[test]
fn characters_that_are_not_printable_are_escaped_in_the_log() {
    let (folder, lines) = (dist(), Lines::default());
    let server = Server::start(Config {
        log: lines.log(),
        ..config(&folder)
    })
    .unwrap();
    let request = "GET /\u{9b}31m\u{202e}x HTTP/1.1\r\nhost: a\r\n\r\n";
    let answer = send_octets(server.address(), request.as_bytes()).unwrap();
    assert_eq!(answer.status, 404);
    let line = lines.all().remove(0);
    let (_, line) = line.split_once(' ').unwrap();
    assert_eq!(line, r"GET /\u{9b}31m\u{202e}x 404 10");
}

/// A request and its status, as octets of which a library would send only some.
const REQUESTS: [(&str, u16); 17] = [
    ("GET /basic_auth.wasm HTTP/1.1\r\nhost: a\r\n\r\n", 200),
    (
        "GET http://b/basic_auth.wasm HTTP/1.1\r\nhost: a\r\n\r\n",
        200,
    ),
    ("GET /%62asic_auth.wasm HTTP/1.1\r\nhost: a\r\n\r\n", 200),
    ("GET /basic_auth.wasm HTTP/1.0\r\n\r\n", 200),
    ("GET /basic_auth.wasm HTTP/1.1\r\n\r\n", 400),
    (
        "GET /basic_auth.wasm HTTP/1.1\r\nhost: a\r\nhost: a\r\n\r\n",
        400,
    ),
    ("GET /basic_auth.wasm HTTP/1.1\r\nhost: a b\r\n\r\n", 400),
    ("GET /basic_auth.wasm HTTP/1.1\r\nhost: a/b\r\n\r\n", 400),
    ("GET /basic_auth.wasm#x HTTP/1.1\r\nhost: a\r\n\r\n", 400),
    ("GET /basic_auth.wasm?a#x HTTP/1.1\r\nhost: a\r\n\r\n", 400),
    (
        "GET http://b/basic_auth.wasm#x HTTP/1.1\r\nhost: a\r\n\r\n",
        400,
    ),
    ("OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n", 200),
    ("OPTIONS /basic_auth.wasm HTTP/1.1\r\nhost: a\r\n\r\n", 200),
    ("GET * HTTP/1.1\r\nhost: a\r\n\r\n", 400),
    (
        "GET /basic_auth.wasm HTTP/1.1\r\nhost: a\r\nif-match: \"b\"\r\n\r\n",
        412,
    ),
    (
        "GET /basic_auth.wasm HTTP/1.1\r\nhost: a\r\nrange: bytes=1-\r\n\r\n",
        206,
    ),
    (
        "GET /basic_auth.wasm HTTP/1.1\r\nhost: a\r\nrange: bytes=99-\r\n\r\n",
        416,
    ),
];

#[test]
fn requests_are_judged_as_the_standard_says() {
    let folder = dist();
    let server = Server::start(config(&folder)).unwrap();
    for (request, status) in REQUESTS {
        let answer = send_octets(server.address(), request.as_bytes()).unwrap();
        assert_eq!(answer.status, status, "{request}");
    }
}

#[test]
fn a_fragment_is_refused_in_a_later_request_of_a_connection_too() {
    let folder = dist();
    let server = Server::start(config(&folder)).unwrap();
    let mut stream = TcpStream::connect(server.address()).unwrap();
    let requests = "HEAD /basic_auth.wasm HTTP/1.1\r\nhost: a\r\nx: #\r\n\r\n\
                    HEAD /basic_auth.wasm#x HTTP/1.1\r\nhost: a\r\n\r\n";
    stream.write_all(requests.as_bytes()).unwrap();
    let mut answers = String::new();
    stream.read_to_string(&mut answers).unwrap();
    let statuses: Vec<_> = answers
        .lines()
        .filter_map(|line| line.strip_prefix("HTTP/1.1 "))
        .collect();
    assert_eq!(statuses, ["200 OK", "400 Bad Request"]);
}

#[test]
fn a_rebuild_leaves_the_old_url_and_is_told_with_its_snippet() {
    let (folder, lines) = (dist(), Lines::default());
    let server = Server::start(Config {
        log: lines.log(),
        ..config(&folder)
    })
    .unwrap();
    let old = format!("/{}/basic_auth.wasm", server.digest());
    let module = publish(&folder, b"rebuilt");
    let new = format!("/{}/basic_auth.wasm", module.digest);
    let body = |path: &str| get(server.address(), path).unwrap().body;
    assert_eq!(body(&old), MODULE);
    assert_eq!(body(&new), b"rebuilt");
    assert_eq!(body("/basic_auth.wasm"), b"rebuilt");
    let told = lines.wait_for("# A new build: ");
    let uri = format!("uri: \"{}{new}\"", server.url());
    assert!(told.contains(&uri), "{told}");
    assert!(told.contains(&module.digest.to_string()), "{told}");
}

#[test]
fn what_is_replaced_while_it_is_sent_is_sent_as_it_was() {
    let old = vec![b'o'; 8 << 20];
    let folder = dist();
    publish(&folder, &old);
    let server = Server::start(config(&folder)).unwrap();
    let mut stream = TcpStream::connect(server.address()).unwrap();
    let request = b"GET /basic_auth.wasm HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    stream.write_all(request).unwrap();
    let mut answer = vec![0; 1 << 16];
    stream.read_exact(&mut answer).unwrap();
    // In place, as `cp` does it, and after that as a build does it.
    std::fs::write(folder.path().join(FILE_NAME), b"half").unwrap();
    publish(&folder, b"new");
    stream.read_to_end(&mut answer).unwrap();
    let body = answer.windows(4).position(|octets| octets == b"\r\n\r\n");
    assert!(answer[body.unwrap() + 4..] == old);
    let answer = get(server.address(), "/basic_auth.wasm").unwrap();
    assert_eq!(answer.body, b"new");
}

#[test]
fn a_stopped_server_frees_its_port() {
    let folder = dist();
    let server = Server::start(config(&folder)).unwrap();
    let listen = server.address();
    drop(server);
    Server::start(Config {
        listen: listen.into(),
        ..config(&folder)
    })
    .unwrap();
}

#[test]
fn a_taken_port_is_refused() {
    let folder = dist();
    let server = Server::start(config(&folder)).unwrap();
    let address = server.address();
    let refusal = refusal(Config {
        listen: address.into(),
        ..config(&folder)
    });
    let expected = format!("cannot listen on {address}: choose another with `--listen`: ");
    assert!(refusal.starts_with(&expected), "{refusal}");
}

#[test]
fn a_missing_module_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE_NAME);
    assert_eq!(
        refusal(config(&folder)),
        format!(
            "{} is missing: run `cargo xtask build` first",
            path.display()
        )
    );
}
