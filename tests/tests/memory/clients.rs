//! The clients of Envoy, which send requests in batches over HTTP/2.

use super::kinds::Kind;
use basic_auth_tests::{
    envoy::{Proxy, message},
    observed::Fields,
};
use std::net::SocketAddr;
use xtask::http::Connections;

/// The requests under way on each connection.
pub(super) const BATCH: usize = 64;

/// The connections to the main listener.
const CONNECTIONS: usize = 4;

/// Connections to both listeners, and those that are not waited for.
pub(super) struct Clients {
    main: Client,
    scarce: Client,
    address: SocketAddr,
    abandoned: Vec<http::Request<()>>,
}

impl Clients {
    pub(super) fn of(proxy: &Proxy) -> Clients {
        let address = proxy.listener("main");
        Clients {
            main: Client::open(address, CONNECTIONS),
            scarce: Client::open(proxy.listener("scarce"), 1),
            address,
            abandoned: Vec::new(),
        }
    }

    /// Sends a request, together with the next ones.
    pub(super) fn send(&mut self, kind: Kind, number: usize) {
        let message = message(kind.fields(number));
        match kind {
            Kind::Scarce => self.scarce.push(message),
            Kind::Abandoned => self.abandon(message),
            _ => self.main.push(message),
        }
    }

    /// Closes a connection while requests are under way.
    fn abandon(&mut self, message: http::Request<()>) {
        self.abandoned.push(message);
        if self.abandoned.len() == BATCH {
            let connection = Connections::open(self.address, 1).expect("a connection");
            let sent = connection.abandon(self.abandoned.drain(..));
            sent.unwrap_or_else(|error| panic!("{error:#}"));
        }
    }

    /// Sends the rest, and waits for all answers.
    pub(super) fn finish(&mut self) {
        self.main.flush();
        self.scarce.flush();
    }
}

struct Client {
    connections: Connections,
    batch: Vec<http::Request<()>>,
}

impl Client {
    fn open(address: SocketAddr, count: usize) -> Client {
        let connections = Connections::open(address, count);
        Client {
            connections: connections.unwrap_or_else(|error| panic!("{error:#}")),
            batch: Vec::new(),
        }
    }

    fn push(&mut self, message: http::Request<()>) {
        self.batch.push(message);
        if self.batch.len() == BATCH * self.connections.count() {
            self.flush();
        }
    }

    fn flush(&mut self) {
        let answered = self.connections.exchange(self.batch.drain(..));
        answered.unwrap_or_else(|error| panic!("{error:#}"));
    }
}

/// The library sends no path that is not UTF-8.
fn message(mut fields: Fields) -> http::Request<()> {
    for (_, path) in fields.iter_mut().filter(|(name, _)| name == b":path") {
        *path = String::from_utf8_lossy(path).into_owned().into_bytes();
    }
    message::http2(&fields).unwrap_or_else(|| panic!("cannot be sent: {fields:?}"))
}
