//! However the download of the module or its configuration goes: protected, or refused, never
//! open.

use super::{
    CONFIGURATION, GOOD, LISTENER, assert_at_work, at_work, bootstrap, get, source,
    with_credentials,
};
use basic_auth_tests::{
    envoy::{
        ModuleSource, PATIENCE, Proxy,
        module_server::{Behaviour, Reserved},
    },
    fixture,
};
use xtask::{http::Protocol, module::Digest, upstream::Upstream};

const RETRIES_SPENT: &str = "Retry limit exceeded for fetching data from remote data source";

fn module() -> Vec<u8> {
    fixture::module().bytes.clone()
}

#[test]
fn the_module_with_the_right_checksum_is_downloaded_once_and_works() {
    let (proxy, server) = at_work(module());
    assert_eq!(server.requests(), 1);
    assert_eq!(proxy.statistic("wasm.remote_load_fetch_successes"), 1);
}

#[test]
fn a_module_with_another_checksum_never_runs() {
    let server = Reserved::port().serve(Behaviour::Module(module()));
    let proxy = refuses(
        source(server.address(), Digest::of(b"another module")),
        CONFIGURATION,
    );
    assert!(server.requests() > 0, "it was never asked for");
    assert_eq!(
        proxy.statistic("wasm.envoy.wasm.runtime.v8.created"),
        0,
        "it ran"
    );
    assert!(proxy.log().find("wasm log").is_none(), "it logged");
    // What docs/troubleshooting.md has a reader look for.
    assert!(proxy.log().find(RETRIES_SPENT).is_some());
}

#[test]
fn a_module_server_that_answers_wrongly_never_opens_the_listener() {
    let module = module();
    let digest = Digest::of(&module);
    let garbage = b"<html>This is not WebAssembly.</html>".to_vec();
    let half = module[..module.len() / 2].to_vec();
    for (behaviour, digest) in [
        (Behaviour::NotFound, digest),
        (Behaviour::Truncated(module), digest),
        (Behaviour::Silent, digest),
        (Behaviour::Module(garbage.clone()), digest),
        // What was published was broken already: its checksum is right.
        (Behaviour::Module(garbage.clone()), Digest::of(&garbage)),
        (Behaviour::Module(half.clone()), Digest::of(&half)),
    ] {
        let server = Reserved::port().serve(behaviour);
        let mut source = source(server.address(), digest);
        (source.retries, source.timeout_seconds) = (1, 0.5);
        let _ = refuses(source, CONFIGURATION);
        assert!(server.requests() > 0, "it was never asked for the module");
    }
}

#[test]
fn a_module_server_that_comes_up_late_is_waited_for() {
    let module = module();
    let digest = Digest::of(&module);
    let reserved = Reserved::port();
    let upstream = Upstream::start().expect("an upstream");
    let mut source = source(reserved.address(), digest);
    source.retries = 1000;
    let mut proxy = Proxy::starting(&bootstrap(source, &upstream, CONFIGURATION));
    let attempts = |proxy: &Proxy| proxy.statistic("cluster.modules.upstream_cx_connect_fail");
    let deadline = std::time::Instant::now() + PATIENCE;
    while attempts(&proxy) < 3 {
        assert!(
            std::time::Instant::now() < deadline,
            "Envoy does not try again"
        );
    }
    // What docs/troubleshooting.md says of this time.
    let ready = proxy.envoy.ask_admin("/ready").expect("an answer");
    assert_eq!((ready.status, &*ready.body), (503, &b"INITIALIZING\n"[..]));
    let server = reserved.serve(Behaviour::Module(module));
    proxy.wait_until_live();
    assert_at_work(proxy.listener(LISTENER));
    assert_eq!(server.requests(), 1);
}

#[test]
fn a_refused_configuration_never_opens_the_listener() {
    let module = module();
    let digest = Digest::of(&module);
    let server = Reserved::port().serve(Behaviour::Module(module));
    let configuration =
        r#"{"basic_auth_rules": [{"prefx": "/", "credentials": ["Aladdin:secret1"]}]}"#;
    let proxy = refuses(source(server.address(), digest), configuration);
    let log = proxy.log().of_plugin(LISTENER);
    assert!(
        log.contains("basic_auth_rules[0]"),
        "the log does not say where: {log}"
    );
    assert!(
        proxy.log().find("secret1").is_none(),
        "the log has the password"
    );
}

#[test]
fn envoy_accepts_every_configuration_that_users_copy() {
    let folder = fixture::root().join("envoy");
    let envoy = xtask::envoy::locate().unwrap_or_else(|error| panic!("{error:#}"));
    let mut count = 0;
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            xtask::envoy::validate(&envoy, &path).unwrap_or_else(|error| panic!("{error:#}"));
            count += 1;
        }
    }
    assert!(count > 0, "no configuration");
}

/// Fails unless every request is refused, over both protocols and with the right credentials too.
fn refuses(module: ModuleSource, configuration: &str) -> Proxy {
    let upstream = Upstream::start().expect("an upstream");
    let proxy = Proxy::live(&bootstrap(module, &upstream, configuration));
    let address = proxy.listener(LISTENER);
    // More than one round: the first request must not wake up what lets the second one through.
    for _ in 0..3 {
        assert_eq!(get(address, b"/", &[]).status, 503);
        assert_eq!(with_credentials(address, GOOD), 503);
        let request = http::Request::get("http://example.com/").body(());
        let request = request.expect("a request");
        let answer = xtask::http::send(address, Protocol::Http2, request);
        assert_eq!(answer.expect("an answer").status, 503);
    }
    assert_eq!(
        proxy.statistic("cluster.upstream.upstream_rq_total"),
        0,
        "a request got through"
    );
    proxy
}
