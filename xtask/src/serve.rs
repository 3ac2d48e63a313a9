//! `cargo xtask serve`: the built module over HTTP or HTTPS, as Envoy fetches remote code.

mod connections;
mod event;
mod page;
mod request_line;
mod resource;
mod response;
mod snippet;
mod store;
mod stream;
mod tls;

use std::convert::Infallible;
use std::future::ready;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;

use crate::background::Background;
use crate::build::Keep;
use crate::console::Log;
use crate::listen_address::ListenAddress;
use crate::module::{Digest, FILE_NAME, dist_folder};
use crate::{build, interrupt};
use connections::Connections;
use page::Page;
use request_line::WithoutFragments;
use store::Store;
use stream::Watched;
use tls::{Renewal, Tls};

pub use event::{Download, Event};
pub use tls::TlsFiles;

/// How long a client may be idle, or not read what it is sent.
const PATIENCE: Duration = Duration::from_secs(30);

/// Between two looks at the files of modules and certificate.
const LOOK: Duration = Duration::from_millis(500);

/// Arguments of `cargo xtask serve`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cargo xtask serve
  cargo xtask serve --listen :8000
  cargo xtask serve --listen :8443 --tls-cert server.pem --tls-key server.key

Resources:
  /basic_auth.wasm            the module that is in dist/ now
  /<sha256>/basic_auth.wasm   this module or an earlier one, under a URL whose content never changes
  /basic_auth.wasm.sha256     the checksum of the first, for `sha256sum --check`
  /                           the playground, once `cargo xtask playground` has built it

Builds the module first if the source has changed. A module that is built later and a certificate
that is renewed are picked up. Speaks HTTP/1.1 and HTTP/2, also without TLS (prior knowledge).")]
pub struct ServeArgs {
    /// Where to listen: ADDRESS:PORT, NAME:PORT, :PORT for every address, or PORT for the loopback
    /// one; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8000")]
    listen: ListenAddress,
    /// PEM file with the server's certificate and its chain: serves HTTPS
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// PEM file with the certificate's private key
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Serves the modules in this folder instead of dist/, and builds none
    #[arg(long, value_name = "FOLDER")]
    dist: Option<PathBuf>,
    #[command(flatten)]
    keep: Keep,
}

/// Serves until Ctrl-C or SIGTERM. A terminal that is closed (SIGHUP) does not end it.
pub fn run(args: ServeArgs) -> anyhow::Result<()> {
    if args.dist.is_none() {
        build::publish_this_source(args.keep)?;
    }
    let interrupt = interrupt::Interrupt::listen_beyond_hangup()?;
    let tls = args
        .tls_cert
        .zip(args.tls_key)
        .map(|(certificate, key)| TlsFiles { certificate, key });
    let folder = args.dist.unwrap_or_else(dist_folder);
    let log = Log::start()?;
    let lines = log.clone();
    let server = Server::start(Config {
        listen: args.listen,
        tls,
        folder: folder.clone(),
        patience: PATIENCE,
        page: Some(crate::playground::page_path()),
        log: Box::new(move |event| lines.push(event)),
    })?;
    log.push(format_args!(
        "# Serving {} on {}. Ctrl-C ends it.{}\n# For Envoy's configuration:\n{}",
        folder.join(FILE_NAME).display(),
        server.url(),
        server.playground(),
        server.snippet()
    ));
    interrupt.wait();
    Ok(())
}

/// What a server serves, and where.
pub struct Config {
    /// Where to listen; port 0 takes a free one.
    pub listen: ListenAddress,
    /// Serves HTTPS with these, else HTTP.
    pub tls: Option<TlsFiles>,
    /// The folder with the modules and the checksum of the newest.
    pub folder: PathBuf,
    /// How long a client may be idle, or not read what it is sent.
    pub patience: Duration,
    /// The file with the page of the playground, for `/`.
    pub page: Option<PathBuf>,
    /// Told what happens.
    pub log: Box<dyn Fn(&Event) + Send + Sync>,
}

impl Config {
    /// The modules in `folder` over HTTP on a free loopback port, without a log.
    pub fn local(folder: PathBuf) -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into(),
            tls: None,
            folder,
            patience: PATIENCE,
            page: None,
            log: Box::new(|_| {}),
        }
    }
}

/// A running module server. It ends with the value.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    connections: Arc<Connections>,
    _background: Background,
}

struct Shared {
    /// Where clients on this machine find the server.
    address: SocketAddr,
    store: Store,
    tls: Option<Tls>,
    patience: Duration,
    page: Option<Page>,
    log: Box<dyn Fn(&Event) + Send + Sync>,
}

impl Server {
    /// Starts to listen. Refused when the module is missing, the port taken or the certificate bad.
    pub fn start(config: Config) -> anyhow::Result<Self> {
        let (tls, warning) = config.tls.map(Tls::open).transpose()?.unzip();
        let store = Store::open(config.folder)?;
        let listener = config.listen.bind()?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            address: reachable(address),
            store,
            tls,
            patience: config.patience,
            page: config.page.as_deref().and_then(Page::open),
            log: config.log,
        });
        if let Some(warning) = warning.flatten() {
            (shared.log)(&Event::Warning(warning));
        }
        let of_background = Arc::clone(&shared);
        let connections = Connections::new(config.patience);
        let of_server = Arc::clone(&connections);
        let background = Background::start("module server", move || async move {
            // The conversion fails only outside a runtime.
            if let Ok(listener) = TcpListener::from_std(listener) {
                tokio::join!(
                    accept(listener, &connections, &of_background),
                    of_background.look_at_files()
                );
            }
        })?;
        Ok(Self {
            address,
            shared,
            connections: of_server,
            _background: background,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of its root on this machine, without a slash at the end.
    pub fn url(&self) -> String {
        format!("{}://{}", self.shared.scheme(), self.shared.address)
    }

    /// Where the playground is, as a comment; empty if it has not been built.
    fn playground(&self) -> String {
        let page = self.shared.page.as_ref();
        page.map_or_else(String::new, |_| {
            format!("\n# The playground: {}/", self.url())
        })
    }

    /// What to put into Envoy's configuration to load the module that is served now.
    pub fn snippet(&self) -> String {
        self.shared.snippet(self.digest())
    }

    /// The URL whose content never changes.
    pub fn module_url(&self) -> String {
        format!("{}/{}/{FILE_NAME}", self.url(), self.digest())
    }

    /// How many connections are open.
    pub fn connection_count(&self) -> usize {
        self.connections.count()
    }

    /// The digest of the module that is served now.
    pub fn digest(&self) -> Digest {
        self.shared.store.newest().digest
    }
}

/// A server that listens on every address is reached at the loopback one.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    address
}

async fn accept(listener: TcpListener, connections: &Arc<Connections>, shared: &Arc<Shared>) {
    loop {
        match listener.accept().await {
            Ok((stream, client)) => {
                let shared = Arc::clone(shared);
                connections.run(|activity| async move {
                    shared
                        .converse(Watched::new(stream, activity), client)
                        .await;
                });
            }
            // Out of file descriptors, say, which others on this machine may need, too.
            Err(_) => {
                connections.end_longest_idle();
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
}

impl Shared {
    async fn converse(
        self: Arc<Self>,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        client: SocketAddr,
    ) {
        let Some(tls) = &self.tls else {
            return self.answer_all(stream, client).await;
        };
        match tls.acceptor().accept(stream).await {
            Ok(stream) => self.answer_all(stream, client).await,
            Err(error) => (self.log)(&Event::Warning(format!(
                "{client} TLS handshake failed: {error}"
            ))),
        }
    }

    async fn answer_all(
        self: Arc<Self>,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        client: SocketAddr,
    ) {
        let patience = self.patience;
        let service = service_fn(move |request: Request<Incoming>| {
            ready(Ok::<_, Infallible>(self.answer(client, &request)))
        });
        let mut server = auto::Builder::new(TokioExecutor::new());
        server
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(patience)
            .half_close(true);
        server.http2().timer(TokioTimer::new());
        let stream = TokioIo::new(WithoutFragments::new(stream));
        // A client that breaks off is no concern of the server's.
        let _ = server.serve_connection(stream, service).await;
    }

    fn answer(&self, client: SocketAddr, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let response = response::respond(request, &self.store);
        let response = match &self.page {
            // Whatever is wrong with the request is told in either case.
            Some(page) if response.status() == StatusCode::NOT_FOUND => {
                page.respond(request, &self.served()).unwrap_or(response)
            }
            _ => response,
        };
        (self.log)(&Event::Answered(Download {
            client,
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            status: response.status(),
            bytes: response.body().size_hint().lower(),
        }));
        response
    }

    /// Picks up what is built or renewed, and tells of it.
    async fn look_at_files(&self) {
        loop {
            if let Some(module) = self.store.news() {
                (self.log)(&Event::NewBuild {
                    digest: module.digest,
                    snippet: self.snippet(module.digest),
                });
            }
            match self.tls.as_ref().map_or(Renewal::Unchanged, Tls::renew) {
                Renewal::Unchanged => {}
                Renewal::Renewed => (self.log)(&Event::CertificateRenewed),
                Renewal::RenewedInvalid(why) => {
                    (self.log)(&Event::CertificateRenewed);
                    (self.log)(&Event::Warning(why));
                }
                Renewal::Refused(why) => (self.log)(&Event::Warning(format!(
                    "{why}: the earlier certificate stays"
                ))),
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// What the page tells of the newest module.
    fn served(&self) -> page::Served {
        let newest = self.store.newest();
        page::Served {
            scheme: self.scheme(),
            address: self.address,
            digest: newest.digest,
            size: newest.bytes.len(),
        }
    }

    fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    fn snippet(&self, digest: Digest) -> String {
        snippet::snippet(self.scheme(), self.address, digest)
    }
}

#[cfg(test)]
mod tests;
