//! Rules of this repository that no compiler checks.

#![cfg(not(target_arch = "wasm32"))]

use basic_auth_tests::{corpus::FILES, fixture};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Who may have the core among its dependencies, directly or not.
const USERS_OF_THE_CORE: [&str; 12] = [
    "basic-auth-bench",
    "basic-auth-filter",
    "basic-auth-inspect",
    "basic-auth-playground",
    "basic-auth-publish",
    "delivery-tests",
    "basic-auth-tests",
    "client-tests",
    // What the bench of xtask compares with.
    "native-passwords",
    "publish-tests",
    "upstream-tests",
    "xtask",
];

/// What would give the core a host, a clock, a socket, or randomness of its own.
const FOREIGN_TO_THE_CORE: [&str; 14] = [
    "proxy-wasm",
    "log",
    "tokio",
    "mio",
    "hyper",
    "http",
    "socket2",
    "rustix",
    "nix",
    "tempfile",
    "getrandom",
    "rand",
    "chrono",
    "wasm-bindgen",
];

#[test]
fn the_core_depends_on_no_host_and_nothing_with_input_or_output() {
    let dependencies = dependencies("basic-auth");
    let foreign: Vec<&str> = FOREIGN_TO_THE_CORE
        .into_iter()
        .filter(|name| dependencies.contains(*name))
        .collect();
    assert!(foreign.is_empty(), "filter/core depends on {foreign:?}");
}

#[test]
fn only_who_may_depends_on_the_core_and_nobody_on_the_module() {
    for member in members() {
        let dependencies = dependencies(&member);
        assert!(
            member == "basic-auth-filter" || !dependencies.contains("basic-auth-filter"),
            "{member} depends on the module: it should read the built one"
        );
        let may = member == "basic-auth" || USERS_OF_THE_CORE.contains(&member.as_str());
        assert!(
            may || !dependencies.contains("basic-auth"),
            "{member} depends on the core"
        );
    }
    assert!(dependencies("basic-auth-filter").contains("basic-auth"));
}

/// The rooms of the core and what stands beside them, from the top down. Each uses only what stands
/// below it.
const ROOMS: [&str; 17] = [
    "lib",
    "config",
    "analysis",
    "explanation",
    "witness",
    "policy",
    "trace",
    "decision",
    "redirect",
    "rule",
    "realm",
    "request",
    "matching",
    "verify",
    "password",
    "names",
    "quoted",
];

#[test]
fn a_room_of_the_core_uses_only_what_stands_below_it() {
    let folder = fixture::root().join("filter/core/src");
    let place = |room: &str| ROOMS.iter().position(|known| *known == room);
    let mut wrong = Vec::new();
    for path in files(&folder) {
        let inside = path.strip_prefix(&folder).expect("inside").to_owned();
        let room = inside
            .iter()
            .next()
            .expect("a room")
            .to_string_lossy()
            .into_owned();
        let own = place(room.trim_end_matches(".rs"));
        let own = own.unwrap_or_else(|| panic!("{room} is no known room of the core"));
        for used in code(&path).split("crate::").skip(1) {
            let is_name = |character: &char| character.is_alphanumeric() || *character == '_';
            let used: String = used.chars().take_while(is_name).collect();
            let is_below = place(&used).is_some_and(|used| used >= own);
            if !is_below && !path.ends_with("tests.rs") {
                wrong.push(format!("{} uses crate::{used}", inside.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_tests_compile_nothing_anew_that_xtask_has_compiled() {
    let workspace = features(&["--workspace", "--edges", "normal,build,dev"]);
    let xtask = features(&["--package", "xtask", "--edges", "normal,build"]);
    let missing: Vec<_> = xtask.difference(&workspace).collect();
    assert!(
        missing.is_empty(),
        "`xtask/shared-features/Cargo.toml` lacks features that others of the workspace use: {missing:#?}"
    );
}

#[test]
fn unsafe_code_of_the_module_is_in_one_file() {
    let root = fixture::root();
    let is_unsafe = |path: &&PathBuf| code(path).lines().any(has_unsafe);
    let sources = sources();
    let in_module: Vec<&PathBuf> = sources
        .iter()
        .filter(|path| path.starts_with(root.join("filter")))
        .filter(is_unsafe)
        .collect();
    assert!(in_module.len() <= 1, "{in_module:?}");
    let in_tests: Vec<&PathBuf> = sources
        .iter()
        .filter(|path| path.starts_with(root.join("tests")))
        .filter(is_unsafe)
        .collect();
    assert!(in_tests.is_empty(), "{in_tests:?}");
}

#[test]
fn nothing_is_silenced_or_left_for_later() {
    // Written so that this file does not find itself.
    let forbidden = [
        concat!("#[", "allow("),
        concat!("#![", "allow("),
        concat!("#[", "ignore"),
        concat!("to", "do!("),
        concat!("unimplemented", "!("),
        concat!("dbg", "!("),
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
    ];
    let mut found = Vec::new();
    for path in sources() {
        let text = read(&path);
        let words = forbidden.iter().filter(|word| text.contains(**word));
        found.extend(words.map(|word| format!("{}: {word}", path.display())));
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn every_source_says_what_it_owns() {
    let opens_well = |path: &PathBuf| {
        let text = read(path);
        let first = text.lines().find(|line| !line.starts_with("#!["));
        first.is_some_and(|line| line.starts_with("//! ")) && !path.ends_with("mod.rs")
    };
    let others: Vec<PathBuf> = sources()
        .into_iter()
        .filter(|path| !opens_well(path))
        .collect();
    assert!(
        others.is_empty(),
        "these do not open with `//!`, or are named `mod.rs`: {others:#?}"
    );
}

#[test]
fn every_file_of_cases_is_run() {
    let folder = fixture::root().join("tests/cases");
    let embedded: BTreeSet<PathBuf> = FILES.iter().map(|(name, _)| folder.join(name)).collect();
    let found: BTreeSet<PathBuf> = files(&folder).into_iter().collect();
    assert_eq!(
        found, embedded,
        "in tests/cases, but no runner reads it; or the other way round"
    );
}

#[test]
fn make_and_ci_only_call_xtask() {
    let root = fixture::root();
    let makefile = read(&root.join("Makefile"));
    for recipe in makefile.lines().filter(|line| line.starts_with('\t')) {
        let command = recipe.trim_start().trim_start_matches('@');
        assert!(command.starts_with("cargo xtask"), "Makefile: {command}");
    }
    let words = |line: &str| line.split(' ').map(str::to_owned).collect::<BTreeSet<_>>();
    let phony = makefile
        .lines()
        .find_map(|line| line.strip_prefix(".PHONY: "));
    let targets = makefile.lines().filter_map(|line| line.strip_suffix(':'));
    let targets: BTreeSet<String> = targets.flat_map(words).collect();
    // Folders have the names of some.
    assert_eq!(words(phony.expect("a list")), targets);
    for line in read(&root.join(".ci/run"))
        .lines()
        .filter(|line| !line.trim().starts_with('#'))
    {
        let is_cargo = line
            .split([' ', '"', '(', ';', '&'])
            .any(|word| word == "cargo");
        assert!(!is_cargo || line.contains("cargo xtask"), ".ci/run: {line}");
    }
    let test = "cargo xtask test";
    assert!(
        read(&root.join(".ci/run")).contains(test) && read(&root.join("README.md")).contains(test)
    );
}

/// The names of everything that a package has among its dependencies on any target, and its own.
fn dependencies(package: &str) -> BTreeSet<String> {
    let arguments = [
        "tree",
        "--package",
        package,
        "--edges",
        "normal,build",
        "--target",
        "all",
        "--prefix",
        "none",
    ];
    let name = |line: &str| line.split(' ').next().unwrap_or_default().to_owned();
    let mut names: BTreeSet<String> = cargo(&arguments).lines().map(name).collect();
    assert!(
        names.remove(package),
        "`cargo tree` does not know {package}"
    );
    names
}

/// The packages that are compiled for some part of the workspace, each with its version and its features.
fn features(part: &[&str]) -> BTreeSet<String> {
    // Where CI runs.
    let place = ["--target", "x86_64-unknown-linux-gnu"];
    let format = ["--prefix", "none", "--no-dedupe", "--format", "{p}: {f}"];
    let tree = cargo(&[&["tree"], part, &place, &format].concat());
    tree.lines().map(str::to_owned).collect()
}

/// The packages of the workspace.
fn members() -> Vec<String> {
    let metadata = cargo(&["metadata", "--no-deps", "--format-version", "1"]);
    let metadata: BTreeMap<String, Value> = serde_json::from_str(&metadata).expect("JSON");
    let packages = metadata["packages"].as_array().expect("a list of packages");
    packages
        .iter()
        .filter_map(|package| package["name"].as_str().map(str::to_owned))
        .collect()
}

fn cargo(arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO"));
    let command = command.args(arguments).arg("--locked");
    let output = command
        .current_dir(fixture::root())
        .output()
        .expect("cargo");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo {arguments:?}: {error}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Every Rust source of the repository.
fn sources() -> Vec<PathBuf> {
    let mut sources = files(&fixture::root());
    sources.retain(|path| path.extension().is_some_and(|extension| extension == "rs"));
    assert!(
        sources.len() > 20,
        "found {} sources: this test looks in the wrong place",
        sources.len()
    );
    sources
}

/// Every file below a folder, without what is built and what is hidden.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        match (path.is_dir(), name.as_str()) {
            (true, "target" | "dist" | "node_modules") => {}
            (true, name) if name.starts_with('.') => {}
            (true, _) => files.extend(self::files(&path)),
            (false, _) => files.push(path),
        }
    }
    files
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A source without its comments.
fn code(path: &Path) -> String {
    let without_comment =
        |line: &str| line.split("//").next().unwrap_or_default().to_owned() + "\n";
    read(path).lines().map(without_comment).collect()
}

fn has_unsafe(line: &str) -> bool {
    let is_word =
        |character: char| character.is_alphanumeric() || character == '_' || character == '"';
    line.split(|character| !is_word(character))
        .any(|word| word == "unsafe")
}
