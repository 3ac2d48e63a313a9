//! The log: standard error, one line an event.

use std::io::IsTerminal as _;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::prelude::*;

/// How a line of the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// A JSON object a line.
    Json,
}

/// Logs from now on. Only the agent's own events: those of libraries could hold secrets.
pub fn start(format: LogFormat) {
    let own = Targets::new().with_target("wasm_agent", LevelFilter::INFO);
    let registry = tracing_subscriber::registry();
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    match format {
        LogFormat::Text => {
            let layer = layer
                .with_target(false)
                .with_ansi(std::io::stderr().is_terminal());
            registry.with(layer.with_filter(own)).init();
        }
        LogFormat::Json => {
            registry
                .with(layer.json().flatten_event(true).with_filter(own))
                .init();
        }
    }
}
