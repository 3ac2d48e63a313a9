//! skopeo and a container registry: an image goes in and out with the password; who has none sends a bare
//! colon.

use super::listener;
use client_tests::{
    program::{Ended, run},
    proxy::{GOOD, WRONG},
    servers::path,
};
use serde_json::{Value, json};
use std::{fs, path::Path, process::Command};

fn skopeo(arguments: &[&str]) -> Ended {
    run(
        "skopeo",
        "skopeo",
        ["--insecure-policy"].iter().chain(arguments),
    )
}

/// The SHA-256 of a file, in hexadecimal.
fn digest(file: &Path) -> String {
    let output = Command::new("sha256sum")
        .arg(file)
        .output()
        .expect("coreutils");
    String::from_utf8_lossy(&output.stdout)[..64].to_owned()
}

/// Writes a blob into a folder of the form `dir:`, and describes it.
fn blob(folder: &Path, media_type: &str, content: &[u8]) -> Value {
    let file = folder.join("new");
    fs::write(&file, content).expect("a file");
    let digest = digest(&file);
    fs::rename(&file, folder.join(&digest)).expect("a file");
    json!({"mediaType": media_type, "size": content.len(), "digest": format!("sha256:{digest}")})
}

/// An image with one layer, as skopeo reads it from a folder.
fn image(folder: &Path) {
    let layer = blob(
        folder,
        "application/vnd.oci.image.layer.v1.tar",
        &[0; 10240],
    );
    let config = json!({"architecture": "amd64", "os": "linux", "config": {},
        "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]}});
    let config = config.to_string();
    let config = blob(
        folder,
        "application/vnd.oci.image.config.v1+json",
        config.as_bytes(),
    );
    let manifest = json!({"schemaVersion": 2, "config": config, "layers": [layer],
        "mediaType": "application/vnd.oci.image.manifest.v1+json"});
    fs::write(folder.join("manifest.json"), manifest.to_string()).expect("a file");
    fs::write(folder.join("version"), "Directory Transport Version: 1.1\n").expect("a file");
}

#[test]
fn skopeo_pushes_and_pulls_with_the_password_and_without_one_where_it_may() {
    let folder = tempfile::tempdir().expect("a folder");
    let (sent, got) = (folder.path().join("sent"), folder.path().join("got"));
    fs::create_dir(&sent).expect("a folder");
    image(&sent);
    let dir = |folder: &Path| format!("dir:{}", path(folder));
    let at = |name: &str| format!("docker://{}/image:1", listener(name));
    let (registry, mirror) = (at("registry"), at("mirror"));

    let push = |credentials: &str| {
        let to = ["--dest-tls-verify=false", "--dest-creds", credentials];
        skopeo(&[&["copy", "--quiet"], &to[..], &[&dir(&sent), &registry]].concat())
    };
    assert!(
        push(WRONG).failed().contains("unauthorized"),
        "{:?}",
        push(WRONG)
    );
    let _ = push(GOOD).succeeded();
    let from = ["--src-tls-verify=false", "--src-creds", GOOD];
    let pull = skopeo(&[&["copy", "--quiet"], &from[..], &[&registry, &dir(&got)]].concat());
    let _ = pull.succeeded();
    // The layer was compressed on its way.
    let config = |folder: &Path| -> Value {
        let manifest = fs::read(folder.join("manifest.json")).expect("a file");
        serde_json::from_slice::<Value>(&manifest).expect("JSON")["config"].clone()
    };
    assert_eq!(config(&sent), config(&got));

    let inspect = |of: &str| skopeo(&["inspect", "--tls-verify=false", of]);
    assert!(
        inspect(&mirror)
            .succeeded()
            .contains(r#""Architecture": "amd64""#)
    );
    let _ = inspect(&registry).failed();
}
