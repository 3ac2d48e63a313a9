//! Ten thousand requests of many kinds on many connections at once: no answer may be another's.

use super::{GOOD, Live, WRONG};
use basic_auth_tests::report::announce;
use std::{error::Error, net::SocketAddr};
use tokio::task::JoinSet;
use xtask::http::{Answer, Client, Protocol};

const CONNECTIONS: usize = 40;
const REQUESTS_OF_EACH: usize = 250;

/// Credentials and the status that they get.
const KINDS: [(&[&str], u16); 7] = [
    (&[GOOD], 200),
    (&[], 401),
    (&[WRONG], 401),
    (&["basic  QWxhZGRpbjpvcGVuIHNlc2FtZQ"], 200),
    (&["Bearer QWxhZGRpbjpvcGVuIHNlc2FtZQ=="], 401),
    (&["Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==!"], 401),
    (&[GOOD, GOOD], 401),
];

type Failure = Box<dyn Error + Send + Sync>;

#[test]
fn ten_thousand_mixed_requests_are_each_answered_as_they_must_be() {
    let live = Live::start();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let answered = runtime
        .expect("a runtime")
        .block_on(all_connections(live.address));
    assert_eq!(answered, CONNECTIONS * REQUESTS_OF_EACH);
    announce(&format!(
        "envoy: {answered} mixed requests on {CONNECTIONS} connections"
    ));
}

async fn all_connections(address: SocketAddr) -> usize {
    let mut connections = JoinSet::new();
    for number in 0..CONNECTIONS {
        if number % 2 == 0 {
            connections.spawn(over_http1(address, number));
        } else {
            connections.spawn(over_http2(address, number));
        }
    }
    let mut answered = 0;
    while let Some(connection) = connections.join_next().await {
        let count = connection
            .expect("no panic")
            .unwrap_or_else(|error| panic!("{error}"));
        answered += count;
    }
    answered
}

/// What the requests of a connection are, and a path that no other request has.
fn requests(connection: usize) -> impl Iterator<Item = (String, &'static [&'static str], u16)> {
    (0..REQUESTS_OF_EACH).map(move |request| {
        let (credentials, status) = KINDS[(connection + request) % KINDS.len()];
        (format!("/{connection}/{request}"), credentials, status)
    })
}

fn check(answer: &Answer, path: &str, expected: u16) -> Result<(), Failure> {
    let body = String::from_utf8_lossy(&answer.body);
    // The quotes end the path: `/1/2` is not `/1/25`.
    let is_its_own = match answer.status {
        200 => body.contains(&format!("\"{path}\"")),
        _ => body.is_empty() && answer.header("www-authenticate").is_some(),
    };
    if answer.status == expected && is_its_own {
        Ok(())
    } else {
        Err(format!("{path}: expected {expected}, got {answer:?}").into())
    }
}

/// A request that is ready to be sent over either protocol.
fn request(path: &str, credentials: &[&str]) -> Result<http::Request<()>, Failure> {
    let mut request = http::Request::get(format!("http://example.com{path}"));
    for value in credentials {
        request = request.header("authorization", *value);
    }
    Ok(request.body(())?)
}

async fn over_http1(address: SocketAddr, connection: usize) -> Result<usize, Failure> {
    let mut client = Client::connect(address, Protocol::Http1).await?;
    let mut count = 0;
    for (path, credentials, status) in requests(connection) {
        client.ready().await?;
        let answer = client.send(request(&path, credentials)?).await?;
        check(&answer, &path, status)?;
        count += 1;
    }
    Ok(count)
}

async fn over_http2(address: SocketAddr, connection: usize) -> Result<usize, Failure> {
    let mut client = Client::connect(address, Protocol::Http2).await?;
    let mut streams = JoinSet::new();
    let mut count = 0;
    for (path, credentials, status) in requests(connection) {
        let answer = client.send(request(&path, credentials)?);
        streams.spawn(async move { check(&answer.await?, &path, status) });
        // Twenty streams at a time, so that answers of one connection overtake each other.
        if streams.len() >= 20 {
            count += finished(&mut streams).await?;
        }
    }
    while !streams.is_empty() {
        count += finished(&mut streams).await?;
    }
    Ok(count)
}

async fn finished(streams: &mut JoinSet<Result<(), Failure>>) -> Result<usize, Failure> {
    streams.join_next().await.ok_or("no stream")???;
    Ok(1)
}
