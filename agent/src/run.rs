//! The agent from its start to its end.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::{Settings, SourceSettings, StatusAddress};
use crate::folder::{Folder, FolderError};
use crate::metrics::Metrics;
use crate::modules::{Modules, OpenError};
use crate::preparation::Preparation;
use crate::server::{self, ListenError, Socket};
use crate::status::{self, Limits, Status};
use crate::stream::{Agent, Source};
use crate::upstream::UpstreamError;

/// Why the agent cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The modules' cache cannot be used.
    #[error(transparent)]
    Modules(#[from] OpenError),
    /// The folder cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The xDS server cannot be talked to as the settings say.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    /// It cannot listen for Envoys.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// It cannot listen for those who look at it.
    #[error("cannot listen on {address} for `--status`: {cause}")]
    Status {
        /// Where.
        address: String,
        /// What the system says.
        cause: std::io::Error,
    },
    /// Signals cannot be received.
    #[error("signals cannot be received: {0}")]
    Signals(std::io::Error),
}

/// Runs until SIGTERM or Ctrl-C.
pub async fn run(settings: Settings) -> Result<(), StartError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(StartError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(StartError::Signals)?;
    let metrics = Metrics::new();
    let source = source(&settings.source).await?;
    let modules = Modules::open(settings.modules.clone(), metrics.clone()).await?;
    let socket = Socket::bind(&settings.listen, settings.listen_mode).await?;
    let status = Status {
        metrics: metrics.clone(),
        modules: modules.clone(),
    };
    if let Some(listener) = status_listener(&settings.status).await? {
        let address = listener
            .local_addr()
            .map(|address| address.to_string())
            .unwrap_or_default();
        tracing::info!(%address, "status server is ready");
        tokio::spawn(status::run(listener, status, Limits::default()));
    }
    let agent = Arc::new(Agent {
        source,
        preparation: Preparation {
            modules,
            checks_local: settings.checks_local,
        },
        on_failure: settings.on_failure,
        converts: settings.converts,
        metrics,
        streams: AtomicU64::new(0),
        memory: Arc::default(),
    });
    tracing::info!(address = %socket.address(), "ready for Envoy");
    tokio::select! {
        () = server::run(&socket, &agent) => {}
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("the agent ends");
    Ok(())
}

async fn source(settings: &SourceSettings) -> Result<Source, StartError> {
    match settings {
        SourceSettings::Upstream(upstream) => {
            upstream.check().await?;
            Ok(Source::Upstream(upstream.clone()))
        }
        SourceSettings::Folder(path) => Ok(Source::Folder(Folder::open(path.clone())?)),
    }
}

async fn status_listener(address: &StatusAddress) -> Result<Option<TcpListener>, StartError> {
    let StatusAddress::On(address) = address else {
        return Ok(None);
    };
    match TcpListener::bind(address).await {
        Ok(listener) => Ok(Some(listener)),
        Err(cause) => Err(StartError::Status {
            address: address.clone(),
            cause,
        }),
    }
}
