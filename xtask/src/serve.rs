//! `cargo xtask serve`: the built module over HTTP or HTTPS, as Envoy fetches remote code.

mod response;
mod snippet;
mod store;
mod tls;

use std::convert::Infallible;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use http_body_util::Full;
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use crate::background::Background;
use crate::module::{Digest, FILE_NAME, dist_folder};
use crate::{build, interrupt, module};
use store::Store;

pub use tls::TlsFiles;

/// How long a client may take for its TLS handshake, or between two requests.
const PATIENCE: Duration = Duration::from_secs(30);

/// Arguments of `cargo xtask serve`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cargo xtask serve
  cargo xtask serve --listen 0.0.0.0:8000
  cargo xtask serve --listen 0.0.0.0:8443 --tls-cert server.pem --tls-key server.key

Resources:
  /basic_auth.wasm            the module that is in dist/ now
  /<sha256>/basic_auth.wasm   the same, under a URL whose content never changes
  /basic_auth.wasm.sha256     its checksum, for `sha256sum --check`")]
pub struct ServeArgs {
    /// Address and port to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8000")]
    listen: SocketAddr,
    /// PEM file with the server's certificate and its chain: serves HTTPS
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// PEM file with the certificate's private key
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
}

/// Serves until Ctrl-C or SIGTERM.
pub fn run(args: ServeArgs) -> anyhow::Result<()> {
    build::of_this_source()?;
    let interrupt = interrupt::Interrupt::listen()?;
    let tls = args
        .tls_cert
        .zip(args.tls_key)
        .map(|(certificate, key)| TlsFiles { certificate, key });
    let server = Server::start(Config {
        listen: args.listen,
        tls,
        folder: dist_folder(),
        log: Box::new(|download| println!("{download}")),
    })?;
    println!(
        "# Serving {} on {}. Ctrl-C ends it.",
        module::dist_path().display(),
        server.url()
    );
    println!("# For Envoy's configuration:\n{}", server.snippet());
    interrupt.wait();
    Ok(())
}

/// What a server serves, and where.
pub struct Config {
    /// Address and port; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Serves HTTPS with these, else HTTP.
    pub tls: Option<TlsFiles>,
    /// The folder with the module and its checksum.
    pub folder: PathBuf,
    /// Told about every answered request.
    pub log: Box<dyn Fn(&Download) + Send + Sync>,
}

impl Config {
    /// The module in `dist/` over HTTP on a free loopback port, without a log.
    pub fn local() -> Self {
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            listen,
            tls: None,
            folder: dist_folder(),
            log: Box::new(|_| {}),
        }
    }
}

/// One answered request. Displays as a line of the log.
#[derive(Clone, Debug)]
pub struct Download {
    /// The client's address.
    pub client: SocketAddr,
    /// The request's method.
    pub method: Method,
    /// The path that was asked for.
    pub path: String,
    /// The answer's status.
    pub status: StatusCode,
    /// The length of the answer's body.
    pub bytes: u64,
}

impl fmt::Display for Download {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            client,
            method,
            path,
            status,
            bytes,
        } = self;
        write!(
            formatter,
            "{client} {method} {path} {} {bytes}",
            status.as_str()
        )
    }
}

/// A running module server. It ends with the value.
pub struct Server {
    address: SocketAddr,
    scheme: &'static str,
    store: Arc<Store>,
    _background: Background,
}

struct Shared {
    store: Arc<Store>,
    tls: Option<TlsAcceptor>,
    log: Box<dyn Fn(&Download) + Send + Sync>,
}

impl Server {
    /// Starts to listen. Refused when the module is missing, the port taken or the certificate bad.
    pub fn start(config: Config) -> anyhow::Result<Self> {
        let tls = config.tls.as_ref().map(TlsFiles::acceptor).transpose()?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let store = Arc::new(Store::open(config.folder)?);
        let listener = bind(config.listen)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            store: Arc::clone(&store),
            tls,
            log: config.log,
        });
        let background = Background::start("module server", move || async move {
            // The conversion fails only outside a runtime.
            if let Ok(listener) = tokio::net::TcpListener::from_std(listener) {
                accept(listener, shared).await;
            }
        })?;
        Ok(Self {
            address,
            scheme,
            store,
            _background: background,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of its root on this machine, without a slash at the end.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.reachable_address())
    }

    /// What to put into Envoy's configuration to load the module that is served now.
    pub fn snippet(&self) -> String {
        snippet::snippet(self.scheme, self.reachable_address(), self.digest())
    }

    /// A server that listens on every address is reached at the loopback one.
    fn reachable_address(&self) -> SocketAddr {
        let mut address = self.address;
        if address.ip().is_unspecified() {
            address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
        }
        address
    }

    /// The URL whose content never changes.
    pub fn module_url(&self) -> String {
        format!("{}/{}/{FILE_NAME}", self.url(), self.digest())
    }

    /// The digest of the module that is served now.
    pub fn digest(&self) -> Digest {
        self.store.current().digest
    }
}

/// A socket that listens on `address`, ready for a runtime.
fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(address)
        .with_context(|| format!("cannot listen on {address}: choose another with `--listen`"))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

async fn accept(listener: tokio::net::TcpListener, shared: Arc<Shared>) {
    loop {
        match listener.accept().await {
            Ok((stream, client)) => drop(tokio::spawn(connection(
                stream,
                client,
                Arc::clone(&shared),
            ))),
            // Out of file descriptors, say: others may end meanwhile.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

async fn connection(stream: TcpStream, client: SocketAddr, shared: Arc<Shared>) {
    let Some(acceptor) = shared.tls.clone() else {
        return converse(stream, client, &shared).await;
    };
    match tokio::time::timeout(PATIENCE, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => converse(stream, client, &shared).await,
        Ok(Err(error)) => eprintln!("{client} TLS handshake failed: {error}"),
        Err(_) => eprintln!("{client} TLS handshake took too long"),
    }
}

async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    client: SocketAddr,
    shared: &Shared,
) {
    let service = service_fn(async |request: Request<Incoming>| {
        Ok::<_, Infallible>(shared.answer(client, &request))
    });
    // A client that breaks off is no concern of the server's.
    let _ = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

impl Shared {
    fn answer(&self, client: SocketAddr, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let response = response::respond(request, &self.store.current());
        (self.log)(&Download {
            client,
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            status: response.status(),
            bytes: response.body().size_hint().lower(),
        });
        response
    }
}

#[cfg(test)]
mod tests;
