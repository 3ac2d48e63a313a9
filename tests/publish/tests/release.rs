//! A release without publishing: what is in the folder, and that it is the same each time.

use std::fs;
use std::path::Path;

use publish_tests::golden::files;
use publish_tests::pip;
use publish_tests::program::{Outcome, run};
use serde_json::Value;
use xtask::command;

fn release(folder: &Path) -> Outcome {
    let folder = folder.to_str().unwrap();
    let version = env!("CARGO_PKG_VERSION");
    run(&[
        "release",
        version,
        "--dry-run",
        "--agent-profile",
        "dev",
        "--revision",
        "r",
        "-o",
        folder,
    ])
}

fn json_of(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn a_dry_run_makes_everything_the_same_each_time() {
    let place = tempfile::tempdir().unwrap();
    let (one, other) = (place.path().join("one"), place.path().join("other"));
    let sums = release(&one).expect_success();
    assert_eq!(release(&other).expect_success(), sums);
    let mut check = command::command(
        "sha256sum",
        ["--check", "--strict", "--quiet", "SHA256SUMS"],
    );
    check.current_dir(&one);
    command::output(check).unwrap_or_else(|error| panic!("{error:#}"));
    let names: Vec<_> = files(&one)
        .iter()
        .map(|path| path.strip_prefix(&one).unwrap().display().to_string())
        .collect();
    let names: Vec<_> = names
        .iter()
        .filter(|name| !name.contains("blobs/"))
        .collect();
    assert_eq!(
        names,
        [
            "CHANGELOG.md",
            "SHA256SUMS",
            "agent-oci/index.json",
            "agent-oci/oci-layout",
            "basic_auth.cdx.json",
            "basic_auth.wasm",
            "basic_auth.wasm.sha256",
            "manifests.tar.gz",
            "oci/index.json",
            "oci/oci-layout",
            "oci-cncf/index.json",
            "oci-cncf/oci-layout",
            "wasm-agent",
            "wasm-agent.cdx.json",
            "wasm-agent.sha256",
        ]
    );
    let bills = ["basic_auth.cdx.json", "wasm-agent.cdx.json"].map(|name| one.join(name));
    pip::validate("sbom", &bills);
    for (name, package, holds, misses) in [
        (
            "basic_auth.cdx.json",
            "basic-auth-filter",
            "proxy-wasm",
            "tokio",
        ),
        ("wasm-agent.cdx.json", "wasm-agent", "tokio", "proxy-wasm"),
    ] {
        let bill = json_of(&one.join(name));
        assert_eq!(bill["bomFormat"], "CycloneDX");
        assert_eq!(bill["metadata"]["component"]["name"], package);
        let components = bill["components"].as_array().unwrap();
        let has = |name: &str| components.iter().any(|component| component["name"] == name);
        assert!(has(holds) && !has(misses), "{name}");
        // Everything that something depends on is in it.
        let known: Vec<_> = components
            .iter()
            .map(|component| &component["bom-ref"])
            .collect();
        for dependency in bill["dependencies"].as_array().unwrap() {
            for reference in dependency["dependsOn"].as_array().unwrap() {
                assert!(known.contains(&reference), "{name}: {reference}");
            }
        }
        assert_eq!(
            components
                .iter()
                .filter(|component| component.get("licenses").is_none())
                .count(),
            0,
            "{name}"
        );
    }
}

#[test]
fn what_is_no_release_is_refused() {
    let version = env!("CARGO_PKG_VERSION");
    for (arguments, refusal) in [
        (
            vec!["release", "9.9.9", "--dry-run"],
            format!("this source is {version}, and not 9.9.9: change Cargo.toml"),
        ),
        (
            vec!["release", version],
            "nothing is published from here: add --dry-run, and push what comes out".to_owned(),
        ),
    ] {
        assert_eq!(run(&arguments).expect_refusal(), refusal);
    }
    let place = tempfile::tempdir().unwrap();
    let path = place.path().display();
    assert_eq!(
        release(place.path()).expect_refusal(),
        format!("{path} is there already: remove it, or name another folder")
    );
}
