//! Real servers behind real Envoy with the built module: what a server serves without the filter
//! for a spelling, it must not serve through it without credentials.
//! `cargo xtask test --only upstreams` runs it.

mod connection;
mod content;
mod definition;
mod group;
mod installation;
mod proxy;
mod report;
mod request;
mod requests;
mod reserved_port;
mod rule_set;
mod server;
mod trial;

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};
use std::time::Instant;

use anyhow::{Context as _, bail};
use clap::Parser;
use clap::builder::BoolishValueParser;
use tempfile::NamedTempFile;
use xtask::{build, exit_code, say};

use definition::Definition;
use installation::Installation;
use proxy::Proxy;
use report::Report;
use server::Server;
use trial::Trial;

/// How many servers are tried at the same time: some wait more than they work.
const TRIALS: usize = 4;

/// Tries real servers behind the filter.
#[derive(Debug, Parser)]
struct Arguments {
    /// Made-up requests for each server, after those that have one change only
    #[arg(long, env = "UPSTREAMS_REQUESTS", default_value_t = 300)]
    requests: usize,
    /// Of the requests that have one change only, every fourth by default, all by 1
    #[arg(long, env = "UPSTREAMS_EVERY", default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..))]
    every: u64,
    /// What the made-up requests are made of
    #[arg(long, env = "UPSTREAMS_SEED", default_value_t = 15)]
    seed: u64,
    /// Servers to leave out, where they cannot be had. Refused in CI
    #[arg(long, env = "UPSTREAMS_WITHOUT", value_delimiter = ',')]
    without: Vec<String>,
    /// Tries these servers only. Refused in CI
    #[arg(long, env = "UPSTREAMS_ONLY", value_delimiter = ',')]
    only: Vec<String>,
    /// Whether this is CI, where everything must be tried
    #[arg(long = "ci", env = "CI", hide = true, action = clap::ArgAction::Set, default_value_t = false, value_parser = BoolishValueParser::new())]
    is_ci: bool,
    /// Prints every hole, instead of the shortest of each server and configuration
    #[arg(long)]
    all_holes: bool,
    /// Tries this module, and not that of this source. Refused in CI
    #[arg(long, env = "UPSTREAMS_MODULE", value_name = "FILE")]
    module: Option<PathBuf>,
}

fn main() -> ExitCode {
    exit_code(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let start = Instant::now();
    say!(
        "seed {}, {} made-up requests for each server",
        arguments.seed,
        arguments.requests
    );
    let definitions = chosen(Definition::all()?, arguments)?;
    if definitions.is_empty() {
        bail!("no server is left");
    }
    let module = module(arguments)?;
    let installation = Installation::complete()?;
    let mut report = Report::default();
    let servers = start_servers(definitions, &installation, &mut report);
    say!(
        "{} servers serve after {:.0?}",
        servers.len(),
        start.elapsed()
    );
    let proxy = Proxy::start(&servers, module.path())?;
    try_all(&servers, &proxy, arguments, &mut report);
    say!("done after {:.0?}", start.elapsed());
    report.finish(arguments.all_holes)
}

/// A file with the module to try, for Envoy to read.
fn module(arguments: &Arguments) -> anyhow::Result<NamedTempFile> {
    let mut file = tempfile::Builder::new().suffix(".wasm").tempfile()?;
    match &arguments.module {
        Some(other) => {
            let octets = fs::read(other).with_context(|| other.display().to_string())?;
            file.write_all(&octets)?;
        }
        None => file.write_all(&build::of_this_source()?.bytes)?,
    }
    Ok(file)
}

/// The servers that are not left out.
fn chosen(all: Vec<Definition>, arguments: &Arguments) -> anyhow::Result<Vec<Definition>> {
    let named = || arguments.without.iter().chain(&arguments.only);
    if let Some(unknown) = named().find(|name| all.iter().all(|server| server.name != **name)) {
        bail!("there is no server `{unknown}`");
    }
    if arguments.is_ci && (named().next().is_some() || arguments.module.is_some()) {
        bail!("in CI no server may be left out, and no other module be tried");
    }
    let is_chosen = |server: &Definition| {
        let is_only = arguments.only.is_empty() || arguments.only.contains(&server.name);
        is_only && !arguments.without.contains(&server.name)
    };
    Ok(all.into_iter().filter(is_chosen).collect())
}

/// Starts all at the same time and returns those that serve. The others are failures.
fn start_servers(
    definitions: Vec<Definition>,
    installation: &Installation,
    report: &mut Report,
) -> Vec<Server> {
    let mut started = Vec::new();
    for definition in definitions {
        let name = definition.name.clone();
        match Server::start(definition, installation) {
            Ok(server) => started.push(server),
            Err(error) => report.fail(&name, &error),
        }
    }
    let mut serving = Vec::new();
    for mut server in started {
        match server.wait() {
            Ok(()) => serving.push(server),
            Err(error) => report.fail(&server.definition.name, &error),
        }
    }
    serving
}

fn try_all(servers: &[Server], proxy: &Proxy, arguments: &Arguments, report: &mut Report) {
    let queue = Mutex::new(servers.iter());
    let (outcomes, incoming) = channel();
    std::thread::scope(|scope| {
        for _ in 0..TRIALS {
            let (queue, outcomes) = (&queue, outcomes.clone());
            scope.spawn(move || {
                // A poisoned queue means that the other thread has panicked, which `scope` reports.
                while let Some(server) = queue.lock().ok().and_then(|mut queue| queue.next()) {
                    try_one(server, proxy, arguments, &outcomes);
                }
            });
        }
        drop(outcomes);
        for (name, outcome) in incoming {
            match outcome {
                Ok(outcome) => report.add(&name, outcome),
                Err(error) => report.fail(&name, &error),
            }
        }
    });
}

type Outcomes = Sender<(String, anyhow::Result<trial::Outcome>)>;

fn try_one(server: &Server, proxy: &Proxy, arguments: &Arguments, outcomes: &Outcomes) {
    let definition = &server.definition;
    let requests = requests::requests(
        definition,
        arguments.seed,
        arguments.requests,
        usize::try_from(arguments.every).unwrap_or(usize::MAX),
    );
    let outcome = Trial::of(definition, proxy).and_then(|mut trial| trial.run(requests));
    // An error means that nobody listens any more, after a panic.
    let _ = outcomes.send((definition.name.clone(), outcome));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(line: &[&str]) -> Result<Vec<String>, String> {
        let arguments = Arguments::parse_from([&["upstream-tests"], line].concat());
        let chosen = chosen(Definition::all().unwrap(), &arguments);
        let names = |servers: Vec<Definition>| servers.into_iter().map(|server| server.name);
        chosen
            .map(|servers| names(servers).collect())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn servers_can_be_left_out_but_not_in_ci() {
        let all = names(&["--ci=false"]).unwrap();
        let others = names(&["--ci=false", "--without", "nginx,jetty"]).unwrap();
        let is_other = |name: &&String| *name != "nginx" && *name != "jetty";
        assert_eq!(
            others,
            all.iter().filter(is_other).cloned().collect::<Vec<_>>()
        );
        assert_eq!(
            names(&["--ci=false", "--only", "nginx"]).unwrap(),
            ["nginx"]
        );
        assert_eq!(
            names(&["--ci=false", "--without", "ngin"]).unwrap_err(),
            "there is no server `ngin`"
        );
        assert_eq!(names(&["--ci=true"]).unwrap(), all);
        assert_eq!(
            names(&["--ci=true", "--without", "nginx"]).unwrap_err(),
            "in CI no server may be left out, and no other module be tried"
        );
    }
}
