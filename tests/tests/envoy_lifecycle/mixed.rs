//! Ten thousand requests of many kinds on many connections at once: no answer may be another's.

use super::{GOOD, Live, WRONG};
use basic_auth_tests::{
    envoy::{Answer, http2},
    report::announce,
};
use std::{error::Error, net::SocketAddr};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    task::JoinSet,
};

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

async fn over_http1(address: SocketAddr, connection: usize) -> Result<usize, Failure> {
    let mut stream = BufReader::new(TcpStream::connect(address).await?);
    let mut count = 0;
    for (path, credentials, status) in requests(connection) {
        let mut request = format!("GET {path} HTTP/1.1\r\nhost: example.com\r\n");
        for value in credentials {
            request.push_str(&format!("authorization: {value}\r\n"));
        }
        request.push_str("\r\n");
        stream.get_mut().write_all(request.as_bytes()).await?;
        check(&receive(&mut stream).await?, &path, status)?;
        count += 1;
    }
    Ok(count)
}

async fn receive(stream: &mut BufReader<TcpStream>) -> Result<Answer, Failure> {
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let status = line.split(' ').nth(1).ok_or("no status")?.parse()?;
    let mut answer = Answer {
        status,
        headers: Vec::new(),
        body: Vec::new(),
    };
    loop {
        line.clear();
        stream.read_line(&mut line).await?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        answer
            .headers
            .push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = answer
        .header("content-length")
        .ok_or("no length")?
        .parse()?;
    answer.body.resize(length, 0);
    stream.read_exact(&mut answer.body).await?;
    Ok(answer)
}

async fn over_http2(address: SocketAddr, connection: usize) -> Result<usize, Failure> {
    let (client, driver) = h2::client::handshake(TcpStream::connect(address).await?).await?;
    let driver = tokio::spawn(driver);
    let mut streams = JoinSet::new();
    let mut client = client.ready().await?;
    let mut count = 0;
    for (path, credentials, status) in requests(connection) {
        let mut request = http::Request::get(format!("http://example.com{path}"));
        for value in credentials {
            request = request.header("authorization", *value);
        }
        let (response, _) = client.send_request(request.body(())?, true)?;
        streams.spawn(async move {
            let answer = http2::receive(response.await?)
                .await
                .map_err(|e| e.to_string())?;
            check(&answer, &path, status)
        });
        client = client.ready().await?;
        // Twenty streams at a time, so that answers of one connection overtake each other.
        if streams.len() >= 20 {
            count += finished(&mut streams).await?;
        }
    }
    while !streams.is_empty() {
        count += finished(&mut streams).await?;
    }
    driver.abort();
    Ok(count)
}

async fn finished(streams: &mut JoinSet<Result<(), Failure>>) -> Result<usize, Failure> {
    streams.join_next().await.ok_or("no stream")???;
    Ok(1)
}
