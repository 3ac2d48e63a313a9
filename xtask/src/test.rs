//! `cargo xtask test`: every check and test there is, or one part of them.

mod v8;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::toolchain::Toolchain;
use crate::{build, command, fuzz, repository_root};

/// The package with the tests of the whole.
const TESTS: &str = "basic-auth-tests";

/// Enough to run the seeds and to notice that a target is broken.
const TIME_OF_A_FUZZ_TARGET: Duration = Duration::from_secs(2);

/// The program that tries the real servers.
const UPSTREAMS: &str = "upstream-tests";

/// How many tests of one program run at once.
const TEST_THREADS: &str = "4";

/// The environment variable that tests find when they are to take their time.
pub const LONG: &str = "BASIC_AUTH_TEST_LONG";

/// Arguments of `cargo xtask test`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cargo xtask test
  cargo xtask test --only core
  cargo xtask test --only vm --only envoy
  cargo xtask test --only memory --long

Parts:
  fmt         the source is formatted
  clippy      the source has no warnings, for this machine and for WebAssembly
  doc         the documentation of the source has no warnings
  build       the module can be built
  compile     what the next ones run
  workspace   `cargo test --workspace`, which includes the next ones
    core      the corpus on the core, natively
    wasm      the corpus on the built module, in a Proxy-Wasm host in process
    envoy     the corpus on a real Envoy that loaded the built module
    …         any other of tests/tests/
  clients     curl, requests, gRPC, Node, Java, git, skopeo through a real Envoy with the built module (among `workspace`, too)
  agent       the agent: its modules, a real registry, real Envoy behind it (among `workspace`, too)
  publish     images, manifests and releases, with a real registry, skopeo and real Envoy (among `workspace`, too)
  serve       `cargo xtask serve` and `up`, with curl, wget and h2load (among `workspace`, too)
  operators   check, explain, users, the playground, browsers and the docs (among `workspace`, too)
  vm          the corpus on the core in V8, through node
  upstreams   real servers behind a real Envoy with the built module, and spellings of paths
  fuzz        2 s of each fuzz target: `cargo xtask fuzz` runs them longer")]
pub struct TestArgs {
    /// Runs this part only; may be given several times
    #[arg(long, value_name = "PART")]
    only: Vec<String>,
    /// Sends a million requests where a hundred thousand do, in the part `memory`
    #[arg(long)]
    long: bool,
}

/// Runs the parts one after another, also after a failure, and fails if one failed. Some run beside the others,
/// so that no core waits while one of them has a single thing to do.
pub fn run(args: &TestArgs) -> anyhow::Result<()> {
    let toolchain = Toolchain::pinned()?;
    let parts = if args.only.is_empty() {
        Part::EVERYTHING.to_vec()
    } else {
        Part::parse_all(&args.only)?
    };
    // What runs beside others says what it has to say at its end.
    let speak: Speak = if parts.len() > 1 {
        command::run_quietly
    } else {
        command::run
    };
    let run = |(index, part): (usize, &Part)| {
        crate::say!("\n== {} ({} of {})", part.name(), index + 1, parts.len());
        part.run_timed(&toolchain, args.long, speak)
    };
    let mut outcomes = Vec::new();
    std::thread::scope(|scope| {
        let mut beside = None;
        for (index, part) in parts.iter().enumerate() {
            if !part.is_beside() {
                outcomes.push(run((index, part)));
            } else if beside.is_none() {
                let all = parts.iter().enumerate();
                let all = all.filter(|(_, part)| part.is_beside());
                beside = Some(scope.spawn(|| all.map(run).collect::<Vec<_>>()));
            }
        }
        let panicked = |_| vec![Outcome::of_panic()];
        outcomes.extend(
            beside
                .into_iter()
                .flat_map(|beside| beside.join().unwrap_or_else(panicked)),
        );
    });
    crate::say!("\n== summary");
    outcomes
        .iter()
        .for_each(|outcome| crate::say!("{}", outcome.line));
    let failed = outcomes.iter().filter(|outcome| !outcome.is_passed).count();
    crate::say!("parts: {} passed, {failed} failed", outcomes.len() - failed);
    if failed > 0 {
        bail!("{failed} of {} parts failed", outcomes.len());
    }
    Ok(())
}

/// How a program runs.
type Speak = fn(Command) -> anyhow::Result<()>;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Format,
    Clippy,
    /// What rustdoc makes of the comments.
    Documentation,
    Build,
    /// What the parts behind it run.
    Compile,
    Workspace,
    /// The agent, alone and before a real Envoy.
    Agent,
    /// Images, manifests and releases.
    Publish,
    /// Clients that people use.
    Clients,
    /// The module server and `up`.
    Serve,
    /// The commands for operators, the playground, browsers, the docs.
    Operators,
    /// The core in V8.
    Vm,
    /// Real servers behind the module.
    Upstreams,
    /// The fuzz targets, briefly.
    Fuzz,
    /// One test of `tests/tests/`, by its name.
    Runner(String),
}

struct Outcome {
    line: String,
    is_passed: bool,
}

impl Outcome {
    fn of_panic() -> Self {
        Self {
            line: "FAILED a part panicked".to_owned(),
            is_passed: false,
        }
    }
}

impl Part {
    /// `Workspace` includes every runner, `Agent`, `Clients`, `Operators`, `Publish` and `Serve`.
    const EVERYTHING: [Self; 9] = [
        Self::Format,
        Self::Build,
        Self::Compile,
        Self::Upstreams,
        Self::Fuzz,
        Self::Vm,
        Self::Clippy,
        Self::Documentation,
        Self::Workspace,
    ];

    /// What `Workspace` includes and can be run by itself.
    const OF_WORKSPACE: [Self; 5] = [
        Self::Agent,
        Self::Clients,
        Self::Operators,
        Self::Publish,
        Self::Serve,
    ];

    fn parse_all(names: &[String]) -> anyhow::Result<Vec<Self>> {
        names
            .iter()
            .map(|name| Self::parse(name, &runners()?))
            .collect()
    }

    fn parse(name: &str, runners: &[String]) -> anyhow::Result<Self> {
        let fixed = Self::EVERYTHING.iter().chain(&Self::OF_WORKSPACE);
        let fixed = fixed.clone().find(|part| part.name() == name);
        match fixed {
            Some(part) => Ok(part.clone()),
            None if runners.iter().any(|runner| runner == name) => {
                Ok(Self::Runner(name.to_owned()))
            }
            None => {
                let known = Self::EVERYTHING
                    .iter()
                    .chain(&Self::OF_WORKSPACE)
                    .map(Self::name)
                    .chain(runners.iter().map(String::as_str));
                bail!(
                    "there is no part `{name}`, but {}",
                    known.collect::<Vec<_>>().join(", ")
                )
            }
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Format => "fmt",
            Self::Clippy => "clippy",
            Self::Documentation => "doc",
            Self::Build => "build",
            Self::Compile => "compile",
            Self::Workspace => "workspace",
            Self::Agent => "agent",
            Self::Publish => "publish",
            Self::Clients => "clients",
            Self::Serve => "serve",
            Self::Operators => "operators",
            Self::Vm => "vm",
            Self::Upstreams => "upstreams",
            Self::Fuzz => "fuzz",
            Self::Runner(name) => name,
        }
    }

    /// Whether it runs beside the others.
    fn is_beside(&self) -> bool {
        matches!(self, Self::Build | Self::Fuzz | Self::Upstreams | Self::Vm)
    }

    fn run_timed(&self, toolchain: &Toolchain, is_long: bool, beside: Speak) -> Outcome {
        let start = Instant::now();
        let result = self.run(toolchain, is_long, beside);
        if let Err(error) = &result {
            crate::warn!("error: {error:#}");
        }
        let verdict = if result.is_ok() { "ok    " } else { "FAILED" };
        let line = format!(
            "{verdict} {:<10} {:.1} s",
            self.name(),
            start.elapsed().as_secs_f64()
        );
        Outcome {
            line,
            is_passed: result.is_ok(),
        }
    }

    /// `beside` runs what runs beside others.
    fn run(&self, toolchain: &Toolchain, is_long: bool, beside: Speak) -> anyhow::Result<()> {
        let cargo = |arguments: &str| {
            let mut cargo = cargo(toolchain, arguments);
            if is_long {
                cargo.env(LONG, "1");
            }
            // Many tests wait for an Envoy: more of them at once than there are cores.
            cargo.env("RUST_TEST_THREADS", TEST_THREADS);
            command::run(cargo)
        };
        match self {
            Self::Format => cargo("fmt --all --check"),
            Self::Clippy => {
                toolchain.ensure_target(build::TARGET)?;
                cargo("clippy --workspace --all-targets --locked -- -D warnings")?;
                cargo(
                    "clippy --package basic-auth-filter --target wasm32-wasip1 --locked -- -D warnings",
                )
            }
            Self::Documentation => {
                // Not of tests and benches, which nobody reads there.
                let mut cargo = self::cargo(
                    toolchain,
                    "doc --package basic-auth --package basic-auth-filter --package basic-auth-inspect \
                     --package ecds-rewrite --package wasm-agent --package xtask --no-deps --locked",
                );
                cargo.env("RUSTDOCFLAGS", "-D warnings");
                command::run(cargo)
            }
            Self::Build => build::run(&build::BuildArgs::default()),
            Self::Workspace => cargo("test --workspace --locked --no-fail-fast"),
            Self::Agent => cargo(
                "test --package wasm-agent --package ecds-rewrite --package delivery-tests --locked --no-fail-fast",
            ),
            Self::Publish => {
                cargo("build --package delivery-tests --bin agent-under-test --locked")?;
                cargo(
                    "test --package basic-auth-publish --package publish-tests --locked --no-fail-fast",
                )
            }
            Self::Clients => cargo("test --package client-tests --locked --no-fail-fast"),
            Self::Serve => {
                cargo("test --package xtask --lib --locked -- serve::")?;
                cargo("test --package xtask --test serve --test up --locked")
            }
            Self::Operators => {
                cargo("test --package xtask --lib --locked -- users::")?;
                cargo("test --package xtask --test operators --locked")
            }
            Self::Vm => v8::run(toolchain),
            Self::Upstreams => {
                let mut program = Command::new(toolchain.program(UPSTREAMS)?);
                program.current_dir(repository_root());
                beside(program)
            }
            Self::Compile => cargo("test --workspace --locked --no-run"),
            Self::Fuzz => {
                cargo("fmt --manifest-path fuzz/Cargo.toml --all --check")?;
                fuzz::run_briefly(toolchain, TIME_OF_A_FUZZ_TARGET)
            }
            Self::Runner(name) => cargo(&format!("test --package {TESTS} --test {name} --locked")),
        }
    }
}

/// Cargo with `arguments`, which are separated by blanks, in the repository.
fn cargo(toolchain: &Toolchain, arguments: &str) -> Command {
    let mut cargo = toolchain.cargo(arguments.split(' '));
    cargo.current_dir(repository_root());
    cargo
}

/// The names of the tests in `tests/tests/` that run on this machine itself, each a file or a
/// folder with a `main.rs`.
fn runners() -> anyhow::Result<Vec<String>> {
    let folder = repository_root().join("tests/tests");
    let entries = fs::read_dir(&folder);
    let entries = entries.with_context(|| format!("{} cannot be read", folder.display()))?;
    let names = entries.filter_map(|entry| runner(&entry.ok()?.path()));
    let mut names: Vec<_> = names.filter(|name| name != Part::Vm.name()).collect();
    names.sort();
    Ok(names)
}

fn runner(path: &Path) -> Option<String> {
    let is_runner = path.extension().is_some_and(|extension| extension == "rs");
    let is_runner = is_runner || path.join("main.rs").is_file();
    is_runner.then(|| path.file_stem()?.to_str().map(str::to_owned))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_have_names() {
        let runners = ["core".to_owned(), "envoy".to_owned()];
        assert_eq!(Part::parse("vm", &runners).unwrap(), Part::Vm);
        assert_eq!(
            Part::parse("core", &runners).unwrap(),
            Part::Runner("core".to_owned())
        );
        let error = Part::parse("cores", &runners).unwrap_err().to_string();
        assert!(error.contains("fmt") && error.contains("envoy"), "{error}");
    }
}
