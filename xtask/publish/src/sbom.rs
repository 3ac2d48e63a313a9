//! Software bills of materials: what is compiled into a program (CycloneDX 1.5, JSON), by what Cargo resolves.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use serde_json::{Value, json};
use xtask::toolchain::Toolchain;
use xtask::{command, repository_root};

/// The bill of a package of this workspace for a target, without a time or a number of its own.
///
/// # Errors
/// When Cargo cannot tell.
pub fn of(package: &str, target: &str) -> anyhow::Result<String> {
    let arguments = [
        "metadata",
        "--locked",
        "--format-version",
        "1",
        "--filter-platform",
        target,
    ];
    let mut cargo = Toolchain::pinned()?.cargo(arguments);
    cargo.current_dir(repository_root());
    let metadata: Value = serde_json::from_str(&command::output(cargo)?)?;
    let packages = list(&metadata["packages"]);
    let root = packages.iter().find(|known| known["name"] == package);
    let root = root.and_then(|root| root["id"].as_str());
    let root = root.with_context(|| format!("there is no package {package}"))?;
    let graph = graph(&metadata["resolve"]);
    let used = reached(root, &graph);
    let known: BTreeMap<_, _> = packages
        .iter()
        .filter_map(|package| Some((package["id"].as_str()?, package)))
        .collect();
    let component = |id: &str| component(known.get(id).copied().unwrap_or(&Value::Null));
    let components = used
        .iter()
        .filter(|id| **id != root)
        .map(|id| component(id));
    let mut components: Vec<_> = components.collect();
    components.sort_by_key(|component| component["bom-ref"].as_str().map(str::to_owned));
    let reference = |id: &str| component(id)["bom-ref"].clone();
    let mut dependencies: Vec<_> = used
        .iter()
        .map(|id| {
            let mut on: Vec<_> = graph[id]
                .iter()
                .map(|id| reference(id).to_string())
                .collect();
            on.sort();
            let on: Vec<_> = on.iter().map(|text| text.trim_matches('"')).collect();
            json!({"ref": reference(id), "dependsOn": on})
        })
        .collect();
    dependencies.sort_by_key(|dependency| dependency["ref"].as_str().map(str::to_owned));
    let mut program = component(root);
    program["type"] = json!("application");
    let mut bill = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": program},
        "components": components,
        "dependencies": dependencies,
    });
    bill.sort_all_objects();
    Ok(serde_json::to_string_pretty(&bill)? + "\n")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// What each package needs to be built and to run; not what its tests need.
fn graph(resolve: &Value) -> BTreeMap<&str, Vec<&str>> {
    list(&resolve["nodes"])
        .iter()
        .filter_map(|node| {
            let deps = list(&node["deps"]).iter().filter(|edge| is_normal(edge));
            let deps = deps.filter_map(|edge| edge["pkg"].as_str());
            Some((node["id"].as_str()?, deps.collect()))
        })
        .collect()
}

fn is_normal(edge: &Value) -> bool {
    list(&edge["dep_kinds"])
        .iter()
        .any(|kind| kind["kind"].is_null())
}

fn reached<'a>(root: &'a str, graph: &BTreeMap<&'a str, Vec<&'a str>>) -> BTreeSet<&'a str> {
    let (mut reached, mut ahead) = (BTreeSet::new(), vec![root]);
    while let Some(id) = ahead.pop() {
        if reached.insert(id) {
            ahead.extend(graph.get(id).into_iter().flatten());
        }
    }
    reached
}

fn component(package: &Value) -> Value {
    let text = |key: &str| package[key].as_str().unwrap_or_default();
    let url = format!("pkg:cargo/{}@{}", text("name"), text("version"));
    let mut component = json!({
        "type": "library",
        "bom-ref": url,
        "name": text("name"),
        "version": text("version"),
        "purl": url,
    });
    if let Some(license) = package["license"].as_str() {
        // Crates of old write `MIT/Apache-2.0`.
        let expression = license.replace('/', " OR ");
        component["licenses"] = json!([{"expression": expression}]);
    }
    component
}
