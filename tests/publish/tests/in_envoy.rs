//! The manifests at work: what Envoy itself can load is loaded by a real one, and asked for protected paths.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use delivery_tests::agent::{Agent, free_address};
use delivery_tests::client::status;
use delivery_tests::lab::good;
use delivery_tests::messages::{HTTP_WASM, TYPED_STRUCTS, extension_any, typed_struct};
use delivery_tests::module_server::ModuleServer;
use delivery_tests::xds_server::XdsServer;
use delivery_tests::{PATIENCE, wait_for};
use publish_tests::golden::{documents, envoy_folder};
use publish_tests::listeners::{move_listeners_to, with_listeners_in};
use publish_tests::monitoring;
use publish_tests::pip::installed;
use publish_tests::program::run;
use serde_json::{Value, json};
use tempfile::TempDir;
use xtask::envoy::{Envoy, bootstrap};
use xtask::upstream::Upstream;

const ALICE: Option<&str> = Some("alice:wonderland");
const DEPLOY: Option<&str> = Some("deploy:5f2b9c64");

/// Makes manifests of the example for the module at `url`.
fn made(target: &str, url: &str, more: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let example = |name: &str| {
        envoy_folder()
            .join("example")
            .join(name)
            .display()
            .to_string()
    };
    let (config, users) = (example("config.json"), example("users.htpasswd"));
    let checksum = delivery_tests::lab::module().digest.to_string();
    let output = folder.path().to_str().unwrap();
    let fixed = [
        "manifests",
        "--for",
        target,
        "--url",
        url,
        "--sha256",
        &checksum,
        "--config",
        &config,
    ];
    let rest = ["--users", &users, "-o", output];
    // Not offline: the checksum is compared with what the server has.
    run(&[&fixed[..], &rest, more].concat()).expect_success();
    folder
}

fn yaml(path: &Path) -> Vec<Value> {
    documents(&fs::read_to_string(path).unwrap())
}

/// What the example's configuration says.
#[track_caller]
fn protects(address: SocketAddr) {
    wait_for("alice opens /admin", || {
        (status(address, "/admin", ALICE) == 200).then_some(())
    });
    for (path, credentials, expected) in [
        ("/", None, 200),
        ("/admin", None, 401),
        ("/x/..%2fadmin;y", None, 401),
        ("/admin", Some("alice:wrong"), 401),
        ("/admin", DEPLOY, 403),
        ("/api", None, 200),
    ] {
        let what = format!("{path} {credentials:?} {expected}");
        let answer = wait_for(&what, || {
            let answer = status(address, path, credentials);
            // What the verification budget says on a busy machine.
            (answer != 503).then_some(answer)
        });
        assert_eq!(answer, expected, "{what}");
    }
}

fn modules() -> ModuleServer {
    let modules = ModuleServer::start();
    modules.set("/basic_auth.wasm", good());
    modules
}

fn live(program: &Path, configuration: &str, listener: &str) -> (Envoy, SocketAddr) {
    let arguments = ["--concurrency", "1", "--log-level", "info"];
    let mut envoy = Envoy::start(program, configuration, &arguments).unwrap();
    envoy
        .wait_until_live(PATIENCE)
        .unwrap_or_else(|error| panic!("{error:#}"));
    let address = envoy.wait_for_listener(listener, PATIENCE);
    (envoy, address.unwrap_or_else(|error| panic!("{error:#}")))
}

fn envoy() -> PathBuf {
    xtask::envoy::locate().unwrap_or_else(|error| panic!("{error:#}"))
}

#[test]
fn the_oldest_and_the_newest_envoy_run_the_complete_configuration() {
    let (modules, upstream) = (modules(), Upstream::start().unwrap());
    let upstream = upstream.address().to_string();
    let more = ["--listen", "127.0.0.1:0", "--upstream", &upstream];
    let folder = made("envoy-static", &modules.url("/basic_auth.wasm"), &more);
    let path = folder.path().join("envoy.yaml");
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let configuration = fs::read_to_string(path).unwrap();
    for program in oldest_and_newest_envoy() {
        let (envoy, address) = live(&program, &configuration, "main");
        protects(address);
        let statistics = envoy.ask_admin("/stats/prometheus").unwrap();
        let statistics = String::from_utf8_lossy(&statistics.body).into_owned();
        assert!(statistics.contains("\nenvoy_wasm_remote_load_fetch_failures{} 0\n"));
    }
}

#[test]
fn the_oldest_and_the_newest_envoy_take_new_users_without_a_restart() {
    let (modules, upstream) = (modules(), Upstream::start().unwrap());
    let (address, upstream) = (free_address(), upstream.address().to_string());
    let listen = address.to_string();
    let more = ["--listen", &listen, "--upstream", &upstream];
    let folder = made("envoy-static", &modules.url("/basic_auth.wasm"), &more);
    let complete = fs::read_to_string(folder.path().join("envoy.yaml")).unwrap();
    for program in oldest_and_newest_envoy() {
        let place = tempfile::tempdir().unwrap();
        let (bootstrap, listeners) = with_listeners_in(place.path(), &complete);
        move_listeners_to(place.path(), &listeners);
        let (_envoy, address) = live(&program, &bootstrap, "main");
        protects(address);
        let users = fs::read_to_string(envoy_folder().join("example/users.htpasswd")).unwrap();
        let alice = users.lines().find(|line| line.starts_with("alice:"));
        let changed = listeners.replace(alice.unwrap(), "alice:{PLAIN}looking-glass");
        assert_ne!(changed, listeners);
        move_listeners_to(place.path(), &changed);
        wait_for("the new password opens /admin", || {
            (status(address, "/admin", Some("alice:looking-glass")) == 200).then_some(())
        });
        assert_eq!(status(address, "/admin", ALICE), 401);
    }
}

/// The oldest one that is supported and that there is a package of, and the newest: README names them.
fn oldest_and_newest_envoy() -> [PathBuf; 2] {
    let oldest = installed("oldest-envoy", "oldest-envoy-requirements.txt");
    [oldest.join("envoy/_bin/envoy"), envoy()]
}

/// A bootstrap with plugins of one `vm_id`, each with a listener and one user of its own in the environment.
fn with_users_in_the_environment<const N: usize>(
    module: &Path,
    users: [(&str, &str); N],
) -> String {
    let plugin = |(name, user): (&str, &str)| {
        let environment = [("USERS".to_owned(), format!("{user}:{{PLAIN}}{user}"))].into();
        let rules = json!({"users_env": "USERS", "basic_auth_rules": [{"prefix": "/"}]});
        let code = json!({"local": {"filename": module}});
        let filter = bootstrap::wasm(name, &rules.to_string(), &environment, code);
        bootstrap::listener(name, [filter], &bootstrap::answer())
    };
    bootstrap::bootstrap(users.map(plugin), []).to_string()
}

#[test]
fn an_update_of_the_environment_alone_changes_no_users_in_the_oldest_envoy() {
    let place = tempfile::tempdir().unwrap();
    let module = place.path().join("basic_auth.wasm");
    fs::write(&module, &delivery_tests::lab::module().bytes).unwrap();
    let found = oldest_and_newest_envoy().map(|program| {
        let folder = tempfile::tempdir().unwrap();
        let [before, after] = ["alice", "bob"].map(|user| {
            let complete = with_users_in_the_environment(&module, [("main", user)]);
            with_listeners_in(folder.path(), &complete)
        });
        move_listeners_to(folder.path(), &before.1);
        let (mut envoy, address) = live(&program, &before.0, "main");
        assert_eq!(status(address, "/", Some("alice:alice")), 200);
        move_listeners_to(folder.path(), &after.1);
        wait_for("the listener's update", || {
            let updates = envoy.ask_admin("/stats?filter=lds.update_success").ok()?;
            (updates.body == b"listener_manager.lds.update_success: 2\n").then_some(())
        });
        let address = envoy.wait_for_listener("main", PATIENCE).unwrap();
        ["alice:alice", "bob:bob"].map(|user| status(address, "/", Some(user)))
    });
    assert_eq!(found, [[200, 401], [401, 200]]);
}

#[test]
fn plugins_of_one_vm_id_get_each_others_users_in_the_oldest_envoy_and_not_in_the_newest() {
    let place = tempfile::tempdir().unwrap();
    let module = place.path().join("basic_auth.wasm");
    fs::write(&module, &delivery_tests::lab::module().bytes).unwrap();
    let users = [("first", "alice"), ("second", "bob")];
    let configuration = with_users_in_the_environment(&module, users);
    let found = oldest_and_newest_envoy().map(|program| {
        let (mut envoy, first) = live(&program, &configuration, "first");
        let second = envoy.wait_for_listener("second", PATIENCE).unwrap();
        [
            (first, "alice"),
            (first, "bob"),
            (second, "alice"),
            (second, "bob"),
        ]
        .map(|(address, user)| status(address, "/", Some(&format!("{user}:{user}"))))
    });
    assert_eq!(found, [[200, 401, 200, 401], [200, 401, 401, 200]]);
}

#[test]
fn envoy_behind_the_agent_runs_the_folder_and_follows_the_users() {
    publish_tests::agent::ensure_built();
    let (modules, upstream) = (modules(), Upstream::start().unwrap());
    let upstream = upstream.address().to_string();
    // Envoy 1.37.0 crashes when it gets a module over ECDS.
    let program = envoy();
    {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name).display().to_string();
        let (socket, users) = (at("agent.sock"), at("htpasswd"));
        let places = ["--socket", &socket, "--users-path", &users];
        let more = [
            &places[..],
            &["--listen", "127.0.0.1:0", "--upstream", &upstream],
        ]
        .concat();
        let folder = made("envoy-ecds", &modules.url("/basic_auth.wasm"), &more);
        fs::copy(folder.path().join("users/htpasswd"), &users).unwrap();
        let resources = folder.path().join("extensions");
        let agent = Agent::with_folder(&resources, &["--listen", &format!("unix:{socket}")]);
        let configuration = fs::read_to_string(folder.path().join("envoy.yaml")).unwrap();
        let (envoy, address) = live(&program, &configuration, "main");
        protects(address);
        fs::write(&users, "alice:{PLAIN}looking-glass\ndeploy:!\n").unwrap();
        wait_for("the new password opens /admin", || {
            (status(address, "/admin", Some("alice:looking-glass")) == 200).then_some(())
        });
        assert_eq!(status(address, "/admin", ALICE), 401);
        let before = scraped(&envoy, &agent);
        has_every_statistic(&before);
        let resource = resources.join("basic_auth.yaml");
        let text = fs::read_to_string(&resource).unwrap();
        let checksum = delivery_tests::lab::module().digest.to_string();
        fs::write(&resource, text.replace(&checksum, &"0".repeat(64))).unwrap();
        wait_for("the agent refuses the module", || {
            agent
                .status("/stats/prometheus")
                .contains("result=\"checksum_mismatched\"")
                .then_some(())
        });
        let raised = ["WasmAgentModuleFetchFails", "WasmAgentRefuses"];
        monitoring::assert_raised(&before, &before, &[]);
        monitoring::assert_raised(&before, &scraped(&envoy, &agent), &raised);
    }
}

/// What Prometheus would get of both.
fn scraped(envoy: &Envoy, agent: &Agent) -> String {
    let ours = envoy.ask_admin("/stats/prometheus").unwrap();
    String::from_utf8_lossy(&ours.body).into_owned() + &agent.status("/stats/prometheus")
}

/// What alerts and dashboard ask for is there, by these names.
fn has_every_statistic(all: &str) {
    let names: Vec<_> = all
        .lines()
        .filter_map(|line| line.split(['{', ' ']).next())
        .collect();
    // Of Envoy's own downloads, which the complete configuration has.
    let asked = monitoring::names()
        .into_iter()
        .filter(|name| !name.contains("remote_load"));
    for asked in asked {
        assert!(
            names.iter().any(|name| monitoring::is_meant(&asked, name)),
            "{asked} is no statistic: {names:#?}"
        );
    }
}

/// An Envoy as Istio would configure it: the filter of one patch in its HTTP connection manager, and its xDS server at
/// the agent's socket.
fn as_istio_would(filter: &Value, socket: &Path) -> String {
    let manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "lab",
        "http_filters": [
            filter,
            {"name": "router", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}},
        ],
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
            {"match": {"prefix": "/"}, "direct_response": {"status": 200}}]}]},
    });
    json!({
        "node": {"id": "envoy", "cluster": "tests"},
        "dynamic_resources": {"ads_config": {"api_type": "GRPC", "transport_api_version": "V3",
            "grpc_services": [{"envoy_grpc": {"cluster_name": "xds"}}]}},
        "static_resources": {
            "listeners": [{"name": "lab",
                "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
                "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}]}],
            "clusters": [{
                "name": "xds", "type": "STATIC", "connect_timeout": "1s",
                "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                    "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                    "explicit_http_config": {"http2_protocol_options": {}}}},
                "load_assignment": {"cluster_name": "xds", "endpoints": [{"lb_endpoints": [
                    {"endpoint": {"address": {"pipe": {"path": socket}}}}]}]},
            }],
        },
    })
    .to_string()
}

/// Envoy with the variable that the Secret would give it.
fn envoy_with(folder: &Path, secret: &Value) -> PathBuf {
    let users = folder.join("users");
    fs::write(
        &users,
        secret["stringData"]["BASIC_AUTH_USERS"].as_str().unwrap(),
    )
    .unwrap();
    let script = format!(
        "#!/bin/sh\nBASIC_AUTH_USERS=\"$(cat {})\" exec {} \"$@\"\n",
        users.display(),
        envoy().display()
    );
    let path = folder.join("envoy");
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn the_values_of_both_envoyfilters_work_in_envoy_with_the_users_of_the_secret() {
    publish_tests::agent::ensure_built();
    let modules = modules();
    let folder = made(
        "istio-envoyfilter",
        &modules.url("/basic_auth.wasm"),
        &["--namespace", "web"],
    );
    let filters = yaml(&folder.path().join("envoyfilter.yaml"));
    let patch = |document: &Value| document["spec"]["configPatches"][0].clone();
    let (extension, filter) = (patch(&filters[0]), patch(&filters[1]));
    assert_eq!(extension["applyTo"], "EXTENSION_CONFIG");
    assert_eq!(filter["applyTo"], "HTTP_FILTER");
    let (extension, filter) = (&extension["patch"]["value"], &filter["patch"]["value"]);
    let name = extension["name"].as_str().unwrap();
    assert_eq!(filter["name"], json!(name));
    // Istio's server sends what is in the patch.
    let xds = XdsServer::start();
    let mut fields = extension["typed_config"].clone();
    assert_eq!(
        fields.as_object_mut().unwrap().remove("@type"),
        Some(json!(HTTP_WASM))
    );
    let sent = typed_struct(TYPED_STRUCTS[0], HTTP_WASM, &fields);
    xds.set(name, extension_any(name, &sent));
    let agent = Agent::with_upstream(&xds.url(), &[]);
    let secret = yaml(&folder.path().join("users.yaml")).remove(0);
    let program = envoy_with(folder.path(), &secret);
    let (_envoy, address) = live(&program, &as_istio_would(filter, &agent.socket()), "lab");
    protects(address);
}
