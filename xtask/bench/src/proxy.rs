//! An Envoy with one worker, and what a request costs that worker.

use std::iter;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::bootstrap::bootstrap;
use crate::cores::{Cores, Thread};
use crate::variant::Variant;
use xtask::envoy::Envoy;
use xtask::http::Connections;

/// How long Envoy may take to compile its modules and read their configurations.
const PATIENCE: Duration = Duration::from_secs(120);

/// The connections to each listener.
const CONNECTIONS: usize = 4;

/// The requests under way on each connection.
const BATCH: usize = 64;

/// The requests of a slice.
pub(crate) const SLICE: usize = CONNECTIONS * BATCH;

/// A running Envoy, ready to be measured.
pub(crate) struct Proxy {
    pub(crate) envoy: Envoy,
    pub(crate) worker: Thread,
    lanes: Vec<Lane>,
}

/// The connections to a listener, and the request that is sent over and over.
struct Lane {
    connections: Connections,
    request: http::Request<()>,
}

impl Proxy {
    /// Starts `program`, and connects to a listener for each variant.
    pub(crate) fn start(program: &Path, variants: &[Variant]) -> anyhow::Result<Self> {
        let names: Vec<_> = (0..variants.len()).map(listener_name).collect();
        let filters = variants.iter().map(|variant| &variant.filter);
        let configuration = bootstrap(names.iter().map(String::as_str).zip(filters)).to_string();
        let arguments = ["--concurrency", "1", "--log-level", "warn"];
        let mut envoy = Envoy::start(program, &configuration, &arguments)?;
        envoy.wait_until_live(PATIENCE)?;
        let worker = Thread::worker(envoy.id())?;
        if let Some(cores) = Cores::available() {
            cores.pin(envoy.id(), &worker)?;
        }
        let mut proxy = Self {
            envoy,
            worker,
            lanes: Vec::new(),
        };
        for (name, variant) in names.iter().zip(variants) {
            let lane = proxy.lane(name, variant);
            let lane =
                lane.with_context(|| format!("{}:\n{}", variant.name, proxy.envoy.last_words()))?;
            proxy.lanes.push(lane);
        }
        Ok(proxy)
    }

    fn lane(&mut self, listener: &str, variant: &Variant) -> anyhow::Result<Lane> {
        let address = self.envoy.wait_for_listener(listener, PATIENCE)?;
        variant.check(address)?;
        let mut lane = Lane {
            connections: Connections::open(address, CONNECTIONS)?,
            request: variant.request.message()?,
        };
        // From the second request on, HPACK's dynamic table has the fields (RFC 7541, 2.3.2).
        lane.exchange(1)?;
        Ok(lane)
    }

    /// The CPU time of Envoy's worker for one request to the listener of a variant, in
    /// nanoseconds, over a slice.
    pub(crate) fn slice(&mut self, variant: usize) -> anyhow::Result<f64> {
        self.cost(variant, BATCH, SLICE / (BATCH * CONNECTIONS))
    }

    /// The same for one request after another.
    pub(crate) fn sequence(&mut self, variant: usize, count: usize) -> anyhow::Result<f64> {
        self.lanes[variant].connections.keep_one();
        self.cost(variant, 1, count)
    }

    fn cost(&mut self, variant: usize, batch: usize, batches: usize) -> anyhow::Result<f64> {
        let lane = &mut self.lanes[variant];
        let before = self.worker.cpu_time()?;
        for _ in 0..batches {
            lane.exchange(batch)?;
        }
        let spent = self.worker.cpu_time()? - before;
        let requests = batch * batches * lane.connections.count();
        Ok(spent.as_nanos() as f64 / requests as f64)
    }

    /// Fails unless every answer so far was of the class that is expected of the variant.
    pub(crate) fn check_answers(&self, variants: &[Variant]) -> anyhow::Result<()> {
        let classes = ["1xx", "2xx", "3xx", "4xx", "5xx"];
        for (index, variant) in variants.iter().enumerate() {
            let expected = usize::from(variant.status / 100) - 1;
            for (class, name) in classes.iter().enumerate() {
                let statistic = format!("http.{}.downstream_rq_{name}", listener_name(index));
                let count = self.envoy.statistic(&statistic)?;
                let count = count.with_context(|| format!("Envoy has no {statistic}"))?;
                if class != expected && count > 0 {
                    bail!("{}: there were answers {name}", variant.name);
                }
            }
        }
        Ok(())
    }
}

impl Lane {
    /// Sends so many requests on each connection, and waits for the answers.
    fn exchange(&mut self, batch: usize) -> anyhow::Result<()> {
        let count = batch * self.connections.count();
        let requests = iter::repeat_n(&self.request, count).cloned();
        self.connections.exchange(requests)
    }
}

/// Also the prefix of the listener's statistics.
fn listener_name(variant: usize) -> String {
    format!("variant_{variant}")
}
