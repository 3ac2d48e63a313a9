//! Hundreds of updates, most of them bad, with kills in between, while requests run: what is protected stays
//! protected, and what is allowed stays allowed.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use delivery_tests::client::status;
use delivery_tests::envoy::Proxy;
use delivery_tests::lab::Lab;
use delivery_tests::messages::{HTTP_WASM, Wasm, any, extension_any};
use delivery_tests::module_server::Behaviour;
use delivery_tests::wait_for;
use delivery_tests::xds_server::Sent;
use fastrand::Rng;

const SEED: u64 = 7617;
const UPDATES: u32 = 500;
/// How long an update may stay the newest at most.
const REST: Duration = Duration::from_millis(40);
/// Between two rounds of requests: without it, the clients alone use up a small machine, and the updates come late.
const PAUSE: Duration = Duration::from_millis(2);
/// Who is in every good configuration.
const ALWAYS: &str = "always:1";

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Update {
    Good,
    BadChecksum,
    NotFound,
    HangingServer,
    GarbageModule,
    GarbageResource,
    InvalidConfiguration,
}

const KINDS: [Update; 7] = [
    Update::Good,
    Update::BadChecksum,
    Update::NotFound,
    Update::HangingServer,
    Update::GarbageModule,
    Update::GarbageResource,
    Update::InvalidConfiguration,
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Victim {
    Agent,
    ModuleServer,
    XdsServer,
}

const VICTIMS: [Victim; 3] = [Victim::Agent, Victim::ModuleServer, Victim::XdsServer];

/// One user who is always there, and one who tells the configuration.
fn configuration(user: &str) -> String {
    serde_json::json!({"basic_auth_rules": [{"prefix": "/admin", "credentials": [ALWAYS, user]}]})
        .to_string()
}

fn good(lab: &Lab, user: &str) -> Wasm {
    lab.remote("/good.wasm", "x:1")
        .with_configuration(&configuration(user))
}

fn send(lab: &Lab, kind: Update, number: u32) -> Sent {
    let user = format!("user-{number}:1");
    let with = |path: &str| {
        lab.remote(path, "x:1")
            .with_configuration(&configuration(&user))
    };
    let filter = match kind {
        Update::Good => good(lab, &user).any(),
        Update::BadChecksum => {
            let code =
                delivery_tests::messages::remote(&lab.modules.url("/good.wasm"), &"a".repeat(64));
            Wasm { code, ..with("") }.any()
        }
        Update::NotFound => with("/404").any(),
        Update::HangingServer => with("/hang.wasm").any(),
        Update::GarbageModule => with("/garbage.wasm").any(),
        Update::GarbageResource => any(HTTP_WASM, b"\x0a\x7fgarbage"),
        Update::InvalidConfiguration => good(lab, &user).with_configuration("no JSON").any(),
    };
    lab.xds.set("lab", extension_any("lab", &filter))
}

/// Sends requests until it is told to stop; returns their number and what was wrong.
struct Client {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<(usize, Vec<String>)>,
}

impl Client {
    fn start(address: SocketAddr) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let is_over = Arc::clone(&stop);
        let begin = Instant::now();
        let thread = std::thread::spawn(move || {
            let mut count = 0;
            let mut wrong = Vec::new();
            while !is_over.load(Ordering::Relaxed) {
                for (path, user, expected) in [
                    ("/admin", None, 401),
                    ("/admin", Some(ALWAYS), 200),
                    ("/admin", Some("nobody:1"), 401),
                    ("/", None, 200),
                ] {
                    let status = status(address, path, user);
                    count += 1;
                    if status != expected {
                        wrong.push(format!(
                            "after {:?}: {path} {user:?} {status}",
                            begin.elapsed()
                        ));
                    }
                }
                std::thread::sleep(PAUSE);
            }
            (count, wrong)
        });
        Self { stop, thread }
    }

    fn stop(self) -> (usize, Vec<String>) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

fn kill(lab: &mut Lab, victim: Victim) {
    match victim {
        Victim::Agent => lab.agent.as_mut().unwrap().restart(),
        Victim::ModuleServer => lab.modules.restart(),
        Victim::XdsServer => lab.xds.restart(),
    }
}

/// Gives an update some time: until it is answered, or not even that.
fn rest(lab: &Lab, sent: &Sent, rng: &mut Rng) {
    let end = Instant::now() + REST.mul_f64(rng.f64());
    while Instant::now() < end && lab.xds.answers(sent).is_empty() {
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn storm(lab: &mut Lab, rng: &mut Rng) -> (BTreeMap<Update, usize>, BTreeMap<Victim, usize>) {
    let mut updates = BTreeMap::new();
    let mut kills = BTreeMap::new();
    for number in 0..UPDATES {
        let kind = if rng.u32(..3) == 0 {
            Update::Good
        } else {
            KINDS[rng.usize(..KINDS.len())]
        };
        *updates.entry(kind).or_default() += 1;
        let sent = send(lab, kind, number);
        rest(lab, &sent, rng);
        if rng.u32(..40) == 0 {
            let victim = VICTIMS[rng.usize(..VICTIMS.len())];
            *kills.entry(victim).or_default() += 1;
            kill(lab, victim);
            // Envoy shall have something of what follows.
            let streams = lab.xds.streams();
            if victim != Victim::ModuleServer {
                wait_for("a new stream", || {
                    (lab.xds.streams() > streams).then_some(())
                });
            }
        }
    }
    (updates, kills)
}

#[test]
fn nothing_gets_through_and_nothing_is_lost() {
    let mut lab = Lab::with_agent(&[]);
    let garbage = Bytes::from_static(b"<html>no module</html>");
    lab.modules.set("/garbage.wasm", Behaviour::Serve(garbage));
    lab.modules.set("/hang.wasm", Behaviour::Hang);
    lab.xds
        .set("lab", extension_any("lab", &good(&lab, "first:1").any()));
    let proxies = lab.bootstraps().map(|bootstrap| Proxy::live(&bootstrap));
    for proxy in &proxies {
        proxy.wait_for_user("lab", "first:1");
    }
    let clients = proxies
        .each_ref()
        .map(|proxy| Client::start(proxy.address("lab")));
    let mut rng = Rng::with_seed(SEED);
    let (updates, kills) = storm(&mut lab, &mut rng);
    lab.xds
        .set("lab", extension_any("lab", &good(&lab, "last:1").any()));
    for proxy in &proxies {
        proxy.wait_for_user("lab", "last:1");
    }
    for client in clients {
        let (count, wrong) = client.stop();
        println!("{count} requests");
        assert!(
            wrong.is_empty(),
            "seed {SEED}, {count} requests: {wrong:#?}"
        );
        assert!(count > 1000, "{count} requests");
    }
    println!("{updates:?} {kills:?}");
    assert_eq!((updates.len(), kills.len()), (KINDS.len(), VICTIMS.len()));
    for proxy in &proxies {
        let statistic = |name: &str| {
            proxy.statistic(&format!(
                "extension_config_discovery.http_filter.lab.{name}"
            ))
        };
        let (applied, refused) = (statistic("update_success"), statistic("update_rejected"));
        println!("applied {applied}, refused by Envoy {refused}");
        assert!(applied > 50 && refused > 10, "{applied} {refused}");
    }
}
