//! Several connections over HTTP/2 to one server, for many requests.

use std::net::SocketAddr;

use hyper::Request;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use super::{Answer, Client, Protocol, runtime};

/// Connections that are there for batches of requests. They end with the value.
pub struct Connections {
    /// Dropped after the connections that run in it.
    clients: Vec<Client>,
    runtime: Runtime,
}

impl Connections {
    /// Opens `count` connections.
    pub fn open(address: SocketAddr, count: usize) -> anyhow::Result<Self> {
        let runtime = runtime()?;
        let clients = runtime.block_on(async {
            let mut clients = Vec::new();
            for _ in 0..count {
                clients.push(Client::connect(address, Protocol::Http2).await?);
            }
            anyhow::Ok(clients)
        })?;
        Ok(Self { clients, runtime })
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.clients.len()
    }

    /// Leaves only the first.
    pub fn keep_one(&mut self) {
        self.clients.truncate(1);
    }

    /// Sends all requests at once, on the connections in turn, and waits for every answer.
    pub fn exchange(
        &mut self,
        requests: impl IntoIterator<Item = Request<()>>,
    ) -> anyhow::Result<()> {
        let Self { clients, runtime } = self;
        runtime.block_on(async {
            let mut answers = send_all(clients, requests);
            while let Some(answer) = answers.join_next().await {
                answer??;
            }
            Ok(())
        })
    }

    /// Sends requests and closes the connections at the first answer, while others are under way.
    pub fn abandon(
        mut self,
        requests: impl IntoIterator<Item = Request<()>>,
    ) -> anyhow::Result<()> {
        let Self { clients, runtime } = &mut self;
        runtime.block_on(async {
            if let Some(answer) = send_all(clients, requests).join_next().await {
                answer??;
            }
            Ok(())
        })
    }
}

fn send_all(
    clients: &mut [Client],
    requests: impl IntoIterator<Item = Request<()>>,
) -> JoinSet<anyhow::Result<Answer>> {
    let count = clients.len();
    let mut answers = JoinSet::new();
    for (number, request) in requests.into_iter().enumerate() {
        answers.spawn(clients[number % count].send(request));
    }
    answers
}
