//! `cargo xtask up`: the module at work in a real Envoy that loaded it from its remote URI.

mod attempt;
mod shipped;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::envoy::{self, Envoy};
use crate::interrupt::Interrupt;
use crate::serve::{Config, Server};
use crate::upstream::Upstream;
use crate::{build, http};
use attempt::ATTEMPTS;
use shipped::Addresses;

/// How long Envoy may take to load and compile the module.
const PATIENCE: Duration = Duration::from_secs(60);

/// Arguments of `cargo xtask up`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cargo xtask up
  cargo xtask up --listen 127.0.0.1:8080
  cargo xtask up --once
  ENVOY=/opt/envoy/bin/envoy cargo xtask up

Builds the module, serves it, and runs envoy/envoy.yaml with the addresses and the checksum of the
moment, in front of a small upstream that answers with what it received. Installs the Rust target
and Envoy if they are missing.")]
pub struct UpArgs {
    /// Runs the printed commands itself, shows the answers, and fails if one differs
    #[arg(long)]
    once: bool,
    /// Where Envoy listens [default: what envoy/envoy.yaml says or, if that is taken, a free port]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
}

/// Stays up until Ctrl-C or SIGTERM; with `--once`, until the commands were tried.
pub fn run(args: &UpArgs) -> anyhow::Result<()> {
    let listen = listener_address(args)?;
    let envoy = envoy::locate()?;
    println!("Building the module …");
    let module = build::of_this_source()?;
    println!(
        "Module: {} bytes, sha256 {}",
        module.bytes.len(),
        module.digest
    );
    println!("Envoy:  {}", envoy.display());
    let interrupt = Interrupt::listen()?;
    let mut stage = Stage::set(&envoy, listen, args.once)?;
    println!(
        "Ready:  http://{}, with the module from {}\n",
        stage.address,
        stage.server.module_url()
    );
    if args.once {
        return attempt::try_all(&ATTEMPTS, stage.address);
    }
    attempt::print_all(&ATTEMPTS, stage.address);
    println!("\nCtrl-C ends it. Envoy's access log, with the reasons of denials:");
    while !interrupt.wait_for(Duration::from_millis(200)) {
        stage.envoy.check_running()?;
    }
    println!("\nEnding Envoy, the module server and the upstream.");
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
    fn set(program: &Path, listen: SocketAddr, is_quiet: bool) -> anyhow::Result<Self> {
        let upstream = Upstream::start()?;
        let server = Server::start(Config {
            log: Box::new(|download| println!("Loaded: {download}")),
            ..Config::local()
        })?;
        let addresses = Addresses {
            listener: listen,
            upstream: upstream.address(),
        };
        let configuration = shipped::configuration(&addresses, &server)?;
        let output = if is_quiet {
            Stdio::null()
        } else {
            Stdio::inherit()
        };
        let mut envoy =
            Envoy::start_with_output(program, &configuration, &["--concurrency", "2"], output)?;
        envoy.wait_until_live(PATIENCE)?;
        let mut address = envoy.wait_for_listener("main", PATIENCE)?;
        if address.ip().is_unspecified() {
            address.set_ip(Ipv4Addr::LOCALHOST.into());
        }
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

/// Where Envoy shall listen; port 0 for a free port.
fn listener_address(args: &UpArgs) -> anyhow::Result<SocketAddr> {
    let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    match args.listen {
        // Envoy itself would share a port with another Envoy.
        Some(listen) => TcpListener::bind(listen)
            .map(|_| listen)
            .with_context(|| format!("cannot listen on {listen}: choose another with `--listen`")),
        None if args.once => Ok(free),
        None => Ok(TcpListener::bind(shipped::LISTENER).map_or(free, |_| shipped::LISTENER)),
    }
}
