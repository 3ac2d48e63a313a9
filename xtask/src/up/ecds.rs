//! `cargo xtask up --ecds`: module server, agent and Envoy, and a folder to edit while they run.

mod change;
mod workshop;

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use super::attempt::{self, ATTEMPTS};
use super::shipped::{self, Shipped};
use super::{PATIENCE, UpArgs, listener_address, module_server, start_envoy};
use crate::agent::{self, Profile};
use crate::build;
use crate::envoy::{self, Envoy};
use crate::interrupt::Interrupt;
use crate::serve::Server;
use crate::upstream::Upstream;
use workshop::Workshop;

/// Stays up until Ctrl-C or SIGTERM; with `--once`, until the requests and the edits were tried.
pub(super) fn run(args: &UpArgs) -> anyhow::Result<()> {
    let mut shipped = Shipped::read(shipped::ECDS)?;
    let listen = listener_address(args, &mut shipped)?;
    let envoy = envoy::locate()?;
    envoy::check(&envoy)?;
    crate::say!("Building the module and the agent …");
    let module = build::publish_this_source(build::Keep::default())?;
    let agent = agent::locate(Profile::Dev)?;
    crate::say!(
        "Module: {} bytes, sha256 {}",
        module.bytes.len(),
        module.digest
    );
    crate::say!("Envoy:  {}", envoy.display());
    crate::say!("Agent:  {}", agent.display());
    let interrupt = Interrupt::listen()?;
    let mut stage = Stage::set(&envoy, &agent, shipped, listen, args.once)?;
    crate::say!(
        "Ready:  http://{}, with the module that the agent has from {}\n",
        stage.address,
        stage.server.module_url()
    );
    if args.once {
        attempt::try_all(&ATTEMPTS, stage.address)?;
        return change::try_all(&stage.workshop, stage.address);
    }
    attempt::print_all(&ATTEMPTS, stage.address);
    change::print_all(&stage.workshop, stage.address);
    crate::say!("\nCtrl-C ends it. What the agent and Envoy log, with the reasons of denials:");
    stage.workshop.show_log()?;
    while !interrupt.wait_for(Duration::from_millis(200)) {
        stage.envoy.check_running()?;
        stage.workshop.check_running()?;
    }
    // Asked to end, it writes what is left of its access log.
    stage.envoy.terminate(PATIENCE)?;
    stage.workshop.terminate(PATIENCE)?;
    crate::say!("\nEnded Envoy, the agent, the module server and the upstream.");
    Ok(())
}

/// Everything that runs. It ends with the value, Envoy first.
struct Stage {
    envoy: Envoy,
    /// Where clients reach Envoy.
    address: SocketAddr,
    workshop: Workshop,
    server: Server,
    _upstream: Upstream,
}

impl Stage {
    fn set(
        envoy: &Path,
        agent: &Path,
        mut shipped: Shipped,
        listen: SocketAddr,
        is_quiet: bool,
    ) -> anyhow::Result<Self> {
        let upstream = Upstream::start()?;
        let server = module_server()?;
        let mut workshop = Workshop::open(agent, &server)?;
        shipped.move_to(listen, upstream.address())?;
        shipped.connect_to(&workshop.socket())?;
        let (mut envoy, address) = start_envoy(envoy, &mut shipped, is_quiet)?;
        workshop.wait_for_delivery(&mut envoy, address)?;
        Ok(Self {
            envoy,
            address,
            workshop,
            server,
            _upstream: upstream,
        })
    }
}
