//! A folder as the source, with a real Envoy behind it.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use delivery_tests::agent::Agent;
use delivery_tests::client::status;
use delivery_tests::envoy::{Bootstrap, Proxy};
use delivery_tests::fake_envoy::FakeEnvoy;
use delivery_tests::lab::{good, module};
use delivery_tests::messages::{ECDS, HTTP_WASM};
use delivery_tests::module_server::ModuleServer;
use delivery_tests::{stays, wait_at_most, wait_for};
use serde_json::{Value, json};
use tempfile::TempDir;
use wasm_agent::discovery::Dialect;
use wasm_agent::wire::{message, put_bytes, text};

struct Lab {
    folder: TempDir,
    modules: ModuleServer,
}

impl Lab {
    fn new() -> Self {
        let modules = ModuleServer::start();
        modules.set("/good.wasm", good());
        Self {
            folder: tempfile::tempdir().unwrap(),
            modules,
        }
    }

    /// An extension configuration whose users are in the variable `USERS`.
    fn with_users_from(&self, users: &str) -> Value {
        let configuration =
            json!({"basic_auth_rules": [{"prefix": "/admin"}], "users_env": "USERS"});
        self.resource(
            "lab",
            &configuration,
            json!({"environment_variables": {"key_values": {"USERS": users}}}),
        )
    }

    /// One with a user of its own.
    fn with_user(&self, name: &str, user: &str) -> Value {
        let configuration =
            json!({"basic_auth_rules": [{"prefix": "/admin", "credentials": [user]}]});
        self.resource(name, &configuration, json!({}))
    }

    fn resource(&self, name: &str, configuration: &Value, vm: Value) -> Value {
        let mut vm = vm;
        vm["vm_id"] = json!("lab");
        vm["runtime"] = json!("envoy.wasm.runtime.v8");
        vm["code"] = json!({"remote": {"http_uri": {"uri": self.modules.url("/good.wasm"), "timeout": "10s"},
            "sha256": module().digest.to_string()}});
        let configuration = json!({"@type": "type.googleapis.com/google.protobuf.StringValue", "value": configuration.to_string()});
        json!({"name": name, "typed_config": {"@type": HTTP_WASM,
            "config": {"name": "lab", "vm_config": vm, "configuration": configuration}}})
    }

    /// Writes a file as an editor does: beside its place, and then moved there.
    fn write(&self, name: &str, content: &str) {
        let beside = self.folder.path().join(format!(".{name}"));
        fs::write(&beside, content).unwrap();
        fs::rename(beside, self.path(name)).unwrap();
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }
}

fn plain(user: &str, password: &str) -> String {
    format!("{user}:{{PLAIN}}{password}\n")
}

/// What works for `user` within the time that a change may take.
#[track_caller]
fn logs_in_soon(proxy: &Proxy, user: &str) {
    let address = proxy.address("lab");
    wait_at_most(Duration::from_secs(10), user, || {
        (status(address, "/admin", Some(user)) == 200).then_some(())
    });
}

#[test]
fn a_file_is_edited_and_envoy_follows() {
    let lab = Lab::new();
    lab.write("lab.yaml", &lab.with_user("lab", "first:1").to_string());
    let agent = Agent::with_folder(lab.folder.path(), &[]);
    for bootstrap in [
        Bootstrap::at_socket(&agent.socket()),
        Bootstrap::at_socket(&agent.socket()).over_delta(),
    ] {
        lab.write("lab.yaml", &lab.with_user("lab", "first:1").to_string());
        let proxy = Proxy::live(&bootstrap);
        proxy.wait_for_user("lab", "first:1");
        // In place, in the form of Envoy's own files.
        let own = json!({"version_info": "2", "resources": [lab.with_user("lab", "second:2")]});
        fs::write(lab.path("lab.yaml"), own.to_string()).unwrap();
        proxy.wait_for_user("lab", "second:2");
        for broken in ["", "name: [", "name: lab\n", "{}"] {
            lab.write("lab.yaml", broken);
            stays("what is at work", Duration::from_millis(700), || {
                status(proxy.address("lab"), "/admin", Some("second:2")) == 200
            });
        }
        // Of a wrong type: Envoy quotes all of it in its refusal, and the agent's log does not.
        let mut mistyped = lab.with_user("lab", "hidden:s3cret");
        mistyped["typed_config"]["config"]["vm_config"]["vm_id"] = json!({"not": "a text"});
        lab.write("lab.yaml", &mistyped.to_string());
        wait_for("the refusal", || {
            agent
                .log()
                .contains("Unable to parse JSON as proto")
                .then_some(())
        });
        assert!(!agent.log().contains("s3cret"), "{}", agent.log());
        let refusals = agent.log().matches("Envoy refuses").count();
        // Refused by the filter itself: Envoy refuses the update, and keeps what it has.
        let refused = json!({"basic_auth_rules": 7});
        lab.write(
            "lab.yaml",
            &lab.resource("lab", &refused, json!({})).to_string(),
        );
        wait_for("the refusal", || {
            (agent.log().matches("Envoy refuses").count() > refusals).then_some(())
        });
        assert_eq!(
            status(proxy.address("lab"), "/admin", Some("second:2")),
            200
        );
        // Removed: held back as long as Envoy uses it.
        fs::remove_file(lab.path("lab.yaml")).unwrap();
        wait_for("the removal", || {
            agent.log().contains("removal held back").then_some(())
        });
        assert_eq!(
            status(proxy.address("lab"), "/admin", Some("second:2")),
            200
        );
        lab.write("lab.yml", &lab.with_user("lab", "third:3").to_string());
        proxy.wait_for_user("lab", "third:3");
        fs::remove_file(lab.path("lab.yml")).unwrap();
    }
    assert_eq!(lab.modules.requests("/good.wasm"), 1);
}

#[test]
fn a_user_added_to_a_file_can_log_in_at_once_and_nobody_is_refused_meanwhile() {
    let lab = Lab::new();
    let users = lab.path("users.htpasswd");
    fs::write(&users, plain("anna", "1")).unwrap();
    lab.write(
        "lab.yaml",
        &lab.with_users_from("file://users.htpasswd").to_string(),
    );
    let agent = Agent::with_folder(lab.folder.path(), &[]);
    let proxy = Proxy::live(&Bootstrap::at_socket(&agent.socket()).over_delta());
    proxy.wait_for_user("lab", "anna:1");
    let address = proxy.address("lab");
    let everybody_is_served = || {
        status(address, "/admin", None) == 401 && status(address, "/admin", Some("anna:1")) == 200
    };
    // In place.
    fs::OpenOptions::new()
        .append(true)
        .open(&users)
        .unwrap()
        .write_all(plain("berta", "2").as_bytes())
        .unwrap();
    let start = std::time::Instant::now();
    wait_for("berta", || {
        assert!(everybody_is_served());
        (status(address, "/admin", Some("berta:2")) == 200).then_some(())
    });
    println!("in place: {:?}", start.elapsed());
    // Half of it: whoever writes has not closed it yet.
    let mut half = fs::File::create(&users).unwrap();
    half.write_all(plain("anna", "1").as_bytes()).unwrap();
    half.flush().unwrap();
    stays(
        "half a file changes nothing",
        Duration::from_millis(1500),
        || everybody_is_served() && status(address, "/admin", Some("berta:2")) == 200,
    );
    half.write_all(plain("carla", "3").as_bytes()).unwrap();
    drop(half);
    logs_in_soon(&proxy, "carla:3");
    wait_for("berta is gone", || {
        (status(address, "/admin", Some("berta:2")) == 401).then_some(())
    });
    // Gone, empty, unreadable: the last text stays.
    for trouble in [
        |path: &Path| fs::write(path, "").unwrap(),
        |path: &Path| fs::remove_file(path).unwrap(),
        |path: &Path| fs::write(path, b"\xff\xfe").unwrap(),
    ] {
        trouble(&users);
        stays("the last text", Duration::from_millis(700), || {
            everybody_is_served() && status(address, "/admin", Some("carla:3")) == 200
        });
    }
    let log = agent.log();
    assert!(
        log.contains("its last text stays") && !log.contains("PLAIN"),
        "{log}"
    );
}

/// How Kubernetes updates what is mounted: `..data` is a link that is replaced.
#[test]
fn a_mounted_secret_is_swapped() {
    let lab = Lab::new();
    let mount = tempfile::tempdir().unwrap();
    let put = |version: &str, content: &str| {
        let folder = mount.path().join(version);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("users"), content).unwrap();
        symlink(version, mount.path().join("..tmp")).unwrap();
        fs::rename(mount.path().join("..tmp"), mount.path().join("..data")).unwrap();
    };
    put("..1", &plain("anna", "1"));
    symlink("..data/users", mount.path().join("users")).unwrap();
    let users = format!("file://{}/users", mount.path().display());
    lab.write("lab.json", &lab.with_users_from(&users).to_string());
    let agent = Agent::with_folder(lab.folder.path(), &[]);
    let proxy = Proxy::live(&Bootstrap::at_socket(&agent.socket()));
    proxy.wait_for_user("lab", "anna:1");
    put("..2", &plain("berta", "2"));
    fs::remove_dir_all(mount.path().join("..1")).unwrap();
    logs_in_soon(&proxy, "berta:2");
    assert_eq!(status(proxy.address("lab"), "/admin", Some("anna:1")), 401);
}

#[test]
fn a_name_of_two_files_stays_with_the_first() {
    let lab = Lab::new();
    lab.write("m.yaml", &lab.with_user("lab", "first:1").to_string());
    let agent = Agent::with_folder(lab.folder.path(), &[]);
    let envoy = FakeEnvoy::connect(&agent.socket(), Dialect::Delta);
    envoy.subscribe(&["lab"]);
    let first = envoy.response();
    envoy.accept(&["lab"], &first);
    // The name of the file does not matter, but when it came.
    lab.write("a.yaml", &lab.with_user("lab", "second:2").to_string());
    wait_for("the complaint", || {
        agent.log().contains("has it, too").then_some(())
    });
    envoy.hears_nothing(Duration::from_millis(300));
    fs::remove_file(lab.path("m.yaml")).unwrap();
    let second = envoy.response();
    assert!(String::from_utf8_lossy(&second.resources[0]).contains("second:2"));
}

#[test]
fn what_is_not_there_is_answered_also_for_other_types() {
    let lab = Lab::new();
    let agent = Agent::with_folder(lab.folder.path(), &[]);
    let envoy = FakeEnvoy::connect(&agent.socket(), Dialect::Delta);
    envoy.subscribe(&["nothing"]);
    let nothing = envoy.response();
    assert_eq!(nothing.removed, ["nothing"]);
    envoy.accept(&["nothing"], &nothing);
    envoy.send(message(&[
        (2, b"type.googleapis.com/envoy.config.cluster.v3.Cluster"),
        (3, b"c"),
    ]));
    assert_eq!(envoy.response().removed, ["c"]);
    // What comes later is delivered.
    lab.write("lab.yaml", &lab.with_user("nothing", "a:1").to_string());
    assert_eq!(envoy.response().resources.len(), 1);
    let envoy = FakeEnvoy::connect(&agent.socket(), Dialect::StateOfTheWorld);
    envoy.subscribe(&["nowhere"]);
    assert!(envoy.response().resources.is_empty());
}

/// xDS protocol: a first request without names wants everything, until `*` is unsubscribed from.
#[test]
fn everything_is_served_until_it_is_no_longer_wanted() {
    let lab = Lab::new();
    let both = |user: &str| {
        let one = |name: &str| lab.with_user(name, user);
        lab.write(
            "lab.json",
            &serde_json::json!([one("a"), one("b")]).to_string(),
        );
    };
    both("first:1");
    let agent = Agent::with_folder(lab.folder.path(), &[]);
    let envoy = FakeEnvoy::connect(&agent.socket(), Dialect::Delta);
    envoy.subscribe(&[]);
    // What is ready does not wait long for the rest.
    let mut count = 0;
    while count < 2 {
        let some = envoy.response();
        count += some.resources.len();
        envoy.accept(&[], &some);
    }
    envoy.subscribe(&["b"]);
    let named = envoy.response();
    assert_eq!(named.resources.len(), 1);
    envoy.accept(&[], &named);
    envoy.unsubscribe(&["*"]);
    both("second:2");
    let rest = envoy.response();
    assert_eq!(rest.resources.len(), 1, "nobody wants `a`");
    assert!(String::from_utf8_lossy(&rest.resources[0]).contains("second:2"));
}

#[test]
fn the_agent_comes_back_with_its_modules_while_their_server_is_down() {
    let mut lab = Lab::new();
    lab.write("lab.yaml", &lab.with_user("lab", "first:1").to_string());
    let mut agent = Agent::with_folder(lab.folder.path(), &[]);
    let proxy = Proxy::live(&Bootstrap::at_socket(&agent.socket()));
    proxy.wait_for_user("lab", "first:1");
    lab.modules.kill();
    agent.kill();
    agent.restart();
    lab.write("lab.yaml", &lab.with_user("lab", "second:2").to_string());
    proxy.wait_for_user("lab", "second:2");
}

/// A stream breaks, and what Envoy is sent then it refuses: what it had accepted follows.
#[test]
fn what_envoy_accepted_is_remembered_over_a_broken_stream() {
    let lab = Lab::new();
    let write = |code: &str| {
        let vm = json!({"code": {"local": {"inline_string": code}}});
        let config = json!({"@type": HTTP_WASM, "config": {"vm_config": vm}});
        lab.write(
            "a.json",
            &json!({"name": "a", "typed_config": config}).to_string(),
        );
    };
    write("good");
    let agent = Agent::with_folder(lab.folder.path(), &[]);
    let subscribe = |version: &str| {
        let node = message(&[(1, b"node")]);
        let had = message(&[(1, b"a"), (2, version.as_bytes())]);
        let mut request = message(&[(1, &node), (2, ECDS.as_bytes()), (3, b"a")]);
        if !version.is_empty() {
            put_bytes(&mut request, 5, &had);
        }
        let envoy = FakeEnvoy::connect(&agent.socket(), Dialect::Delta);
        envoy.send(request);
        envoy
    };
    let envoy = subscribe("");
    let good = envoy.response();
    envoy.accept(&[], &good);
    drop(envoy);
    wait_for("the stream's end", || {
        agent.log().contains("Envoy's stream ended").then_some(())
    });
    write("bad");
    let other = FakeEnvoy::connect(&agent.socket(), Dialect::Delta);
    other.subscribe(&["a"]);
    while other.response().resources == good.resources {}
    let envoy = subscribe(text(&good.resources[0], 1).unwrap());
    let bad = envoy.response();
    assert_ne!(bad.resources, good.resources);
    envoy.reject(&[], &bad);
    assert_eq!(envoy.response().resources, good.resources);
}
