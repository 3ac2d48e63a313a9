//! `cargo xtask bench agent`: what wasm-agent between Envoy and its xDS server costs.

mod lane;
mod times;

use anyhow::Context as _;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::report::Report;
use crate::table::Table;
use crate::{Pace, Stage};
use delivery_tests::messages::{CDS, ECDS, cluster, extension_any};
use delivery_tests::xds_server::Sent;
use lane::{Lane, Lanes, Listener};
use times::Times;
use xtask::agent::Profile;
use xtask::module::Module;
use xtask::process_memory::resident_of;

/// The command that measures this.
pub(crate) const COMMAND: &str = "cargo xtask bench agent";

/// The extension configurations of a large response.
const MANY: usize = 1000;
/// The clusters of a response.
const CLUSTERS: usize = 100;
/// The octets of a response that nobody reads.
const OCTETS: usize = 1 << 20;

pub(crate) fn measure(stage: &Stage) -> anyhow::Result<Report> {
    xtask::say!("Building the agent …");
    let agent = xtask::agent::locate(Profile::Release)?;
    let module = Module::from(std::fs::read(&stage.module)?);
    let (updates, responses) = match stage.pace {
        Pace::Quick => (100, 10),
        Pace::Thorough => (1000, 50),
    };
    xtask::say!("Measuring with a real Envoy …");
    let envoys = Lanes::start(&agent, &module, Listener::Envoy);
    let resident = resident(&envoys.through_agent)?;
    let update = envoys.compare(updates, |lane, number| {
        lane.acknowledged(|| update(lane, number))
    })?;
    let clusters = envoys.compare(responses, |lane, number| {
        lane.acknowledged(|| clusters(lane, number))
    })?;
    drop(envoys);
    xtask::say!("Measuring with a client that accepts everything at once …");
    let clients = Lanes::start(&agent, &module, Listener::Client);
    let extensions = clients.compare(responses, |lane, number| {
        lane.received(MANY, || extensions(lane, number))
    })?;
    let octets = Bytes::from(lane::response(CDS, &vec![7; OCTETS]));
    let passed = clients.compare(responses, |lane, _| lane.passed(&octets))?;
    let rows = [
        Row::p50(
            "a new configuration of one filter, until Envoy's ACK, p50, ms",
            &update,
        ),
        Row::p99("the same, p99, ms", &update).with_aim("+5 ms"),
        Row::p50(
            "100 clusters in a response, until Envoy's ACK, p50, ms",
            &clusters,
        )
        .with_aim("+10 %"),
        Row::p50(
            "1,000 extension configurations in a response, p50, ms",
            &extensions,
        ),
        Row::p50("a response of 1 MiB of another type, p50, ms", &passed),
    ];
    Ok(Report {
        command: COMMAND,
        method: method(updates, responses),
        table: table(&rows, resident),
        json: figures(&rows, resident),
    })
}

/// What is resident of the agent, in octets, while its Envoy has nothing to do.
fn resident(lane: &Lane) -> anyhow::Result<u64> {
    let agent = lane.agent.as_ref().and_then(|agent| agent.id());
    resident_of(agent.context("the agent does not run")?)
}

/// Sends another configuration of the filter.
fn update(lane: &Lane, number: usize) -> Sent {
    let filter = lane.filter(number).any();
    lane.xds.set("lab", extension_any("lab", &filter))
}

/// Sends clusters, each with another timeout than before.
fn clusters(lane: &Lane, number: usize) -> Sent {
    let timeout = 1 + u64::try_from(number).unwrap_or_default();
    let names: Vec<String> = (0..CLUSTERS)
        .map(|index| format!("cluster-{index}"))
        .collect();
    let clusters: Vec<_> = names
        .iter()
        .map(|name| (name.as_str(), cluster(name, timeout)))
        .collect();
    lane.xds.set_all(CDS, &clusters)
}

/// Sends another configuration of each of many filters.
fn extensions(lane: &Lane, number: usize) -> Sent {
    let filter = lane.filter(number).any();
    let names = names();
    let resources: Vec<_> = names
        .iter()
        .map(|name| (name.as_str(), extension_any(name, &filter)))
        .collect();
    lane.xds.set_all(ECDS, &resources)
}

/// Those of many filters.
fn names() -> Vec<String> {
    (0..MANY).map(|index| format!("filter-{index}")).collect()
}

/// One figure, direct and through the agent, in milliseconds.
struct Row {
    name: &'static str,
    direct: f64,
    through_agent: f64,
    aim: &'static str,
}

impl Row {
    fn p50(name: &'static str, times: &[Times; 2]) -> Self {
        Self::of(name, times, 0.5)
    }

    fn p99(name: &'static str, times: &[Times; 2]) -> Self {
        Self::of(name, times, 0.99)
    }

    fn of(name: &'static str, [direct, through_agent]: &[Times; 2], quantile: f64) -> Self {
        Self {
            name,
            direct: direct.quantile_ms(quantile),
            through_agent: through_agent.quantile_ms(quantile),
            aim: "",
        }
    }

    fn with_aim(self, aim: &'static str) -> Self {
        Self { aim, ..self }
    }
}

fn table(rows: &[Row], resident: u64) -> Table {
    let head = [
        "what",
        "direct",
        "through the agent",
        "added",
        "in %",
        "aim",
    ];
    let mut table = Table::new(head);
    for row in rows {
        let added = row.through_agent - row.direct;
        table.push([
            row.name.to_owned(),
            format!("{:.2}", row.direct),
            format!("{:.2}", row.through_agent),
            format!("{added:.2}"),
            format!("{:.0}", 100.0 * added / row.direct),
            row.aim.to_owned(),
        ]);
    }
    table.push([
        "resident memory of the agent, idle, MB".to_owned(),
        String::new(),
        format!("{:.1}", resident as f64 / 1e6),
        String::new(),
        String::new(),
        "20 MB".to_owned(),
    ]);
    table
}

fn figures(rows: &[Row], resident: u64) -> Value {
    let rows: Vec<_> = rows
        .iter()
        .map(|row| json!({"what": row.name, "direct_ms": row.direct, "through_agent_ms": row.through_agent}))
        .collect();
    json!({"times": rows, "resident_octets": resident})
}

fn method(updates: usize, responses: usize) -> String {
    format!(
        "What the agent between Envoy and its xDS server costs, over delta ADS, each figure with and without it in turns. \
         A new configuration of one filter: {updates} times, the module cached, from the push until the server has \
         Envoy's ACK; Envoy's own time for it is in both columns. Responses: {responses} times each; the last two rows are \
         without Envoy, from the push until a client that accepts at once has everything. Idle: one Envoy connected, one \
         module delivered"
    )
}
