//! Images on disk and in registries: what consumers look for, what other clients say, what the agent gets.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use delivery_tests::agent::Agent;
use delivery_tests::envoy::{Bootstrap, Proxy};
use publish_tests::program::{run, run_with};
use publish_tests::registry::{Access, Registry};
use serde_json::{Value, json};
use tempfile::TempDir;
use xtask::command;
use xtask::module::Digest;

const REVISION: &str = "0123456789abcdef0123456789abcdef01234567";

fn package(folder: &Path, arguments: &[&str]) -> String {
    let folder = folder.to_str().unwrap();
    let fixed = ["package", "--revision", REVISION, "-o", folder];
    let said = run(&[&fixed, arguments].concat()).expect_success();
    said.lines().last().unwrap().to_owned()
}

fn json_of(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn blob(layout: &Path, descriptor: &Value) -> Vec<u8> {
    let digest = descriptor["digest"].as_str().unwrap();
    let path = layout.join("blobs").join(digest.replace(':', "/"));
    let content = fs::read(path).unwrap();
    assert_eq!(format!("sha256:{}", Digest::of(&content)), digest);
    assert_eq!(descriptor["size"], json!(content.len()));
    content
}

fn unpacked(gzipped: &[u8]) -> Vec<u8> {
    let mut tar = Vec::new();
    flate2::read::GzDecoder::new(gzipped)
        .read_to_end(&mut tar)
        .unwrap();
    tar
}

/// Istio, Envoy Gateway and Higress want a last layer of this type with an entry `plugin.wasm`; Google wants nothing
/// else in it; registries want a real image configuration, and nobody wants an index.
#[test]
fn the_plain_image_is_the_one_that_all_consumers_take() {
    let folder = tempfile::tempdir().unwrap();
    let layout = folder.path().join("oci");
    let digest = package(&layout, &["--source", "https://source.example/basic-auth"]);
    assert_eq!(
        json_of(&layout.join("oci-layout")),
        json!({"imageLayoutVersion": "1.0.0"})
    );
    let index = json_of(&layout.join("index.json"));
    assert_eq!(index["manifests"].as_array().unwrap().len(), 1);
    assert_eq!(index["manifests"][0]["digest"], json!(digest));
    let manifest = blob(&layout, &index["manifests"][0]);
    let mut manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let configuration = blob(&layout, &manifest["config"]);
    let layer = blob(&layout, &manifest["layers"][0]);
    let tar = unpacked(&layer);
    let version = env!("CARGO_PKG_VERSION");
    manifest["config"]["digest"].take();
    manifest["config"]["size"].take();
    manifest["layers"][0]["digest"].take();
    manifest["layers"][0]["size"].take();
    assert_eq!(
        manifest,
        json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": null, "size": null},
            "layers": [{
                "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": null, "size": null,
                "annotations": {"org.opencontainers.image.title": "plugin.wasm"},
            }],
            "annotations": {
                "org.opencontainers.image.licenses": "Apache-2.0",
                "org.opencontainers.image.revision": REVISION,
                "org.opencontainers.image.source": "https://source.example/basic-auth",
                "org.opencontainers.image.title": "basic_auth",
                "org.opencontainers.image.version": version,
            },
        })
    );
    let configuration: Value = serde_json::from_slice(&configuration).unwrap();
    assert_eq!(
        configuration,
        json!({
            "architecture": "amd64", "os": "linux", "config": {},
            "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{}", Digest::of(&tar))]},
        })
    );
    // Neither a time nor a name (RFC 1952, 2.3).
    assert_eq!(layer[3..8], [0; 5]);
    let mut archive = tar::Archive::new(tar.as_slice());
    let entries: Vec<_> = archive
        .entries()
        .unwrap()
        .map(|entry| {
            let mut entry = entry.unwrap();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            let header = entry.header();
            assert_eq!(
                (header.mtime().unwrap(), header.mode().unwrap()),
                (0, 0o644)
            );
            (entry.path().unwrap().into_owned(), Digest::of(&content))
        })
        .collect();
    let module = xtask::build::of_this_source().unwrap();
    assert_eq!(entries, [("plugin.wasm".into(), module.digest)]);
}

#[test]
fn the_digest_is_the_same_in_any_folder_and_another_layout_takes_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (folder.path().join("one"), folder.path().join("a/b"));
    let digest = package(&one, &[]);
    assert_eq!(package(&other, &[]), digest);
    assert_ne!(package(&other, &["--layout", "cncf"]), digest);
    let blobs = fs::read_dir(other.join("blobs/sha256")).unwrap().count();
    assert_eq!(blobs, 3, "nothing of the earlier one is left");
    let names = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(names, 2, "nothing lies beside them");
}

#[test]
fn a_folder_of_something_else_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("mine"), "").unwrap();
    let path = folder.path().to_str().unwrap();
    assert_eq!(
        run(&["package", "-o", path]).expect_refusal(),
        format!("{path} holds something else than an OCI layout: name another folder, or empty it")
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn cncfs_artifact_has_one_raw_layer_and_says_who_refuses_it() {
    let folder = tempfile::tempdir().unwrap();
    let layout = folder.path().join("oci");
    let outcome = run(&[
        "package",
        "--layout",
        "cncf",
        "-o",
        layout.to_str().unwrap(),
    ]);
    assert_eq!(
        outcome.warned,
        "warning: this is CNCF's Wasm artifact, which Istio, Envoy Gateway and Higress refuse\n"
    );
    let index = json_of(&layout.join("index.json"));
    let manifest: Value = serde_json::from_slice(&blob(&layout, &index["manifests"][0])).unwrap();
    assert_eq!(
        manifest["config"]["mediaType"],
        "application/vnd.wasm.config.v0+json"
    );
    assert_eq!(manifest["layers"][0]["mediaType"], "application/wasm");
    assert_eq!(
        manifest["annotations"]["org.opencontainers.image.description"],
        "CNCF's Wasm artifact: Istio, Envoy Gateway and Higress refuse it"
    );
    let module = xtask::build::of_this_source().unwrap();
    assert_eq!(blob(&layout, &manifest["layers"][0]), module.bytes);
    let configuration: Value = serde_json::from_slice(&blob(&layout, &manifest["config"])).unwrap();
    assert_eq!(
        configuration["layerDigests"],
        json!([format!("sha256:{}", module.digest)])
    );
}

fn skopeo(arguments: &[&str]) -> String {
    command::output(command::command("skopeo", arguments))
        .unwrap_or_else(|error| panic!("{error:#}"))
}

/// Every file of a folder with its content.
fn content(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries
        .map(|path| {
            (
                path.file_name().unwrap().to_string_lossy().into_owned(),
                fs::read(&path).unwrap(),
            )
        })
        .collect();
    files.sort();
    files
}

#[test]
fn another_client_reads_the_layout_and_copies_it_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let layout = folder.path().join("oci");
    let digest = package(&layout, &[]);
    let at = |name: &str| format!("{}/{name}", folder.path().display());
    let source = format!("oci:{}", at("oci"));
    let inspected: Value = serde_json::from_str(&skopeo(&["inspect", &source])).unwrap();
    assert_eq!(inspected["Digest"], json!(digest));
    assert_eq!(inspected["Os"], "linux");
    skopeo(&[
        "copy",
        "--insecure-policy",
        &source,
        &format!("dir:{}", at("dir")),
    ]);
    skopeo(&[
        "copy",
        "--insecure-policy",
        &format!("dir:{}", at("dir")),
        &format!("oci:{}:0.1.0", at("back")),
    ]);
    assert_eq!(
        content(&folder.path().join("back/blobs/sha256")),
        content(&layout.join("blobs/sha256"))
    );
}

/// What `push` printed last: the digest in `to pin it: oci://…@sha256:…`.
fn pin(said: &str) -> &str {
    said.lines()
        .last()
        .unwrap()
        .strip_prefix("to pin it: ")
        .unwrap()
}

#[test]
fn a_real_registry_has_what_was_pushed_and_the_agent_pulls_it() {
    let registry = Registry::start(Access::Open);
    let image = registry.image("team/basic-auth:0.1.0");
    let push = ["push", "--plain-http", "--revision", REVISION, &image];
    let said = run(&push).expect_success();
    let folder = tempfile::tempdir().unwrap();
    let layout = folder.path().join("oci");
    let digest = package(&layout, &[]);
    assert_eq!(
        pin(&said),
        format!("oci://{}@{digest}", registry.image("team/basic-auth"))
    );
    // A second push finds everything there, and another client gets the same octets.
    let again = run(&push).expect_success();
    assert_eq!(again.matches("is there already").count(), 2, "{again}");
    let pulled = format!("oci:{}/pulled:0.1.0", folder.path().display());
    skopeo(&[
        "copy",
        "--insecure-policy",
        "--src-tls-verify=false",
        &format!("docker://{image}"),
        &pulled,
    ]);
    assert_eq!(
        content(&folder.path().join("pulled/blobs/sha256")),
        content(&layout.join("blobs/sha256"))
    );
    // A layout goes the same way.
    let from = layout.to_str().unwrap();
    let said = run(&[
        "push",
        "--plain-http",
        "--from",
        from,
        &registry.image("other:1"),
    ])
    .expect_success();
    assert_eq!(
        pin(&said),
        format!("oci://{}@{digest}", registry.image("other"))
    );
    let hex = digest.strip_prefix("sha256:").unwrap();
    the_agent_delivers(&format!("oci://{image}"), hex);
}

/// Envoy runs the image, by the digest that was printed.
fn the_agent_delivers(url: &str, sha256: &str) {
    publish_tests::agent::ensure_built();
    let folder: TempDir = tempfile::tempdir().unwrap();
    let configuration = json!({"basic_auth_rules": [{"prefix": "/admin", "credentials": ["u:p"]}]});
    let resource = json!({"name": "lab", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
        "config": {
            "name": "lab",
            "vm_config": {"runtime": "envoy.wasm.runtime.v8", "code": {"remote": {
                "http_uri": {"uri": url, "timeout": "10s"}, "sha256": sha256}}},
            "configuration": {"@type": "type.googleapis.com/google.protobuf.StringValue", "value": configuration.to_string()},
        },
    }});
    fs::write(folder.path().join("lab.json"), resource.to_string()).unwrap();
    let path = folder.path().to_str().unwrap();
    let agent = Agent::start(&["--resources", path], &[("WASM_INSECURE_REGISTRIES", "*")]);
    let proxy = Proxy::live(&Bootstrap::at_socket(&agent.socket()));
    proxy.wait_for_user("lab", "u:p");
}

#[test]
fn the_credentials_are_those_of_dockers_configuration() {
    let registry = Registry::start(Access::Password);
    let image = registry.image("team/basic-auth:1");
    let push = ["push", "--plain-http", &image];
    let host = registry.image("").trim_end_matches('/').to_owned();
    assert_eq!(
        run(&push).expect_refusal(),
        format!(
            "{image} is as it was (nothing was pushed): {host} wants credentials, and Docker's configuration has none \
             for it: `docker login {host}`"
        )
    );
    let wrong = registry.docker_configuration("wrong");
    let refusal = run_with(&push, &[("DOCKER_CONFIG", wrong.path())]).expect_refusal();
    assert_eq!(
        refusal,
        format!(
            "{image} is as it was (nothing was pushed): {host} takes no configuration: 401 Unauthorized: UNAUTHORIZED: \
             authentication required"
        )
    );
    assert!(!registry.knows("team/basic-auth"));
    let right = registry.docker_configuration("p");
    run_with(&push, &[("DOCKER_CONFIG", right.path())]).expect_success();
    assert!(registry.knows("team/basic-auth"));
    a_helper_is_asked(&push, &host);
}

/// A program that speaks the protocol of Docker's credential helpers.
fn a_helper_is_asked(push: &[&str], host: &str) {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let helper = folder.path().join("docker-credential-ours");
    let script = "#!/bin/sh\nread -r server\necho \"$1 $server\" >>\"$0.log\"\n\
                  echo '{\"Username\": \"u\", \"Secret\": \"p\"}'\n";
    fs::write(&helper, script).unwrap();
    fs::set_permissions(&helper, fs::Permissions::from_mode(0o755)).unwrap();
    let configuration = json!({"credHelpers": {host: "ours"}});
    fs::write(folder.path().join("config.json"), configuration.to_string()).unwrap();
    let path = format!(
        "{}:{}",
        folder.path().display(),
        std::env::var("PATH").unwrap()
    );
    let environment = [("DOCKER_CONFIG", folder.path()), ("PATH", Path::new(&path))];
    run_with(push, &environment).expect_success();
    let log = fs::read_to_string(folder.path().join("docker-credential-ours.log")).unwrap();
    assert_eq!(log, format!("get {host}\n"));
}
