//! Clients on several loopback addresses.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use anyhow::bail;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Request;
use tokio::net::TcpSocket;
use xtask::http::{Client, Protocol};

use super::lab::Lab;

/// The right password of every user.
pub(super) const PASSWORD: &str = "open sesame";

/// A client that connects from this address.
pub(super) struct Visitor {
    client: Client,
}

impl Visitor {
    pub(super) async fn from(source: Ipv4Addr, lab: &Lab) -> anyhow::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((source, 0).into())?;
        let stream = socket.connect(lab.address).await?;
        stream.set_nodelay(true)?;
        let client = Client::over(stream, Protocol::Http1).await?;
        Ok(Self { client })
    }

    /// The status of an answer, and how long it took.
    pub(super) async fn ask(
        &mut self,
        path: &str,
        credentials: Option<(&str, &str)>,
    ) -> anyhow::Result<(u16, Duration)> {
        let mut request = Request::get(format!("http://example.com{path}"));
        if let Some((user, password)) = credentials {
            let credentials = STANDARD.encode(format!("{user}:{password}"));
            request = request.header("authorization", format!("Basic {credentials}"));
        }
        self.client.ready().await?;
        let begun = Instant::now();
        let answer = self.client.send(request.body(())?).await?;
        Ok((answer.status, begun.elapsed()))
    }
}

/// The name of a user by number.
pub(super) fn user(number: usize) -> String {
    format!("user-{number}")
}

/// How many requests of verified users are not answered by 200 right after an unrelated user was added.
pub(super) fn lost_over_update(lab: &mut Lab, users: usize) -> anyhow::Result<usize> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    lab.publish("before", true)?;
    let refused = runtime.block_on(ask_all(lab, users))?;
    if refused > 0 {
        bail!("{refused} users could not be verified");
    }
    lab.publish("after", false)?;
    runtime.block_on(ask_all(lab, users))
}

/// Every user sends a request, on connections that reach all workers. How many are not let pass.
async fn ask_all(lab: &Lab, users: usize) -> anyhow::Result<usize> {
    let mut visitors = Vec::new();
    for _ in 0..8 {
        visitors.push(Visitor::from(Ipv4Addr::LOCALHOST, lab).await?);
    }
    let mut lost = 0;
    for number in 0..users {
        for visitor in &mut visitors {
            let credentials = (&*user(number), PASSWORD);
            let (status, _) = visitor.ask("/private", Some(credentials)).await?;
            lost += usize::from(status != 200);
        }
    }
    Ok(lost)
}
