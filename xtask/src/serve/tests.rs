//! The module server over real sockets.

mod http;
mod patience;
mod tls;

use std::sync::Mutex;
use std::time::Instant;

use tempfile::TempDir;

use super::*;
use crate::http::{Answer, Protocol, get, send, send_octets};
use crate::module::Module;

const MODULE: &[u8] = b"\0asm and more";

/// How long something may take that happens at once.
const SOON: Duration = Duration::from_secs(20);

fn dist() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    publish(&folder, MODULE);
    folder
}

fn publish(folder: &TempDir, bytes: &[u8]) -> Module {
    let module = Module::from(bytes.to_vec());
    module.publish(folder.path()).unwrap();
    module
}

fn config(folder: &TempDir) -> Config {
    Config::local(folder.path().to_path_buf())
}

fn refusal(config: Config) -> String {
    let refused = Server::start(config).err();
    format!("{:#}", refused.expect("the server must be refused"))
}

/// What a server has logged so far.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    fn log(&self) -> Box<dyn Fn(&Event) + Send + Sync> {
        let lines = Arc::clone(&self.0);
        Box::new(move |event| lines.lock().unwrap().push(event.to_string()))
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    /// Waits for a line that begins so.
    fn wait_for(&self, begin: &str) -> String {
        wait_for(begin, || {
            self.all().into_iter().find(|line| line.starts_with(begin))
        })
    }
}

/// Looks until there is something, or panics.
fn wait_for<Found>(what: &str, mut look: impl FnMut() -> Option<Found>) -> Found {
    let deadline = Instant::now() + SOON;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "not within {SOON:?}: {what}");
        std::thread::yield_now();
    }
}
