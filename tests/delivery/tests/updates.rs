//! Updates from an xDS server: good ones arrive, bad ones do not, and what works stays.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use delivery_tests::agent::{Agent, program};
use delivery_tests::client::status;
use delivery_tests::envoy::{Bootstrap, Proxy, XdsAddress};
use delivery_tests::fake_envoy::FakeEnvoy;
use delivery_tests::lab::{Lab, good, module};
use delivery_tests::messages::{Wasm, extension_any, remote};
use delivery_tests::module_server::Behaviour;
use delivery_tests::{stays, wait_at_most, wait_for};
use wasm_agent::discovery::Dialect;
use xtask::child::Child;

#[test]
fn a_module_that_cannot_be_had_is_refused_once_and_delivered_when_it_can() {
    for is_delta in [false, true] {
        let lab = Lab::with_agent(&[]);
        let first = lab.set(&lab.remote("/good.wasm", "first:1").any());
        let proxy = Proxy::live(&lab.bootstraps()[usize::from(is_delta)]);
        proxy.wait_for_user("lab", "first:1");
        let second = lab.set(&lab.remote("/late.wasm", "second:2").any());
        let refusal = lab.xds.wait_for_refusal(&second);
        let reason = refusal.error.unwrap();
        let is_complete =
            reason.starts_with("lab: ") && reason.contains("/late.wasm") && reason.contains("404");
        assert!(is_complete, "{reason}");
        if !is_delta {
            assert_eq!(
                (refusal.version, refusal.names),
                (first.version, vec!["lab".to_owned()])
            );
        }
        stays("the first configuration", Duration::from_secs(3), || {
            let address = proxy.address("lab");
            status(address, "/admin", None) == 401
                && status(address, "/admin", Some("first:1")) == 200
        });
        assert_eq!(lab.xds.refusals().len(), 1, "{:?}", lab.xds.seen());
        lab.modules.set("/late.wasm", good());
        proxy.wait_for_user("lab", "second:2");
        lab.xds.wait_for_acceptance(&second);
        assert_eq!(lab.xds.refusals().len(), 1);
        let metric = "istio_agent_wasm_config_conversion_count{result=\"success\"}";
        wait_at_most(Duration::from_secs(5), "the metric", || {
            (lab.agent().metric(metric) >= 2.0).then_some(())
        });
    }
}

/// Section 4.7: a slow push does not overtake a newer one.
#[test]
fn a_hanging_download_is_overtaken_and_does_not_come_back() {
    let lab = Lab::with_agent(&[]);
    let proxy = lab.proxy(&lab.bootstrap());
    lab.modules.set("/hang.wasm", Behaviour::Hang);
    lab.set(
        &lab.remote("/hang.wasm", "slow:0")
            .with_variable("MINE", "1")
            .any(),
    );
    let newer = lab.set(&lab.remote("/good.wasm", "second:2").any());
    lab.xds.wait_for_acceptance(&newer);
    lab.modules.set("/hang.wasm", good());
    proxy.wait_for_user("lab", "second:2");
    stays("the newer one", Duration::from_secs(1), || {
        status(proxy.address("lab"), "/admin", Some("slow:0")) == 401
    });
    assert_eq!(lab.xds.refusals(), []);
}

/// A server that sends half of a module and then nothing, and an address that drops packets.
#[test]
fn a_download_that_stalls_is_refused_and_what_is_at_work_stays() {
    let mut lab = Lab::alone();
    let variables = [
        ("WASM_HTTP_REQUEST_TIMEOUT", "300ms"),
        ("WASM_HTTP_REQUEST_MAX_RETRIES", "1"),
    ];
    lab.agent = Some(Agent::start(&["--upstream", &lab.xds.url()], &variables));
    let proxy = lab.proxy(&lab.bootstrap());
    let stalling = TcpListener::bind("127.0.0.1:0").unwrap();
    let half = stall(&stalling);
    let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
    let _queue = fill_queue(&deaf);
    for (listener, cause) in [
        (&stalling, "no complete answer within 0.3s"),
        (&deaf, "no connection within 0.2s"),
    ] {
        let url = format!("http://{}/m.wasm", listener.local_addr().unwrap());
        let sent = lab.set(&Wasm::basic_auth(remote(&url, ""), "second:2").any());
        let reason = lab.xds.wait_for_refusal(&sent).error.unwrap();
        let expected = format!(
            "lab: wasm module download failed after 1 attempts, last error: Get \"{url}\": {cause}"
        );
        assert_eq!(reason, expected);
        let address = proxy.address("lab");
        assert_eq!(status(address, "/admin", None), 401);
        assert_eq!(status(address, "/admin", Some("first:1")), 200);
    }
    assert!(half.is_finished(), "the first was connected to");
}

/// Sends half of the module to the first client, and leaves the connection open after that.
fn stall(listener: &TcpListener) -> JoinHandle<TcpStream> {
    let listener = listener.try_clone().unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = BufReader::new(&stream).lines();
        while !request.next().unwrap().unwrap().is_empty() {}
        let module = &module().bytes;
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n",
            module.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&module[..module.len() / 2]).unwrap();
        stream
    })
}

/// Opens connections that nobody accepts until the system drops what asks for another.
fn fill_queue(listener: &TcpListener) -> Vec<TcpStream> {
    let address = listener.local_addr().unwrap();
    let connect = || TcpStream::connect_timeout(&address, Duration::from_millis(100)).ok();
    std::iter::from_fn(connect).take(10_000).collect()
}

/// Section 4.5: of two resources in one response, the good one goes through.
#[test]
fn a_bad_resource_does_not_hold_up_a_good_one() {
    for is_delta in [false, true] {
        let lab = Lab::with_agent(&[]);
        let resource = |name: &str, wasm: &Wasm| extension_any(name, &wasm.any());
        let both = |one: &Wasm, two: &Wasm| {
            let resources = [("one", resource("one", one)), ("two", resource("two", two))];
            lab.xds.set_all(delivery_tests::messages::ECDS, &resources)
        };
        let good = lab.remote("/good.wasm", "first:1");
        both(&good, &good);
        let bootstrap = lab.bootstraps()[usize::from(is_delta)].clone();
        let proxy = Proxy::live(&bootstrap.with_listeners(&["one", "two"]));
        proxy.wait_for_user("one", "first:1");
        proxy.wait_for_user("two", "first:1");
        // The agent refuses one of them.
        let sent = both(
            &lab.remote("/404", "bad:0"),
            &lab.remote("/good.wasm", "second:2"),
        );
        proxy.wait_for_user("two", "second:2");
        proxy.wait_for_user("one", "first:1");
        assert!(
            lab.xds
                .wait_for_refusal(&sent)
                .error
                .unwrap()
                .starts_with("one: ")
        );
        // Envoy refuses one of them.
        let sent = both(
            &good.clone().with_configuration("no JSON"),
            &lab.remote("/good.wasm", "third:3"),
        );
        lab.xds.wait_for_refusal(&sent);
        proxy.wait_for_user("two", "third:3");
        proxy.wait_for_user("one", "first:1");
    }
}

/// Section 4.6, as Istio's agent does it since 1.25, and with what that lacks: it tries again.
#[test]
fn a_fallback_denies_and_gives_way_to_the_module() {
    let lab = Lab::with_agent(&["--on-fetch-failure", "rbac"]);
    let proxy = lab.proxy(&lab.bootstrap());
    let address = proxy.address("lab");
    let closed = lab.set(&lab.remote("/late.wasm", "second:2").any());
    lab.xds.wait_for_acceptance(&closed);
    wait_for("403", || {
        (status(address, "/admin", Some("first:1")) == 403).then_some(())
    });
    lab.modules.set("/late.wasm", good());
    proxy.wait_for_user("lab", "second:2");
    let open = Wasm {
        failure_policy: 3,
        ..lab.remote("/404", "third:3")
    };
    let open = lab.set(&open.any());
    lab.xds.wait_for_acceptance(&open);
    wait_for("200", || {
        (status(address, "/admin", None) == 200).then_some(())
    });
    // Without an address, too.
    let nowhere = lab.set(&Wasm::basic_auth(remote("", ""), "x:1").any());
    lab.xds.wait_for_acceptance(&nowhere);
    wait_for("403", || (status(address, "/", None) == 403).then_some(()));
}

/// A module that Envoy refuses is replaced by a corrected one under the same configuration.
#[test]
fn a_corrected_module_under_an_unchanged_configuration_is_applied() {
    let lab = Lab::with_agent(&[]);
    let proxy = lab.proxy(&lab.bootstrap());
    // Valid Wasm, but nothing that Envoy could run.
    lab.modules.set(
        "/m.wasm",
        Behaviour::Serve(Bytes::from_static(b"\0asm\x01\0\0\0")),
    );
    let wasm = Wasm::basic_auth(remote(&lab.modules.url("/m.wasm"), ""), "second:2")
        .with_variable("ISTIO_META_WASM_IMAGE_PULL_POLICY", "Always");
    let version = |number: &str| {
        wasm.clone()
            .with_variable("ISTIO_META_WASM_PLUGIN_RESOURCE_VERSION", number)
    };
    let bad = lab.set(&version("1").any());
    lab.xds.wait_for_refusal(&bad);
    proxy.wait_for_user("lab", "first:1");
    lab.modules.set("/m.wasm", good());
    let corrected = lab.set(&version("2").any());
    lab.xds.wait_for_acceptance(&corrected);
    proxy.wait_for_user("lab", "second:2");
}

#[test]
fn several_envoys_are_served_each_by_itself_over_tcp() {
    let mut lab = Lab::alone();
    let address = delivery_tests::agent::free_address();
    let listen = address.to_string();
    let agent = Agent::with_upstream(&lab.xds.url(), &["--listen", &listen]);
    lab.agent = Some(agent);
    lab.set(&lab.remote("/good.wasm", "first:1").any());
    let mut bootstrap = lab.bootstrap();
    bootstrap.xds = XdsAddress::Tcp(address);
    let mut ecds_alone = bootstrap.clone();
    ecds_alone.is_ecds_alone = true;
    // All have the same node id.
    let proxies = [
        Proxy::live(&bootstrap),
        Proxy::live(&bootstrap.clone().over_delta()),
        Proxy::live(&ecds_alone),
    ];
    for proxy in &proxies {
        proxy.wait_for_user("lab", "first:1");
    }
    lab.set(&lab.remote("/good.wasm", "second:2").any());
    for proxy in &proxies {
        proxy.wait_for_user("lab", "second:2");
    }
    assert_eq!(lab.modules.requests("/good.wasm"), 1);
    assert_eq!(
        lab.agent().modules()[0]["users"],
        serde_json::json!(["lab"])
    );
}

/// What a URL holds of secrets is in no refusal, no line of the log and nothing that the status server shows.
#[test]
fn secrets_of_a_url_are_shown_nowhere() {
    let lab = Lab::with_agent(&[]);
    let url = lab.modules.url("/404?token=s3cret");
    let url = url.replace("http://", "http://user:s3cret@");
    let envoy = FakeEnvoy::connect(&lab.agent().socket(), Dialect::Delta);
    envoy.subscribe(&["lab"]);
    let nothing = envoy.response();
    envoy.accept(&[], &nothing);
    let sent = lab.set(&Wasm::basic_auth(remote(&url, ""), "a:1").any());
    let reason = lab.xds.wait_for_refusal(&sent).error.unwrap();
    let shown = format!("http://{}/404", lab.modules.address());
    assert!(reason.contains(&shown), "{reason}");
    let agent = lab.agent();
    let modules = agent.modules().to_string();
    assert!(modules.contains(&shown), "{modules}");
    let metrics = agent.status("/stats/prometheus");
    for text in [reason, agent.log(), modules, metrics] {
        assert!(!text.contains("s3cret"), "{text}");
    }
}

/// Ends, begins and goes on while module server and xDS server are down.
#[test]
fn the_agent_comes_back_while_everything_else_is_down() {
    let mut lab = Lab::with_agent(&[]);
    lab.set(&lab.remote("/good.wasm", "first:1").any());
    let proxy = Proxy::live(&lab.bootstrap().over_delta());
    proxy.wait_for_user("lab", "first:1");
    lab.modules.kill();
    lab.xds.kill();
    // It is ready again, with nobody to talk to.
    lab.agent.as_mut().unwrap().restart();
    stays("the filter", Duration::from_millis(500), || {
        let address = proxy.address("lab");
        status(address, "/admin", None) == 401 && status(address, "/admin", Some("first:1")) == 200
    });
    lab.xds.restart();
    lab.set(&lab.remote("/good.wasm", "second:2").any());
    proxy.wait_for_user("lab", "second:2");
    assert_eq!(lab.modules.requests("/good.wasm"), 1);
}

/// Everything but remote Wasm passes, and that does, too, as soon as there is room for it.
#[test]
fn a_cache_that_cannot_be_written_holds_up_nothing_else() {
    let lab = Lab::with_agent(&[]);
    let downloads = lab.agent().cache().join("downloads");
    // It is made for the first download.
    fs::write(&downloads, "no folder").unwrap();
    let envoy = FakeEnvoy::connect(&lab.agent().socket(), Dialect::StateOfTheWorld);
    envoy.subscribe(&["lab", "other"]);
    envoy.response();
    lab.xds
        .set("other", extension_any("other", &lab.local().any()));
    let response = envoy.response();
    assert_eq!(response.resources.len(), 1);
    envoy.accept(&["lab", "other"], &response);
    let sent = lab.set(&lab.remote("/good.wasm", "a:1").any());
    let reason = lab.xds.wait_for_refusal(&sent).error.unwrap();
    assert!(
        reason.contains("cannot be written to the cache folder: ") && reason.lines().count() == 1,
        "{reason}"
    );
    lab.xds.send_raw(&wasm_agent::wire::message(&[
        (2, b"cluster"),
        (4, b"type.googleapis.com/envoy.config.cluster.v3.Cluster"),
    ]));
    assert!(
        envoy
            .message()
            .ends_with(b"envoy.config.cluster.v3.Cluster")
    );
    fs::remove_file(&downloads).unwrap();
    fs::create_dir(&downloads).unwrap();
    assert_eq!(envoy.response().resources.len(), 1);
}

/// What cannot be stored is refused, and what is at work stays.
#[test]
fn a_full_disk_is_told_and_changes_nothing_that_is_at_work() {
    let mut lab = Lab::alone();
    let place = tempfile::tempdir().unwrap();
    let script = place.path().join("agent");
    let mounted = "mkdir -p cache && mount -t tmpfs -o size=200k tmpfs cache && exec \"$0\" \"$@\"";
    let agent = program().display();
    let text = format!("#!/bin/sh\nexec unshare --mount sh -c '{mounted}' {agent} \"$@\"\n");
    fs::write(&script, text).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let upstream = lab.xds.url();
    lab.agent = Some(Agent::start_program(
        &script,
        &["--upstream", &upstream],
        &[],
    ));
    let proxy = lab.proxy(&lab.bootstrap());
    let sent = lab.set(&lab.remote("/good.wasm", "second:2").any());
    let reason = lab.xds.wait_for_refusal(&sent).error.unwrap();
    assert!(
        reason.contains("No space left on device") && reason.lines().count() == 1,
        "{reason}"
    );
    proxy.wait_for_user("lab", "first:1");
    let sent = lab.set(&lab.local().with_variable("MINE", "1").any());
    lab.xds.wait_for_acceptance(&sent);
}

/// What one of them has is there for the other, and neither takes it away when it ends.
#[test]
fn two_agents_share_a_cache_folder() {
    let mut lab = Lab::with_agent(&[]);
    lab.set(&lab.remote("/good.wasm", "first:1").any());
    let one = Proxy::live(&lab.bootstrap());
    one.wait_for_user("lab", "first:1");
    lab.modules.set("/good.wasm", Behaviour::Fail(404));
    let place = tempfile::tempdir().unwrap();
    let socket = place.path().join("other.sock");
    let mut command = Command::new(program());
    command
        .args(["--upstream", &lab.xds.url(), "--status", "off"])
        .arg(format!("--listen=unix:{}", socket.display()))
        .arg("--cache-dir")
        .arg(lab.agent().cache())
        .stderr(Stdio::null());
    let mut other = Child::spawn(command).unwrap();
    let two = Proxy::live(&Bootstrap::at_socket(&socket));
    two.wait_for_user("lab", "first:1");
    assert!(lab.agent.as_mut().unwrap().terminate().success());
    lab.set(&lab.remote("/good.wasm", "second:2").any());
    two.wait_for_user("lab", "second:2");
    assert_eq!(other.try_wait().unwrap(), None);
}
