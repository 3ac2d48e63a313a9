//! An xDS server and who listens to it, directly or through the agent.

use std::path::Path;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use tempfile::TempDir;

use super::times::Times;
use super::{clusters, extensions, names, update};
use delivery_tests::agent::Agent;
use delivery_tests::envoy::{Bootstrap, Proxy, XdsAddress};
use delivery_tests::fake_envoy::FakeEnvoy;
use delivery_tests::messages::{Wasm, configuration, local, remote};
use delivery_tests::module_server::{Behaviour, ModuleServer};
use delivery_tests::xds_server::{Heard, Sent, XdsServer};
use wasm_agent::discovery::Dialect;
use wasm_agent::wire::message;
use xtask::module::Module;
use xtask::progress::Progress;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Rounds that do not count.
const WARM_UP: usize = 3;

/// Who listens at the end of a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Listener {
    Envoy,
    /// A client that accepts everything at once.
    Client,
}

/// Both ways.
pub(super) struct Lanes {
    pub(super) direct: Lane,
    pub(super) through_agent: Lane,
}

impl Lanes {
    pub(super) fn start(agent: &Path, module: &Module, listener: Listener) -> Self {
        Self {
            direct: Lane::start(None, module, listener),
            through_agent: Lane::start(Some(agent), module, listener),
        }
    }

    /// Measures both in turns: directly, and through the agent.
    pub(super) fn compare(
        &self,
        rounds: usize,
        measure: impl Fn(&Lane, usize) -> anyhow::Result<Duration>,
    ) -> anyhow::Result<[Times; 2]> {
        let mut times = [Vec::new(), Vec::new()];
        let progress = Progress::of_steps(rounds + WARM_UP);
        for round in 0..rounds + WARM_UP {
            let mut turn = [(0, &self.direct), (1, &self.through_agent)];
            // What one of them has left to do must not always slow the same one.
            turn.rotate_left(round % 2);
            for (index, lane) in turn {
                times[index].push(measure(lane, round)?);
            }
            progress.step();
        }
        Ok(times.map(|times| Times::of(times.into_iter().skip(WARM_UP).collect())))
    }
}

/// One way from an xDS server to who listens.
pub(super) struct Lane {
    pub(super) xds: XdsServer,
    pub(super) agent: Option<Agent>,
    requests: Receiver<Heard>,
    code: Vec<u8>,
    client: Option<FakeEnvoy>,
    /// The file or the server that the module comes from.
    _folder: TempDir,
    _modules: ModuleServer,
    _proxy: Option<Proxy>,
}

impl Lane {
    fn start(agent: Option<&Path>, module: &Module, listener: Listener) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("module.wasm");
        std::fs::write(&file, &module.bytes).expect("a file");
        let modules = ModuleServer::start();
        let served = Bytes::copy_from_slice(&module.bytes);
        modules.set("/module.wasm", Behaviour::Serve(served));
        let xds = XdsServer::start();
        let agent =
            agent.map(|program| Agent::start_program(program, &["--upstream", &xds.url()], &[]));
        let code = match &agent {
            Some(_) => remote(&modules.url("/module.wasm"), &module.digest.to_string()),
            None => local(&file.to_string_lossy()),
        };
        let mut lane = Self {
            requests: xds.listen(),
            xds,
            agent,
            code,
            client: None,
            _folder: folder,
            _modules: modules,
            _proxy: None,
        };
        match listener {
            Listener::Envoy => lane.start_envoy(),
            Listener::Client => lane.start_client(),
        }
        lane
    }

    /// What this lane's Envoy connects to.
    fn address(&self) -> XdsAddress {
        match &self.agent {
            Some(agent) => XdsAddress::Unix(agent.socket()),
            None => XdsAddress::Tcp(self.xds.address()),
        }
    }

    fn start_envoy(&mut self) {
        update(self, 0);
        clusters(self, 0);
        let bootstrap = Bootstrap {
            has_cds: true,
            ..Bootstrap::new(self.address()).over_delta()
        };
        let proxy = Proxy::live(&bootstrap);
        proxy.wait_for_user("lab", "user-0:1");
        self._proxy = Some(proxy);
    }

    fn start_client(&mut self) {
        extensions(self, 0);
        let client = FakeEnvoy::connect_to(&self.address(), Dialect::Delta);
        let names = names();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        client.subscribe(&names);
        accept(&client, names.len());
        self.client = Some(client);
    }

    /// The filter with the user of a round.
    pub(super) fn filter(&self, number: usize) -> Wasm {
        let user = configuration(&format!("user-{number}:1"));
        Wasm::basic_auth(self.code.clone(), "").with_configuration(&user)
    }

    /// How long it takes from a push until the server has the ACK.
    pub(super) fn acknowledged(&self, push: impl FnOnce() -> Sent) -> anyhow::Result<Duration> {
        let start = Instant::now();
        let sent = push();
        loop {
            let heard = self.requests.recv_timeout(PATIENCE);
            let heard = heard.context("Envoy does not answer")?;
            if heard.nonce != sent.nonce {
                continue;
            }
            if heard.is_refusal {
                bail!("the update is refused: {:?}", self.xds.refusals());
            }
            return Ok(heard.at - start);
        }
    }

    /// How long it takes from a push until the client has so many resources.
    pub(super) fn received(
        &self,
        resources: usize,
        push: impl FnOnce() -> Sent,
    ) -> anyhow::Result<Duration> {
        let client = self.client.as_ref().context("a client")?;
        let start = Instant::now();
        push();
        accept(client, resources);
        Ok(start.elapsed())
    }

    /// How long it takes until the client has a response as it is.
    pub(super) fn passed(&self, response: &Bytes) -> anyhow::Result<Duration> {
        let client = self.client.as_ref().context("a client")?;
        let start = Instant::now();
        self.xds.send_raw(response);
        let passed = client.message();
        let elapsed = start.elapsed();
        if passed != response {
            bail!("what came is not what was sent");
        }
        Ok(elapsed)
    }
}

/// Accepts responses until so many resources have come.
fn accept(client: &FakeEnvoy, resources: usize) {
    let mut left = resources;
    while left > 0 {
        let response = client.response();
        client.accept(&[], &response);
        left = left.saturating_sub(response.resources.len());
    }
}

/// A response of another type than extension configurations.
pub(super) fn response(type_url: &str, content: &[u8]) -> Vec<u8> {
    message(&[(2, content), (4, type_url.as_bytes()), (5, b"nonce")])
}
