//! Ctrl-C, SIGTERM and SIGHUP as an orderly end instead of a sudden death.

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::background::Background;

/// Listens for the signals from its creation on.
pub(crate) struct Interrupt {
    signals: Receiver<()>,
    _background: Background,
}

impl Interrupt {
    /// For what a closed terminal (SIGHUP) ends as well.
    pub(crate) fn listen() -> anyhow::Result<Self> {
        Self::listen_to(Hangup::Ends)
    }

    /// For what a closed terminal does not end.
    pub(crate) fn listen_beyond_hangup() -> anyhow::Result<Self> {
        Self::listen_to(Hangup::IsIgnored)
    }

    fn listen_to(hangup: Hangup) -> anyhow::Result<Self> {
        let (sender, signals) = channel();
        let (ready, is_ready) = channel();
        let background = Background::start("signals", move || async move {
            let [mut interrupt, mut terminate, mut hung_up] = match all() {
                Ok(signals) => signals,
                Err(error) => return drop(ready.send(Err(error))),
            };
            // Errors mean that nobody waits.
            let _ = ready.send(Ok(()));
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                () = hangup.wait(&mut hung_up) => {}
            }
            let _ = sender.send(());
        })?;
        is_ready
            .recv()
            .context("the signals' thread has ended")?
            .context("signals cannot be received")?;
        Ok(Self {
            signals,
            _background: background,
        })
    }

    /// Returns at the first signal.
    pub(crate) fn wait(&self) {
        let _ = self.signals.recv();
    }

    /// Waits no longer than `patience`; tells whether there was a signal.
    pub(crate) fn wait_for(&self, patience: Duration) -> bool {
        !matches!(
            self.signals.recv_timeout(patience),
            Err(RecvTimeoutError::Timeout)
        )
    }
}

/// What SIGHUP does.
#[derive(Clone, Copy)]
enum Hangup {
    Ends,
    IsIgnored,
}

impl Hangup {
    /// Waits for a signal that ends. Its default action, which kills, is off in any case.
    async fn wait(self, hung_up: &mut Signal) {
        loop {
            hung_up.recv().await;
            if let Self::Ends = self {
                return;
            }
        }
    }
}

fn all() -> std::io::Result<[Signal; 3]> {
    Ok([
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
        signal(SignalKind::hangup())?,
    ])
}
