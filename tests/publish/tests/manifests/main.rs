//! Manifests: those of `envoy/` are current and fit the published schemas; what is wrong is refused in one line.

mod refusals;

use std::fs;
use std::path::Path;

use publish_tests::golden::{Golden, documents, envoy_folder, files};
use publish_tests::pip;
use serde_json::Value;

#[test]
fn the_manifests_of_the_repository_are_current() {
    for golden in Golden::all() {
        let made = tempfile::tempdir().unwrap();
        golden.make(made.path());
        let kept = envoy_folder().join(&golden.folder);
        let remake = || {
            format!(
                "cargo xtask {} -o envoy/{}",
                golden.arguments.join(" "),
                golden.folder
            )
        };
        let inside = |folder: &Path| -> Vec<_> {
            let relative =
                |path: &std::path::PathBuf| path.strip_prefix(folder).unwrap().to_owned();
            files(folder).iter().map(relative).collect()
        };
        assert_eq!(inside(made.path()), inside(&kept), "{}", remake());
        for name in inside(&kept) {
            let text = |folder: &Path| fs::read_to_string(folder.join(&name)).unwrap();
            assert_eq!(text(made.path()), text(&kept), "{name:?}: {}", remake());
        }
    }
}

fn manifests(folder: &str) -> Vec<std::path::PathBuf> {
    files(&envoy_folder().join(folder))
}

#[test]
fn the_published_models_take_every_manifest_that_they_know() {
    let istio: Vec<_> = manifests("istio")
        .into_iter()
        .filter(|path| !path.ends_with("trafficextension.yaml"))
        .collect();
    let gateway = manifests("envoy-gateway")
        .into_iter()
        .filter(|path| path.ends_with("users.yaml"));
    pip::validate(
        "models",
        &istio.into_iter().chain(gateway).collect::<Vec<_>>(),
    );
}

/// Every key of a document with its place, lists without their numbers; `open` are places of free content.
fn places(value: &Value, place: &str, open: &[&str], found: &mut Vec<String>) {
    if open.contains(&place) {
        return;
    }
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let place = format!("{place}.{key}");
                places(value, &place, open, found);
                found.push(place);
            }
        }
        Value::Array(items) => items
            .iter()
            .for_each(|item| places(item, place, open, found)),
        _ => {}
    }
}

#[track_caller]
fn holds_only(file: &str, known: &[&str], open: &[&str]) {
    let text = fs::read_to_string(envoy_folder().join(file)).unwrap();
    for document in documents(&text) {
        let mut found = Vec::new();
        places(&document, "", open, &mut found);
        let metadata = [
            ".apiVersion",
            ".kind",
            ".metadata",
            ".metadata.name",
            ".metadata.namespace",
            ".spec",
        ];
        found.retain(|place| {
            !known.contains(&place.as_str()) && !metadata.contains(&place.as_str())
        });
        assert_eq!(found, [""; 0], "{file}");
    }
}

/// Those of the newest Istio, which Istio 1.24 has no TrafficExtension of.
#[test]
fn the_models_of_istio_1_31_take_trafficextension_and_wasmplugin() {
    for name in ["trafficextension", "wasmplugin"] {
        let folder = envoy_folder().join("istio").join(name);
        pip::validate("istio-1.31", &[folder.join(format!("{name}.yaml"))]);
    }
}

/// The fields of Envoy Gateway's API (`api/v1alpha1/wasm_types.go`, `envoyextensionypolicy_types.go`,
/// `envoyproxy_types.go`, v1.4.0 to v1.9.0), of which no registry has a package.
#[test]
fn envoy_gateways_resources_have_only_fields_of_its_api() {
    let known = [
        ".spec.targetRefs",
        ".spec.targetRefs.group",
        ".spec.targetRefs.kind",
        ".spec.targetRefs.name",
        ".spec.wasm",
        ".spec.wasm.name",
        ".spec.wasm.failOpen",
        ".spec.wasm.code",
        ".spec.wasm.code.type",
        ".spec.wasm.code.image",
        ".spec.wasm.code.image.url",
        ".spec.wasm.code.image.sha256",
        ".spec.wasm.env",
        ".spec.wasm.env.hostKeys",
        ".spec.wasm.config",
    ];
    holds_only(
        "envoy-gateway/envoyextensionpolicy.yaml",
        &known,
        &[".spec.wasm.config"],
    );
    let provider = ".spec.provider.kubernetes.envoyDeployment.container.env";
    holds_only(
        "envoy-gateway/envoyproxy.yaml",
        &[
            ".spec.provider",
            ".spec.provider.type",
            ".spec.provider.kubernetes",
            ".spec.provider.kubernetes.envoyDeployment",
            ".spec.provider.kubernetes.envoyDeployment.container",
            provider,
        ],
        &[provider],
    );
}
