//! Real Envoy with several workers.

mod ecds;
mod holding;
mod workers;

use basic_auth_tests::{
    envoy::{PATIENCE, Plugin, Tuned},
    fixture::{basic, plugin},
};
use ecds::Ecds;
use serde_json::{Value, json};
use std::net::SocketAddr;
use xtask::{
    envoy::bootstrap::{self, manager},
    http::{self, Answer},
};

/// bcrypt of `open sesame`: some 60 ms, which are many slices.
const BCRYPT_10: &str = "$2y$10$n/PMVwNllC4jvJvvCg/hdekE.OF1fiI/bK/2hgihTAXJBxYEIDcU6";

/// How many workers Envoy has.
const WORKERS: &str = "4";

/// Two listeners, of which the first takes its filter over ECDS.
struct Live {
    envoy: Tuned,
    ecds: Ecds,
}

impl Live {
    fn start(first: &str, others: Vec<Plugin>) -> Live {
        let ecds = Ecds::of(first);
        let plugins = [vec![plugin("main", first)], others].concat();
        let tune = |configuration: &mut Value| {
            for listener in bootstrap::listeners(configuration) {
                let name = listener["name"].as_str().unwrap_or_default().to_owned();
                let manager = manager(listener);
                manager["upgrade_configs"] = json!([{"upgrade_type": "websocket"}]);
                manager["http_protocol_options"] = json!({"enable_trailers": true});
                if name.starts_with("stopping") {
                    let filter = &mut manager["http_filters"][0]["typed_config"]["config"];
                    filter["allow_on_headers_stop_iteration"] = json!(true);
                }
                if name == "main" {
                    manager["http_filters"][0] = ecds.filter();
                }
            }
        };
        let arguments = [
            ["--log-level", "info"],
            ["--concurrency", WORKERS],
            // Whoever asks for extension configurations needs a name.
            ["--service-node", "tests"],
            ["--service-cluster", "tests"],
        ];
        let envoy = Tuned::live(plugins, tune, arguments.as_flattened());
        Live { envoy, ecds }
    }

    fn address(&self, listener: &str) -> SocketAddr {
        self.envoy.proxy.listener(listener)
    }

    fn counter(&self, name: &str) -> u64 {
        let name = format!("wasmcustom.basic_auth.{name}");
        self.envoy.proxy.statistic(&name)
    }

    /// Waits until a counter, which workers hand over every second, has a value.
    fn wait_for_counter(&mut self, name: &str, value: u64) {
        let full = format!("wasmcustom.basic_auth.{name}");
        let counted = self.envoy.proxy.envoy.wait_for(name, PATIENCE, |envoy| {
            let now = envoy.statistic(&full).ok()??;
            (now >= value).then_some(now)
        });
        let counted = counted.unwrap_or_else(|error| panic!("{error:#}: {value}"));
        assert_eq!(counted, value, "{name}");
    }

    fn requests_upstream(&self) -> u64 {
        self.envoy
            .proxy
            .statistic("cluster.upstream.upstream_rq_total")
    }

    fn assert_no_trap(&self) {
        let log = self.envoy.proxy.log();
        for sign in ["in-VM backtrace", "RuntimeError", "Wasm VM failed"] {
            let line = log.find(sign);
            assert!(line.is_none(), "the module trapped: {line:?}");
        }
    }
}

/// `GET /a` on a connection of its own.
fn ask(address: SocketAddr, credentials: &str) -> u16 {
    let head = request("GET", credentials, "");
    send(address, head.as_bytes()).status
}

/// A request to `/a` over HTTP/1.1, with these fields, each with its end of line.
fn request(method: &str, credentials: &str, fields: &str) -> String {
    let credentials = basic(credentials);
    format!(
        "{method} /a HTTP/1.1\r\nhost: example.com\r\nauthorization: {credentials}\r\n{fields}\r\n"
    )
}

fn send(address: SocketAddr, octets: &[u8]) -> Answer {
    http::send_octets(address, octets).unwrap_or_else(|error| panic!("{error:#}"))
}
