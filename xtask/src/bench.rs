//! `cargo xtask bench`: what a request costs with this filter and with others.

mod bootstrap;
mod connection;
mod cores;
mod minimal_module;
mod modules;
mod proxy;
mod report;
mod request;
mod rounds;
mod stripped_sdk;
mod table;
mod variant;

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use crate::{envoy, target_folder};
use modules::Modules;
use proxy::Proxy;
use report::{Circumstances, Report};
use rounds::{Measured, SEED, Summary};
use table::Table;
use variant::{EMPTY_SDK, USUAL_SDK, Variant};

/// Arguments of `cargo xtask bench`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cargo xtask bench --quick
  cargo xtask bench --write-docs

Numbers are CPU time of Envoy's worker thread. The machine should be idle otherwise; the more the
median differs from the minimum, the less it was.")]
pub struct BenchArgs {
    /// Takes less than a minute; for a table to keep, take the time
    #[arg(long)]
    quick: bool,
    /// Where all figures go [default: target/bench.json]
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Writes the table to docs/performance.md
    #[arg(long)]
    write_docs: bool,
}

/// Measures and reports.
pub fn run(args: &BenchArgs) -> anyhow::Result<()> {
    let program = envoy::locate()?;
    println!("Building the modules …");
    let modules = Modules::build()?;
    let circumstances = Circumstances::now(&program, &modules.basic_auth.module)?;
    let variants = variant::variants(&modules);
    let mut proxy = Proxy::start(&program, &variants)?;
    let duration = Duration::from_secs(if args.quick { 30 } else { 240 });
    println!("Measuring for {} s …", duration.as_secs());
    let measured = Measured::during(duration, &mut proxy, variants.len())?;
    proxy.check_answers(&variants)?;
    let report = Report {
        command: "cargo xtask bench",
        method: method(&measured),
        table: table(&variants, &measured),
        json: figures(&variants, &measured),
    };
    let json = args
        .json
        .clone()
        .unwrap_or_else(|| target_folder().join("bench.json"));
    report.publish(&circumstances, &json, args.write_docs)
}

fn method(measured: &Measured) -> String {
    format!(
        "CPU time of Envoy's worker thread for one HTTP/2 request with 4 pseudo-header fields and \
         {} others, in microseconds: the whole without a filter, and what each filter adds to \
         that in the same round. {} rounds of {} requests, in shuffled order (seed {SEED}). \
         The ratios are those of the medians",
        request::FIELD_COUNT,
        measured.rounds(),
        proxy::SLICE,
    )
}

/// The row without a filter shows the whole, the others what they add to it.
fn costs<'m>(
    variants: &'m [Variant],
    measured: &'m Measured,
) -> impl Iterator<Item = (&'m Variant, Summary)> {
    variants
        .iter()
        .enumerate()
        .map(|(index, variant)| match index {
            0 => (variant, measured.base()),
            _ => (variant, measured.added(index)),
        })
}

fn table(variants: &[Variant], measured: &Measured) -> Table {
    let median = |name: &str| {
        let mut all = costs(variants, measured);
        all.find(|(variant, _)| variant.name == name)
            .map_or(f64::NAN, |(_, cost)| cost.median)
    };
    let (empty, usual) = (median(EMPTY_SDK), median(USUAL_SDK));
    let head = [
        "filter", "minimum", "quartile", "median", "÷ empty", "÷ usual",
    ];
    let mut table = Table::new(head);
    for (index, (variant, cost)) in costs(variants, measured).enumerate() {
        let microseconds = |nanoseconds: f64| format!("{:.2}", nanoseconds / 1000.0);
        let ratio = |other: f64| match index {
            0 => String::new(),
            _ => format!("{:.2}", cost.median / other),
        };
        table.push([
            variant.name.clone(),
            microseconds(cost.minimum),
            microseconds(cost.quartile),
            microseconds(cost.median),
            ratio(empty),
            ratio(usual),
        ]);
    }
    table
}

fn figures(variants: &[Variant], measured: &Measured) -> Value {
    let rows = costs(variants, measured).map(|(variant, cost)| {
        json!({
            "filter": variant.name,
            "status": variant.status,
            "nanoseconds": {
                "minimum": cost.minimum,
                "quartile": cost.quartile,
                "median": cost.median,
            },
        })
    });
    json!({
        "seed": SEED,
        "rounds": measured.rounds(),
        "requests_per_slice": proxy::SLICE,
        "rows": rows.collect::<Vec<_>>(),
    })
}
