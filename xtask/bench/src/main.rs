//! What the filter costs. Run by `cargo xtask bench`.

#![warn(clippy::print_stdout, clippy::print_stderr)]

mod agent;
mod bootstrap;
mod chart;
mod cores;
mod filters;
mod flood;
mod footprint;
mod minimal_module;
mod modules;
mod passwords;
mod proxy;
mod report;
mod request;
mod rounds;
mod scale;
mod stored_hash;
mod table;
mod variant;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use report::{Circumstances, Report};
use xtask::{envoy, target_folder};

/// Measures what a request costs with this filter and with others.
#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask bench",
    bin_name = "cargo xtask bench",
    max_term_width = 100,
    after_help = "\
Examples:
  cargo xtask bench --quick
  cargo xtask bench scale
  cargo xtask bench passwords --write-docs
  cargo xtask bench agent

Figures are CPU time of the worker thread of a real Envoy; those of `flood` and `agent` are times that pass. The machine should
have nothing else to do: the more the median differs from the quartile, the more it had."
)]
struct BenchArgs {
    /// What is measured [default: what a request costs with this filter and with others]
    #[command(subcommand)]
    what: Option<What>,
    /// Measures for a shorter time, and less exactly: not for a table to keep
    #[arg(long, global = true)]
    quick: bool,
    /// Measures this module instead of the one that is built from this source
    #[arg(long, value_name = "FILE", global = true)]
    module: Option<PathBuf>,
    /// Where all figures go [default: bench.json, bench-scale.json, bench-passwords.json, bench-flood.json or
    /// bench-agent.json in target/]
    #[arg(long, value_name = "FILE", global = true)]
    json: Option<PathBuf>,
    /// Writes the table to docs/performance.md, and draws it
    #[arg(long, global = true)]
    write_docs: bool,
}

#[derive(Clone, Copy, Debug, clap::Subcommand)]
enum What {
    /// What more rules and more users cost: each request, the configuration, memory
    Scale,
    /// What one verification of each password format costs in the VM and natively
    Passwords,
    /// What logins and floods of wrong passwords do to everybody else
    Flood,
    /// What wasm-agent between Envoy and its xDS server costs
    Agent,
    /// Draws the tables of docs/performance.md, as `--write-docs` does
    Draw,
}

/// What a measurement is made with.
struct Stage {
    /// The program.
    envoy: PathBuf,
    /// The module of this project.
    module: PathBuf,
    pace: Pace,
}

/// How much time a measurement may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    Quick,
    Thorough,
}

fn main() -> ExitCode {
    xtask::exit_code(run(&BenchArgs::parse()))
}

/// Measures and reports, or draws what was reported.
fn run(args: &BenchArgs) -> anyhow::Result<()> {
    match args.what {
        None => measure(args, filters::measure, "bench.json"),
        Some(What::Scale) => measure(args, scale::measure, "bench-scale.json"),
        Some(What::Passwords) => measure(args, passwords::measure, "bench-passwords.json"),
        Some(What::Flood) => measure(args, flood::measure, "bench-flood.json"),
        Some(What::Agent) => measure(args, agent::measure, "bench-agent.json"),
        Some(What::Draw) => chart::draw_all(),
    }
}

fn measure(
    args: &BenchArgs,
    measure: fn(&Stage) -> anyhow::Result<Report>,
    file: &str,
) -> anyhow::Result<()> {
    let stage = Stage {
        envoy: envoy::locate()?,
        module: modules::basic_auth(args.module.as_deref())?,
        pace: if args.quick {
            Pace::Quick
        } else {
            Pace::Thorough
        },
    };
    let report = measure(&stage)?;
    let json = args
        .json
        .clone()
        .unwrap_or_else(|| target_folder().join(file));
    report.publish(&Circumstances::of(&stage)?, &json, args.write_docs)
}
