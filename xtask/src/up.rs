//! `cargo xtask up`: the module at work in a real Envoy that loaded it from its remote URI.

mod attempt;
mod ecds;
mod shipped;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::bail;

use crate::console::Log;
use crate::envoy::{self, Envoy};
use crate::interrupt::Interrupt;
use crate::listen_address::ListenAddress;
use crate::module::dist_folder;
use crate::serve::{Config, Server};
use crate::upstream::Upstream;
use crate::{build, http};
use attempt::ATTEMPTS;
use shipped::Shipped;

/// How long Envoy may take to load and compile the module.
const PATIENCE: Duration = Duration::from_secs(60);

/// By default, Envoy writes its access log every ten seconds.
const ARGUMENTS: [&str; 4] = ["--concurrency", "2", "--file-flush-interval-msec", "50"];

/// Arguments of `cargo xtask up`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cargo xtask up
  cargo xtask up --listen 127.0.0.1:8080
  cargo xtask up --once
  cargo xtask up --ecds
  ENVOY=/opt/envoy/bin/envoy cargo xtask up

Builds the module, serves it, and runs envoy/envoy.yaml with the addresses and the checksum of the
moment, in front of a small upstream that answers with what it received. With --ecds it is
envoy/ecds.yaml, with wasm-agent between Envoy and a copy of the folder envoy/ecds/: edit that, and
watch the change take effect. Installs the Rust target and Envoy if they are missing.")]
pub struct UpArgs {
    /// Runs the printed commands itself, shows the answers, and fails if one differs
    #[arg(long)]
    once: bool,
    /// Delivers the filter through wasm-agent, so that it can be changed while Envoy runs
    #[arg(long)]
    ecds: bool,
    /// Where Envoy listens, as `cargo xtask serve --listen` has it [default: what envoy/envoy.yaml
    /// says or, if that is taken, a free port]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<ListenAddress>,
}

/// Stays up until Ctrl-C or SIGTERM; with `--once`, until the commands were tried.
pub fn run(args: &UpArgs) -> anyhow::Result<()> {
    if args.ecds {
        return ecds::run(args);
    }
    let mut shipped = Shipped::read(shipped::REMOTE)?;
    let listen = listener_address(args, &mut shipped)?;
    let envoy = envoy::locate()?;
    envoy::check(&envoy)?;
    crate::say!("Building the module …");
    let module = build::publish_this_source(build::Keep::default())?;
    crate::say!(
        "Module: {} bytes, sha256 {}",
        module.bytes.len(),
        module.digest
    );
    crate::say!("Envoy:  {}", envoy.display());
    let interrupt = Interrupt::listen()?;
    let mut stage = Stage::set(&envoy, shipped, listen, args.once)?;
    crate::say!(
        "Ready:  http://{}, with the module from {}\n",
        stage.address,
        stage.server.module_url()
    );
    if args.once {
        return attempt::try_all(&ATTEMPTS, stage.address);
    }
    attempt::print_all(&ATTEMPTS, stage.address);
    crate::say!("\nCtrl-C ends it. Envoy's access log, with the reasons of denials:");
    while !interrupt.wait_for(Duration::from_millis(200)) {
        stage.envoy.check_running()?;
    }
    // Asked to end, it writes what is left of its access log.
    stage.envoy.terminate(PATIENCE)?;
    crate::say!("\nEnded Envoy, the module server and the upstream.");
    Ok(())
}

/// Everything that runs. It ends with the value, Envoy first.
struct Stage {
    envoy: Envoy,
    /// Where clients reach Envoy.
    address: SocketAddr,
    server: Server,
    _upstream: Upstream,
}

impl Stage {
    fn set(
        program: &Path,
        mut shipped: Shipped,
        listen: SocketAddr,
        is_quiet: bool,
    ) -> anyhow::Result<Self> {
        let upstream = Upstream::start()?;
        let server = module_server()?;
        shipped.move_to(listen, upstream.address())?;
        shipped.load_from(&server)?;
        let (envoy, address) = start_envoy(program, &mut shipped, is_quiet)?;
        let status = http::get(address, "/")?.status;
        if status != 200 {
            bail!(
                "Envoy answers {status} to an unprotected path:\n{}",
                envoy.last_words()
            );
        }
        Ok(Self {
            envoy,
            address,
            server,
            _upstream: upstream,
        })
    }
}

/// Serves `dist/`, and prints what happens.
fn module_server() -> anyhow::Result<Server> {
    let log = Log::start()?;
    Server::start(Config {
        log: Box::new(move |event| log.push(format_args!("Module server: {event}"))),
        ..Config::local(dist_folder())
    })
}

/// Starts Envoy, waits until it is live, and tells where clients reach it.
fn start_envoy(
    program: &Path,
    shipped: &mut Shipped,
    is_quiet: bool,
) -> anyhow::Result<(Envoy, SocketAddr)> {
    let output = if is_quiet {
        Stdio::null()
    } else {
        Stdio::inherit()
    };
    let mut envoy = Envoy::start_with_output(program, &shipped.to_json(), &ARGUMENTS, output)?;
    envoy.wait_until_live(PATIENCE)?;
    let mut address = envoy.wait_for_listener(&shipped.listener_name()?, PATIENCE)?;
    if address.ip().is_unspecified() {
        address.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    Ok((envoy, address))
}

/// Where Envoy shall listen; port 0 for a free port.
fn listener_address(args: &UpArgs, shipped: &mut Shipped) -> anyhow::Result<SocketAddr> {
    let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    // Envoy itself would share a port with another Envoy.
    let is_free = |address: &SocketAddr| TcpListener::bind(address).is_ok();
    match &args.listen {
        Some(listen) if listen.is_of_any_port() => Ok(listen.first()),
        Some(listen) => Ok(listen.bind()?.local_addr()?),
        None if args.once => Ok(free),
        None => Ok(Some(shipped.listener_address()?)
            .filter(is_free)
            .unwrap_or(free)),
    }
}
