//! A server at its limit of file descriptors.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::*;

/// How many file descriptors the server may have.
const LIMIT: &str = "128";

/// How many clients connect and say nothing.
const IDLE: usize = 3000;

/// Lets this process have a connection to each of them.
fn raise_own_limit() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    setrlimit(Resource::Nofile, raised).unwrap();
    let needed = IDLE as u64 + 100;
    assert!(
        maximum.is_none_or(|maximum| maximum > needed),
        "{maximum:?}"
    );
}

#[test]
fn the_longest_idle_goes_first_and_new_clients_get_in() {
    raise_own_limit();
    let folder = dist();
    let older = publish(&folder, b"older");
    publish(&folder, MODULE);
    let mut limited = Command::new("sh");
    let script = format!("ulimit -n {LIMIT}; exec \"$0\" \"$@\"");
    limited.args(["-c", &script, env!("CARGO_BIN_EXE_xtask")]);
    let process = Process::run(limited, &folder, "127.0.0.1:0");
    let mut busy = TcpStream::connect(process.address()).unwrap();
    let mut idle = Vec::new();
    for count in 0..IDLE {
        idle.push(TcpStream::connect(process.address()).unwrap());
        // Often enough not to be the longest idle, on one and the same connection.
        if count % 20 == 0 {
            ask(&mut busy);
            assert_eq!(process.status("/basic_auth.wasm"), 200, "after {count}");
        }
    }
    ask(&mut busy);
    // There are descriptors left for what has to be read.
    assert_eq!(
        process.status(&format!("/{}/basic_auth.wasm", older.digest)),
        200
    );
    let mut first = &idle[0];
    first.set_read_timeout(Some(SOON)).unwrap();
    let end = first.read(&mut [0]).map_err(|error| error.kind());
    assert_eq!(end.unwrap_or(0), 0, "the longest idle is still there");
    let last = &idle[IDLE - 1];
    last.set_nonblocking(true).unwrap();
    let still_there = { last }.read(&mut [0]).map_err(|error| error.kind());
    assert_eq!(still_there, Err(std::io::ErrorKind::WouldBlock));
}

/// A request on a connection that stays open.
fn ask(stream: &mut TcpStream) {
    let request = b"HEAD /basic_auth.wasm HTTP/1.1\r\nhost: a\r\n\r\n";
    stream.write_all(request).unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let mut octet = [0];
        stream.read_exact(&mut octet).unwrap();
        answer.push(octet[0]);
    }
    assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"));
}
