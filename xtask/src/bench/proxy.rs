//! An Envoy with one worker, and what a request costs that worker.

use std::iter;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};

use super::bootstrap::bootstrap;
use super::cores::{Cores, Thread};
use super::variant::Variant;
use crate::envoy::Envoy;
use crate::http2::Connection;

/// How long Envoy may take to compile its modules and read their configurations.
const PATIENCE: Duration = Duration::from_secs(120);

/// The connections to each listener.
const CONNECTIONS: usize = 4;

/// The requests under way on each connection.
const BATCH: usize = 64;

/// The requests of a slice.
pub(super) const SLICE: usize = CONNECTIONS * BATCH;

/// A running Envoy, ready to be measured.
pub(super) struct Proxy {
    pub(super) envoy: Envoy,
    pub(super) worker: Thread,
    lanes: Vec<Lane>,
}

/// A listener and the connections to it.
struct Lane {
    address: SocketAddr,
    connections: Vec<Connection>,
    /// The field block of every request but the first.
    block: Vec<u8>,
}

impl Proxy {
    /// Starts `program`, and connects to a listener for each variant.
    pub(super) fn start(program: &Path, variants: &[Variant]) -> anyhow::Result<Self> {
        let names: Vec<_> = (0..variants.len()).map(listener_name).collect();
        let filters = variants.iter().map(|variant| &variant.filter);
        let configuration = bootstrap(names.iter().map(String::as_str).zip(filters)).to_string();
        let arguments = ["--concurrency", "1", "--log-level", "warn"];
        let mut envoy = Envoy::start(program, &configuration, &arguments)?;
        envoy.wait_until_live(PATIENCE)?;
        let worker = Thread::worker(envoy.id())?;
        let lanes = names.iter().map(|name| {
            Ok(Lane {
                address: envoy.wait_for_listener(name, PATIENCE)?,
                connections: Vec::new(),
                block: Vec::new(),
            })
        });
        let lanes = lanes.collect::<anyhow::Result<_>>()?;
        let mut proxy = Self {
            envoy,
            worker,
            lanes,
        };
        if let Some(cores) = Cores::available() {
            cores.pin(proxy.envoy.id(), &proxy.worker)?;
        }
        for (lane, variant) in proxy.lanes.iter_mut().zip(variants) {
            variant
                .check(lane.address)
                .with_context(|| format!("{}:\n{}", variant.name, proxy.envoy.last_words()))?;
            lane.connect(variant)?;
        }
        Ok(proxy)
    }

    /// The CPU time of Envoy's worker for one request to the listener of a variant, in
    /// nanoseconds, over a slice.
    pub(super) fn slice(&mut self, variant: usize) -> anyhow::Result<f64> {
        self.cost(variant, BATCH, SLICE / (BATCH * CONNECTIONS))
    }

    /// The same for one request after another.
    pub(super) fn sequence(&mut self, variant: usize, count: usize) -> anyhow::Result<f64> {
        self.lanes[variant].connections.truncate(1);
        self.cost(variant, 1, count)
    }

    fn cost(&mut self, variant: usize, batch: usize, batches: usize) -> anyhow::Result<f64> {
        let lane = &mut self.lanes[variant];
        let before = self.worker.cpu_time()?;
        for _ in 0..batches {
            for connection in &mut lane.connections {
                connection.send(iter::repeat_n(&lane.block, batch))?;
            }
            for connection in &mut lane.connections {
                connection.finish()?;
            }
        }
        let spent = self.worker.cpu_time()? - before;
        let requests = batch * batches * lane.connections.len();
        Ok(spent.as_nanos() as f64 / requests as f64)
    }

    /// Fails unless every answer so far was of the class that is expected of the variant.
    pub(super) fn check_answers(&self, variants: &[Variant]) -> anyhow::Result<()> {
        let classes = ["1xx", "2xx", "3xx", "4xx", "5xx"];
        for (index, variant) in variants.iter().enumerate() {
            let expected = usize::from(variant.status / 100) - 1;
            for (class, name) in classes.iter().enumerate() {
                let statistic = format!("http.{}.downstream_rq_{name}", listener_name(index));
                if class != expected && self.statistic(&statistic)? > 0 {
                    bail!("{}: there were answers {name}", variant.name);
                }
            }
        }
        Ok(())
    }

    fn statistic(&self, name: &str) -> anyhow::Result<u64> {
        let filter = name.replace('.', "\\.");
        let answer = self.envoy.ask_admin(&format!("/stats?filter=^{filter}$"))?;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        let value = text.rsplit(": ").next().unwrap_or_default().trim().parse();
        value.with_context(|| format!("Envoy has no statistic {name}"))
    }
}

impl Lane {
    fn connect(&mut self, variant: &Variant) -> anyhow::Result<()> {
        self.block = variant.request.next_block();
        for _ in 0..CONNECTIONS {
            let mut connection = Connection::open(self.address)?;
            connection.send([variant.request.first_block()])?;
            connection.finish()?;
            self.connections.push(connection);
        }
        Ok(())
    }
}

/// Also the prefix of the listener's statistics.
fn listener_name(variant: usize) -> String {
    format!("variant_{variant}")
}
