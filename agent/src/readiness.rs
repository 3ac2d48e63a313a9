//! `--check-ready`: asks a running agent whether it is ready, for images without a shell.

use std::io::{Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use crate::cli::StatusAddress;

const TIMEOUT: Duration = Duration::from_secs(3);

/// Asks the status server at `address`.
///
/// # Errors
/// What is wrong, in one line.
pub fn check(address: &StatusAddress) -> Result<(), String> {
    let StatusAddress::On(address) = address else {
        return Err("`--check-ready` needs a status server, and `--status` is `off`".to_owned());
    };
    let answer = ask(address).map_err(|error| format!("{address} does not answer: {error}"))?;
    let line = answer.lines().next().unwrap_or_default();
    match line.split(' ').nth(1) {
        Some("200") => Ok(()),
        _ => Err(format!("{address} is not ready")),
    }
}

fn ask(address: &str) -> std::io::Result<String> {
    let address = address.to_socket_addrs()?.next();
    let address = address.ok_or(std::io::ErrorKind::AddrNotAvailable)?;
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.write_all(
        b"GET /healthz/ready HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
