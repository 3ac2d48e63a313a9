//! The clients of Envoy, which send requests in batches over HTTP/2.

use super::kinds::Kind;
use basic_auth_tests::{envoy::Proxy, observed::Fields};
use std::net::SocketAddr;
use xtask::http2::{Connection, hpack};

/// The requests under way on each connection.
pub(super) const BATCH: usize = 64;

/// So that Envoy has something to do while this process encodes the next batch.
const CONNECTIONS: usize = 4;

/// Connections to both listeners, and those that are not waited for.
pub(super) struct Clients {
    main: SocketAddr,
    connections: Vec<Client>,
    scarce: Client,
    abandoned: Vec<Vec<u8>>,
    next: usize,
}

impl Clients {
    pub(super) fn of(proxy: &Proxy) -> Clients {
        let main = proxy.listener("main");
        Clients {
            main,
            connections: (0..CONNECTIONS).map(|_| Client::open(main)).collect(),
            scarce: Client::open(proxy.listener("scarce")),
            abandoned: Vec::new(),
            next: 0,
        }
    }

    /// Queues a request.
    pub(super) fn send(&mut self, kind: Kind, number: usize) {
        let block = block(&kind.fields(number));
        match kind {
            Kind::Scarce => self.scarce.push(block),
            Kind::Abandoned => self.abandon(block),
            _ => {
                let connection = &mut self.connections[self.next];
                connection.push(block);
                if connection.batch.is_empty() {
                    self.next = (self.next + 1) % CONNECTIONS;
                }
            }
        }
    }

    /// Closes a connection while requests are under way.
    fn abandon(&mut self, block: Vec<u8>) {
        self.abandoned.push(block);
        if self.abandoned.len() == BATCH {
            let mut connection = Connection::open(self.main).expect("a connection");
            let sent = connection.send(self.abandoned.drain(..));
            sent.unwrap_or_else(|error| panic!("{error:#}"));
        }
    }

    /// Sends the rest, and waits for all answers.
    pub(super) fn finish(&mut self) {
        for client in self.connections.iter_mut().chain([&mut self.scarce]) {
            client.flush();
            client.finish();
        }
    }
}

struct Client {
    connection: Connection,
    batch: Vec<Vec<u8>>,
}

impl Client {
    fn open(address: SocketAddr) -> Client {
        Client {
            connection: Connection::open(address).unwrap_or_else(|error| panic!("{error:#}")),
            batch: Vec::new(),
        }
    }

    fn push(&mut self, block: Vec<u8>) {
        self.batch.push(block);
        if self.batch.len() == BATCH {
            self.flush();
        }
    }

    /// Sends the batch once the one before is answered.
    fn flush(&mut self) {
        self.finish();
        let sent = self.connection.send(self.batch.drain(..));
        sent.unwrap_or_else(|error| panic!("{error:#}"));
    }

    fn finish(&mut self) {
        let finished = self.connection.finish();
        finished.unwrap_or_else(|error| panic!("{error:#}"));
    }
}

/// Pseudo-header fields stand first.
fn block(fields: &Fields) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        hpack::push_literal(&mut block, name, value);
    }
    block
}
