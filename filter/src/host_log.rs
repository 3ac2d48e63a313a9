//! The host's log, which the operator reads.

use crate::abi;
use log::{LevelFilter, Log, Metadata, Record};

struct HostLog;

impl Log for HostLog {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        // There is no other place to say that the host does not listen.
        let _ = abi::log(record.level(), &record.args().to_string());
    }

    fn flush(&self) {}
}

/// From here on, what is logged goes to the host.
pub(crate) fn start() {
    // Only fails if it is there already.
    let _ = log::set_logger(&HostLog);
    log::set_max_level(LevelFilter::Info);
}

/// Logs from the level on that the host has now.
pub(crate) fn adopt_level() {
    log::set_max_level(abi::log_level());
}
