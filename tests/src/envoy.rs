//! Real Envoy with the built module from a remote URI, and clients that send it what a case says.

mod bootstrap;
mod form;
pub mod message;
pub mod module_server;
mod observation;
mod tuned;

pub use bootstrap::{Bootstrap, ModuleSource, Plugin};
pub use form::Form;
pub use observation::observe;
pub use tuned::Tuned;

use serde_json::Value;
use std::{collections::BTreeMap, net::SocketAddr, time::Duration};
use xtask::envoy::Envoy;

/// Loading a module needs a download and a compilation, on a machine that may be busy.
pub const PATIENCE: Duration = Duration::from_secs(300);

/// A running Envoy, its upstream, and the addresses of its listeners by name.
pub struct Proxy {
    /// The process.
    pub envoy: Envoy,
    listeners: BTreeMap<String, SocketAddr>,
}

impl Proxy {
    /// Starts Envoy and waits until every listener accepts connections.
    ///
    /// # Panics
    /// With Envoy's last words when it does not get there.
    #[must_use]
    pub fn live(bootstrap: &Bootstrap) -> Proxy {
        let mut proxy = Proxy::starting(bootstrap);
        proxy.wait_until_live();
        proxy
    }

    /// Starts Envoy. It may still be loading the module.
    ///
    /// # Panics
    /// When there is no Envoy, or it ends at once.
    #[must_use]
    pub fn starting(bootstrap: &Bootstrap) -> Proxy {
        Proxy::start(&bootstrap.to_json(), &["--log-level", "info"])
    }

    fn start(configuration: &Value, arguments: &[&str]) -> Proxy {
        let arguments = [&["--concurrency", "1"], arguments].concat();
        let envoy = xtask::envoy::locate()
            .and_then(|program| Envoy::start(&program, &configuration.to_string(), &arguments));
        Proxy {
            envoy: envoy.unwrap_or_else(|error| panic!("{error:#}")),
            listeners: BTreeMap::new(),
        }
    }

    /// Waits until every listener accepts connections.
    ///
    /// # Panics
    /// With Envoy's last words when it does not get there.
    pub fn wait_until_live(&mut self) {
        let live = self.envoy.wait_until_live(PATIENCE);
        live.and_then(|()| {
            self.envoy
                .wait_for("its listeners", PATIENCE, Envoy::listeners)
        })
        .map(|listeners| self.listeners = listeners)
        .unwrap_or_else(|error| panic!("{error:#}"));
    }

    /// Where a listener listens.
    ///
    /// # Panics
    /// When there is none of this name.
    #[must_use]
    pub fn listener(&self, name: &str) -> SocketAddr {
        *self
            .listeners
            .get(name)
            .unwrap_or_else(|| panic!("no listener `{name}`"))
    }

    /// A counter or gauge of Envoy's, 0 if there is none of this name.
    ///
    /// # Panics
    /// When the admin interface does not answer.
    #[must_use]
    pub fn statistic(&self, name: &str) -> u64 {
        let statistic = self.envoy.statistic(name);
        let statistic = statistic.unwrap_or_else(|error| panic!("{error:#}"));
        statistic.unwrap_or(0)
    }

    /// Everything that Envoy has logged so far.
    #[must_use]
    pub fn log(&self) -> Log {
        let log = self.envoy.log();
        Log(log.lines().map(unescaped).collect())
    }
}

/// A log of Envoy's, its entries without escapes.
#[derive(Debug)]
pub struct Log(Vec<String>);

impl Log {
    /// The first entry that contains a text.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<&str> {
        self.0
            .iter()
            .map(String::as_str)
            .find(|line| line.contains(text))
    }

    /// What the module logged for a plugin, its lines together.
    #[must_use]
    pub fn of_plugin(&self, plugin: &str) -> String {
        let mark = format!("wasm log {plugin}");
        let of_plugin = |line: &String| {
            let rest = line.split_once(&mark)?.1;
            // The name stands before the identifiers of root context and VM, or the colon.
            rest.starts_with([' ', ':']).then(|| rest.to_owned())
        };
        let lines: Vec<String> = self.0.iter().filter_map(of_plugin).collect();
        lines.join("\n")
    }
}

/// A line without the escapes of C that `--log-format-escaped` writes.
fn unescaped(line: &str) -> String {
    let mut octets = Vec::with_capacity(line.len());
    let mut rest = line.as_bytes();
    while let Some((&octet, after)) = rest.split_first() {
        rest = after;
        match (octet, after) {
            (
                b'\\',
                [
                    a @ b'0'..=b'3',
                    b @ b'0'..=b'7',
                    c @ b'0'..=b'7',
                    after @ ..,
                ],
            ) => {
                octets.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                rest = after;
            }
            // Ends of lines stay escaped, so that an entry stays one line.
            (b'\\', [quoted @ (b'"' | b'\'' | b'\\'), after @ ..]) => {
                octets.push(*quoted);
                rest = after;
            }
            _ => octets.push(octet),
        }
    }
    String::from_utf8_lossy(&octets).into_owned()
}

#[cfg(test)]
mod tests {
    use super::unescaped;

    #[test]
    fn a_line_of_the_log_is_unescaped() {
        assert_eq!(
            unescaped(r#"a \"b\" \'c\' \\ \342\200\246 \n"#),
            "a \"b\" 'c' \\ … \\n"
        );
    }
}
