//! What an operator does with a running Envoy: revokes users, reads logs and `/config_dump`.

use super::{assert_at_work, get, with_credentials};
use basic_auth_tests::{
    envoy::PATIENCE,
    fixture::{self, basic},
};
use serde_json::{Value, json};
use std::{
    fs,
    net::SocketAddr,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};
use tempfile::TempDir;
use xtask::{
    envoy::{
        Envoy,
        bootstrap::{answer, bootstrap, listener, manager, wasm},
    },
    http::{Client, Protocol, send_octets},
};

/// SHA-1 of `open sesame`, and of `one`.
const OPEN_SESAME: &str = "{SHA}W8r/fyL/UzygmbNAjq2HbA67qac=";
const ONE: &str = "{SHA}/gW83NxJKAEngaXxoqd8u1OY4QY=";

/// The module as a file, and where Envoy reads the rest.
fn folder() -> (TempDir, Value) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("basic_auth.wasm");
    fs::write(&file, &fixture::module().bytes).expect("a file");
    (folder, json!({"local": {"filename": file}}))
}

fn protecting(users: &Value) -> String {
    json!({"users": users, "basic_auth_rules": [{"prefix": "/"}]}).to_string()
}

/// A response of xDS in a file, which is moved into place.
fn write(folder: &Path, name: &str, version: &str, mut resource: Value, kind: &str) -> PathBuf {
    resource["@type"] = format!("type.googleapis.com/envoy.config.{kind}").into();
    let response = json!({"version_info": version, "resources": [resource]});
    let (new, path) = (folder.join("new"), folder.join(name));
    fs::write(&new, response.to_string()).expect("a file");
    fs::rename(new, &path).expect("a file");
    path
}

fn from_file(path: &Path) -> Value {
    json!({"path_config_source": {"path": path}, "resource_api_version": "V3"})
}

fn started(program: &Path, configuration: &Value, arguments: &[&str]) -> Envoy {
    let envoy = Envoy::start(program, &configuration.to_string(), arguments);
    let mut envoy = envoy.unwrap_or_else(|error| panic!("{error:#}"));
    let live = envoy.wait_until_live(PATIENCE);
    live.unwrap_or_else(|error| panic!("{error:#}"));
    envoy
}

fn locate() -> PathBuf {
    xtask::envoy::locate().unwrap_or_else(|error| panic!("{error:#}"))
}

fn listening(envoy: &mut Envoy, name: &str) -> SocketAddr {
    let address = envoy.wait_for_listener(name, PATIENCE);
    address.unwrap_or_else(|error| panic!("{error:#}"))
}

/// The status of a request with the credentials of Aladdin, over a connection that stays open.
async fn status(client: &mut Client) -> u16 {
    client.ready().await.expect("an open connection");
    let request = http::Request::get("http://example.com/");
    let request = request.header("authorization", basic("Aladdin:open sesame"));
    let answer = client.send(request.body(()).expect("a request")).await;
    answer.expect("an answer").status
}

#[test]
fn a_user_removed_by_a_listener_update_stays_in_on_an_open_connection_and_by_ecds_not() {
    let (folder, code) = folder();
    let filter = |users| wasm("main", &protecting(users), &[].into(), code.clone());
    let (with, without) = (
        json!([format!("Aladdin:{OPEN_SESAME}")]),
        json!([format!("somebody:{ONE}")]),
    );
    let kinds = ["listener.v3.Listener", "core.v3.TypedExtensionConfig"];
    let update = |version, users| {
        let lds = listener("by_lds", [filter(users)], &answer());
        let ecds = json!({"name": "filter-0", "typed_config": filter(users)});
        [
            write(folder.path(), "lds", version, lds, kinds[0]),
            write(folder.path(), "ecds", version, ecds, kinds[1]),
        ]
    };
    let [lds, ecds] = update("1", &with);
    let mut by_ecds = listener("by_ecds", [filter(&with)], &answer());
    manager(&mut by_ecds)["http_filters"][0] = json!({
        "name": "filter-0",
        "config_discovery": {
            "config_source": from_file(&ecds),
            "type_urls": ["type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm"],
        },
    });
    let mut configuration = bootstrap([by_ecds], []);
    configuration["node"] = json!({"id": "envoy", "cluster": "tests"});
    configuration["dynamic_resources"] = json!({"lds_config": from_file(&lds)});
    let mut envoy = started(&locate(), &configuration, &["--concurrency", "1"]);
    let addresses = ["by_lds", "by_ecds"].map(|name| listening(&mut envoy, name));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let mut open = addresses.map(|address| {
        let client = runtime.block_on(Client::connect(address, Protocol::Http1));
        client.expect("a connection")
    });
    addresses.into_iter().for_each(assert_at_work);
    assert_eq!(
        open.each_mut()
            .map(|client| runtime.block_on(status(client))),
        [200, 200]
    );
    let _ = update("2", &without);
    for address in addresses {
        let gone = |_: &Envoy| {
            (with_credentials(address, &basic("Aladdin:open sesame")) == 401).then_some(())
        };
        let waited = envoy.wait_for("the user to go", PATIENCE, gone);
        waited.unwrap_or_else(|error| panic!("{error:#}"));
    }
    assert_eq!(
        open.each_mut()
            .map(|client| runtime.block_on(status(client))),
        [200, 401]
    );
}

/// Asks the admin interface to change something.
fn post(envoy: &Envoy, path: &str) {
    let request = format!("POST {path} HTTP/1.1\r\nhost: admin\r\ncontent-length: 0\r\n\r\n");
    let answer = send_octets(envoy.admin(), request.as_bytes()).expect("an answer");
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[test]
fn hashes_stay_out_of_config_dump_and_credentials_out_of_the_log_as_the_docs_say() {
    let (folder, code) = folder();
    let configuration = r#"{"users_env": "HTPASSWD", "basic_auth_rules": [{"prefix": "/"}]}"#;
    let filter = |name, environment: Value| {
        let mut filter = wasm(name, configuration, &[].into(), code.clone());
        filter["config"]["vm_config"]["vm_id"] = name.into();
        filter["config"]["vm_config"]["environment_variables"] = environment;
        listener(name, [filter], &answer())
    };
    let users = format!("Aladdin:{OPEN_SESAME}");
    let listeners = [
        filter("by_value", json!({"key_values": {"HTPASSWD": users}})),
        filter("by_name", json!({"host_env_keys": ["HTPASSWD"]})),
    ];
    // Envoy's own environment.
    let program = folder.path().join("envoy");
    let script = format!(
        "#!/bin/sh\nHTPASSWD='jasmine:{ONE}' exec '{}' \"$@\"\n",
        locate().display()
    );
    fs::write(&program, script).expect("a file");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("executable");
    let arguments = ["--concurrency", "2", "--component-log-level", "wasm:debug"];
    let mut envoy = started(&program, &bootstrap(listeners, []), &arguments);
    let [by_value, by_name] = ["by_value", "by_name"].map(|name| listening(&mut envoy, name));
    assert_eq!(
        with_credentials(by_value, &basic("Aladdin:open sesame")),
        200
    );
    assert_eq!(with_credentials(by_name, &basic("jasmine:one")), 200);
    let dump = envoy.ask_admin("/config_dump").expect("an answer").body;
    let dump = String::from_utf8_lossy(&dump);
    assert!(dump.contains(OPEN_SESAME) && dump.contains("HTPASSWD") && !dump.contains(ONE));

    // Two workers, the main thread, and the VM that the others are copies of.
    let said = envoy.log();
    let configured = said
        .lines()
        .filter(|line| line.contains("by_value") && line.contains("1 rules, 0 of them exempt"));
    assert_eq!(configured.count(), 4, "{said}");

    // The module's own debug log has no credentials; all of Envoy's debug log has.
    let wrong = basic("Aladdin:open barley");
    assert_eq!(with_credentials(by_value, &wrong), 401);
    let has = |text: &str| envoy.log().contains(text);
    assert!(has("denied by basic_auth_rules[0]: mismatch") && !has(&wrong));
    post(&envoy, "/logging?level=debug");
    assert_eq!(with_credentials(by_value, &wrong), 401);
    assert!(has(&wrong));
    // The path of the docs, on a quiet Envoy.
    post(&envoy, "/logging?level=error");
    let before = envoy.log().matches(": mismatch").count();
    assert_eq!(with_credentials(by_value, &wrong), 401);
    post(&envoy, "/logging?wasm=debug");
    let again = |envoy: &Envoy| {
        assert_eq!(
            get(
                by_value,
                b"/",
                &[format!("authorization: {wrong}\r\n").as_bytes()]
            )
            .status,
            401
        );
        (envoy.log().matches(": mismatch").count() > before).then_some(())
    };
    let waited = envoy.wait_for("the module to adopt the level", PATIENCE, again);
    waited.unwrap_or_else(|error| panic!("{error:#}"));
}
