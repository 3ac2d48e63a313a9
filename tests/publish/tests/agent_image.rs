//! The agent as people run it: its image, alone in a namespace; its unit, its manifest and its compose file.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use delivery_tests::agent::free_address;
use delivery_tests::client::status;
use delivery_tests::lab::good;
use delivery_tests::module_server::ModuleServer;
use delivery_tests::{PATIENCE, wait_for};
use publish::agent_image::USER;
use publish_tests::golden::{documents, envoy_folder};
use publish_tests::pip;
use publish_tests::program::run;
use serde_json::{Value, json};
use tempfile::TempDir;
use xtask::child::Child;
use xtask::command::{command, output};
use xtask::envoy::Envoy;

fn output_of(program: &str, arguments: &[&str]) -> String {
    output(command(program, arguments)).unwrap_or_else(|error| panic!("{error:#}"))
}

/// The layout of the image, and the files of its layer.
fn image(folder: &Path) -> (Value, PathBuf) {
    let layout = folder.join("layout").display().to_string();
    run(&[
        "package",
        "--agent",
        "--agent-profile",
        "dev",
        "-o",
        &layout,
    ])
    .expect_success();
    let source = format!("oci:{layout}");
    let config = output_of("skopeo", &["inspect", "--config", &source]);
    let layers = output_of(
        "skopeo",
        &[
            "inspect",
            "--format",
            "{{range .Layers}}{{.}}{{end}}",
            &source,
        ],
    );
    let root = folder.join("root");
    fs::create_dir(&root).unwrap();
    let layer = format!("{layout}/blobs/{}", layers.replace(':', "/"));
    output_of("tar", &["-xzpf", &layer, "-C", root.to_str().unwrap()]);
    (serde_json::from_str(&config).unwrap(), root)
}

/// A folder that the agent's user has, as Kubernetes makes it with `fsGroup`.
fn shared(folder: &Path) -> PathBuf {
    let shared = folder.join("shared");
    fs::create_dir(&shared).unwrap();
    chown(&shared, Some(USER), Some(USER)).unwrap();
    fs::set_permissions(&shared, fs::Permissions::from_mode(0o2770)).unwrap();
    shared
}

/// Starts what the image says, with nothing else in its root, which is read-only.
fn start(root: &Path, shared: &Path, resources: &Path, status: &str) -> Child {
    let script = r#"set -e
        mount --bind "$0" "$0"
        mount -o remount,bind,ro "$0"
        mount --bind "$1" "$0/run/wasm-agent"
        mount --bind "$2" "$0/etc/wasm-agent"
        exec chroot --userspec=65532:65532 --groups= "$0" /wasm-agent --resources /etc/wasm-agent/extensions \
          --listen unix:/run/wasm-agent/wasm-agent.sock --cache-dir /run/wasm-agent/modules --status "$3""#;
    // A runtime makes the places that something is mounted on.
    fs::create_dir(root.join("etc/wasm-agent")).unwrap();
    let mut unshare = Command::new("unshare");
    unshare
        .args(["--mount", "sh", "-c", script])
        .args([root, shared, resources])
        .arg(status);
    unshare.stdin(Stdio::null());
    Child::spawn(unshare).unwrap()
}

/// Envoy as another user, who shares the group and the folder.
fn envoy_as_other_user(folder: &Path, shared: &Path) -> PathBuf {
    let envoy = xtask::envoy::locate().unwrap();
    // The link's target may lie where only root may go.
    let program = folder.join("envoy-program");
    fs::copy(envoy, &program).unwrap();
    let script = format!(
        "#!/bin/sh\nset -e\nchmod 777 \"$(dirname \"$2\")\"\nexec unshare --mount sh -c 'set -e\n\
         mount -t tmpfs tmpfs /run\nmkdir /run/wasm-agent\nmount --bind {} /run/wasm-agent\ntouch /run/envoy\n\
         mount --bind {} /run/envoy\n\
         exec setpriv --reuid 101 --regid 101 --groups 65532 --pdeathsig KILL /run/envoy \"$@\"' sh \"$@\"\n",
        shared.display(),
        program.display()
    );
    let path = folder.join("envoy");
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn the_image_runs_alone_and_read_only_and_delivers_to_an_envoy_of_another_user() {
    let folder: TempDir = tempfile::tempdir().unwrap();
    let (config, root) = image(folder.path());
    assert_eq!(config["config"]["User"], "65532:65532");
    assert_eq!(config["config"]["Entrypoint"], json!(["/wasm-agent"]));
    assert_eq!(
        config["config"]["Env"][0],
        "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"
    );
    let certificates = fs::read_to_string(root.join("etc/ssl/certs/ca-certificates.crt")).unwrap();
    assert!(certificates.matches("BEGIN CERTIFICATE").count() > 100);

    let modules = ModuleServer::start();
    modules.set("/basic_auth.wasm", good());
    let made = folder.path().join("made");
    let (url, example) = (
        modules.url("/basic_auth.wasm"),
        envoy_folder().join("example"),
    );
    let example = |name: &str| example.join(name).display().to_string();
    let (config, users) = (example("config.json"), example("users.htpasswd"));
    let arguments = [
        "manifests",
        "--for",
        "envoy-ecds",
        "--offline",
        "--url",
        &url,
        "--config",
        &config,
    ];
    let more = [
        "--users",
        &users,
        "--listen",
        "127.0.0.1:0",
        "-o",
        made.to_str().unwrap(),
    ];
    run(&[&arguments[..], &more].concat()).expect_success();
    fs::set_permissions(&made, fs::Permissions::from_mode(0o755)).unwrap();
    let htpasswd = made.join("users/htpasswd");
    chown(&htpasswd, Some(USER), Some(USER)).unwrap();

    let shared = shared(folder.path());
    let address = free_address();
    let _agent = start(&root, &shared, &made, &address.to_string());
    // What the image's health check runs.
    let check = [
        "/wasm-agent",
        "--check-ready",
        "--status",
        &address.to_string(),
    ];
    let root = root.to_str().unwrap();
    let healthy = || {
        output(command(
            "chroot",
            [&["--userspec=65532:65532", root], &check[..]].concat(),
        ))
    };
    wait_for("the agent is healthy", || healthy().ok());
    let envoy = envoy_as_other_user(folder.path(), &shared);
    let bootstrap = fs::read_to_string(made.join("envoy.yaml")).unwrap();
    let mut envoy = Envoy::start(&envoy, &bootstrap, &["--concurrency", "1"]).unwrap();
    envoy
        .wait_until_live(PATIENCE)
        .unwrap_or_else(|error| panic!("{error:#}"));
    let listener = envoy.wait_for_listener("main", PATIENCE).unwrap();
    // The upstream is not there: what the password opens is answered with 503.
    wait_for("the module asks for a password", || {
        (status(listener, "/admin", None) == 401).then_some(())
    });
    drop(_agent);
    assert!(healthy().is_err(), "an agent that is gone is not healthy");
}

#[test]
fn systemd_takes_the_unit() {
    let folder = tempfile::tempdir().unwrap();
    let unit = fs::read_to_string(envoy_folder().join("systemd/wasm-agent.service")).unwrap();
    // The program is not installed here.
    let unit = unit.replace("/usr/local/bin/wasm-agent", "/bin/true");
    let path = folder.path().join("wasm-agent.service");
    fs::write(&path, unit).unwrap();
    let path = path.to_str().unwrap();
    assert_eq!(
        output_of("systemd-analyze", &["verify", "--man=no", path]),
        ""
    );
}

#[test]
fn kubernetes_models_take_the_manifest_which_holds_the_generated_files() {
    let path = envoy_folder().join("kubernetes/envoy.yaml");
    pip::validate("models", std::slice::from_ref(&path));
    let documents = documents(&fs::read_to_string(path).unwrap());
    let generated =
        |name: &str| fs::read_to_string(envoy_folder().join("envoy-ecds").join(name)).unwrap();
    for (kind, place, file) in [
        ("Secret", "/stringData/htpasswd", "users/htpasswd"),
        ("ConfigMap", "/data/envoy.yaml", "envoy.yaml"),
        (
            "ConfigMap",
            "/data/basic_auth.yaml",
            "extensions/basic_auth.yaml",
        ),
    ] {
        let texts = documents.iter().filter(|document| document["kind"] == kind);
        let texts: Vec<_> = texts
            .filter_map(|document| document.pointer(place))
            .collect();
        assert_eq!(texts, [&json!(generated(file))], "{file}");
    }
    let deployment = documents
        .iter()
        .find(|document| document["kind"] == "Deployment")
        .unwrap();
    let pod = &deployment["spec"]["template"]["spec"];
    for container in pod["containers"].as_array().unwrap() {
        assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
        for mount in container["volumeMounts"].as_array().unwrap() {
            assert_eq!(mount.get("subPath"), None, "Kubernetes would not update it");
            let is_shared = mount["name"] == "agent";
            assert_eq!(
                mount["readOnly"].as_bool().unwrap_or(false),
                !is_shared,
                "{mount}"
            );
        }
    }
}

/// As Compose reads it; there is no Docker here to run it.
#[test]
fn the_compose_file_shares_one_volume_and_nothing_else_can_be_written() {
    let path = envoy_folder().join("compose/compose.yaml");
    let mut check = command("docker-compose", ["config", "--quiet", "--file"]);
    check.args([&path]);
    output(check).unwrap_or_else(|error| panic!("{error:#}"));
    let text = fs::read_to_string(path).unwrap();
    let compose = documents(&text).remove(0);
    for (name, service) in compose["services"].as_object().unwrap() {
        assert_eq!(service["read_only"], true, "{name}");
        let volumes = service["volumes"].as_array().unwrap();
        let writable: Vec<_> = volumes
            .iter()
            .filter(|volume| !volume.as_str().unwrap().ends_with(":ro"))
            .collect();
        assert_eq!(writable, [&json!("agent:/run/wasm-agent")], "{name}");
    }
}
