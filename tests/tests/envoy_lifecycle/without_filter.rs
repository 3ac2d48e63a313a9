//! What SECURITY.md says of an Envoy that cannot use a module or a configuration: most of it is Envoy's
//! doing, and not all of it is closed. (An ECDS update with remote code is among the tests of the agent.)

use super::{CONFIGURATION, GOOD, LISTENER, assert_at_work, get, with_credentials};
use basic_auth_tests::{
    envoy::{
        PATIENCE,
        module_server::{Behaviour, ModuleServer, Reserved},
    },
    fixture,
};
use serde_json::{Value, json};
use std::{fs, net::SocketAddr, path::Path};
use xtask::{
    envoy::{
        Envoy,
        bootstrap::{answer, bootstrap, cluster, listener, wasm},
    },
    module::Digest,
};

const REFUSED: &str = r#"{"basic_auth_rules": [{"prefx": "/", "credentials": ["a:b"]}]}"#;

fn envoy() -> std::path::PathBuf {
    xtask::envoy::locate().unwrap_or_else(|error| panic!("{error:#}"))
}

/// Code that Envoy fetches from a cluster.
fn remote(cluster: &str, server: &ModuleServer, module: &[u8]) -> Value {
    json!({"remote": {
        "http_uri": {
            "uri": format!("http://{}/basic_auth.wasm", server.address()),
            "cluster": cluster,
            "timeout": "10s",
        },
        "sha256": Digest::of(module).to_string(),
    }})
}

fn main_listener(configuration: &str, code: Value, policy: &str) -> Value {
    let mut filter = wasm("main", configuration, &[].into(), code);
    filter["config"]["failure_policy"] = policy.into();
    listener(LISTENER, [filter], &answer())
}

#[test]
fn local_code_without_a_good_configuration_keeps_envoy_from_starting() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("basic_auth.wasm");
    fs::write(&file, &fixture::module().bytes).expect("a file");
    let code = json!({"local": {"filename": file}});
    for policy in ["FAIL_RELOAD", "FAIL_CLOSED", "FAIL_OPEN"] {
        let listener = main_listener(REFUSED, code.clone(), policy);
        let configuration = bootstrap([listener], []).to_string();
        let error = Envoy::start(&envoy(), &configuration, &[]).err();
        let said = format!("{:#}", error.expect("Envoy ends"));
        assert!(said.contains("Unable to create Wasm plugin main"), "{said}");
    }
}

#[test]
fn fail_open_lets_every_request_pass_when_the_configuration_is_refused() {
    let module = &fixture::module().bytes;
    let server = Reserved::port().serve(Behaviour::Module(module.clone()));
    for (policy, status) in [
        ("FAIL_OPEN", 200),
        ("FAIL_RELOAD", 503),
        ("FAIL_CLOSED", 503),
    ] {
        let listener = main_listener(REFUSED, remote("modules", &server, module), policy);
        let clusters = [cluster("modules", server.address())];
        let configuration = bootstrap([listener], clusters).to_string();
        let mut envoy = Envoy::start(&envoy(), &configuration, &[]).expect("Envoy starts");
        let address = live(&mut envoy);
        assert_eq!(get(address, b"/", &[]).status, status, "{policy}");
        assert_eq!(with_credentials(address, GOOD), status, "{policy}");
    }
}

/// Where the only listener listens, once it does.
fn live(envoy: &mut Envoy) -> SocketAddr {
    let address = envoy
        .wait_until_live(PATIENCE)
        .and_then(|()| envoy.wait_for_listener(LISTENER, PATIENCE));
    address.unwrap_or_else(|error| panic!("{error:#}"))
}

/// Has Envoy read this listener from a file, as from a control plane.
fn write_listener(folder: &Path, version: &str, mut listener: Value) {
    listener["@type"] = "type.googleapis.com/envoy.config.listener.v3.Listener".into();
    let response = json!({"version_info": version, "resources": [listener]});
    let new = folder.join("new.json");
    fs::write(&new, response.to_string()).expect("a file");
    // Envoy looks at a file that is moved into place.
    fs::rename(new, folder.join("lds.json")).expect("a file");
}

fn wait_for(envoy: &mut Envoy, what: &str, holds: impl Fn(&Envoy) -> bool) {
    let waited = envoy.wait_for(what, PATIENCE, |envoy| holds(envoy).then_some(()));
    waited.unwrap_or_else(|error| panic!("{error:#}"));
}

#[test]
fn a_refused_configuration_replaces_a_good_listener_unless_the_code_is_cached() {
    let module = &fixture::module().bytes;
    // Other code of the same meaning: with an empty custom section at its end.
    let other = [&module[..], &[0, 1, 0]].concat();
    let servers =
        [module, &other].map(|code| Reserved::port().serve(Behaviour::Module(code.clone())));
    let [cached, uncached] = [
        ("modules", &servers[0], module),
        ("others", &servers[1], &other),
    ]
    .map(|(cluster, server, code)| remote(cluster, server, code));
    let folder = tempfile::tempdir().expect("a folder");
    let good = main_listener(CONFIGURATION, cached.clone(), "FAIL_RELOAD");
    write_listener(folder.path(), "1", good);
    let clusters = ["modules", "others"].into_iter().zip(&servers);
    let clusters = clusters.map(|(name, server)| cluster(name, server.address()));
    let mut configuration = bootstrap([], clusters);
    configuration["node"] = json!({"id": "envoy", "cluster": "tests"});
    configuration["dynamic_resources"] = json!({"lds_config": {
        "path_config_source": {"path": folder.path().join("lds.json")},
        "resource_api_version": "V3"}});
    let configuration = configuration.to_string();
    let mut envoy = Envoy::start(&envoy(), &configuration, &[]).expect("Envoy starts");
    let address = live(&mut envoy);
    assert_at_work(address);

    write_listener(
        folder.path(),
        "2",
        main_listener(REFUSED, cached, "FAIL_RELOAD"),
    );
    wait_for(&mut envoy, "the update to be rejected", |envoy| {
        let rejected = envoy.statistic("listener_manager.lds.update_rejected");
        rejected.is_ok_and(|rejected| rejected == Some(1))
    });
    assert_at_work(address);

    write_listener(
        folder.path(),
        "3",
        main_listener(REFUSED, uncached, "FAIL_RELOAD"),
    );
    wait_for(&mut envoy, "the good listener to go", |_| {
        with_credentials(address, GOOD) == 503
    });
    assert_eq!(get(address, b"/", &[]).status, 503);
    assert_eq!(servers[1].requests(), 1);
}
