//! docs/migrating.md: what it shows in the place of another filter's configuration decides as the page says, and as
//! Envoy's own filter does.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use xtask::envoy::{self, Envoy, bootstrap};
use xtask::http;

use super::{docs, xtask};

const PATIENCE: Duration = Duration::from_secs(120);

/// The page's blocks of a language.
fn blocks(language: &str) -> Vec<String> {
    let of_page = docs::blocks()
        .into_iter()
        .filter(|block| block.place.contains("docs/migrating.md") && block.language == language);
    of_page.map(|block| block.text).collect()
}

/// What is answered to a request, in the words of `explain --format json`.
fn answer(configuration: &str, request: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("plugin.json"), configuration).unwrap();
    let arguments: Vec<&str> = ["explain", "plugin.json", "--format", "json"]
        .into_iter()
        .chain(request.split(' '))
        .collect();
    let said = xtask(folder.path(), &arguments, b"");
    let explanation: Value = serde_json::from_str(&said.output).unwrap_or_else(|error| {
        panic!("{request}: {error}: {}", said.error);
    });
    explanation["answer"]["reason"].as_str().unwrap().to_owned()
}

/// The places of the configurations on the page, requests, and what is answered to them.
const ANSWERS: [(&[usize], &str, &str); 27] = [
    // Istio's, as it was and with users.
    (&[0, 1], "GET /productpage", "no_credentials"),
    (&[0, 1], "HEAD /PRODUCTPAGE", "no_credentials"),
    (&[0, 1], "GET /productpage2", "no_credentials"),
    (&[0, 1], "PUT /productpage", "unmatched"),
    (&[0, 1], "POST /productpage --user ok", "authenticated"),
    (&[0, 1], "GET /productpage --user admin3", "authenticated"),
    (&[0], "GET /productpage --user admin", "mismatch"),
    (&[1], "GET /productpage --user admin", "forbidden"),
    (&[0, 1], "GET https://x.internal/api", "no_credentials"),
    (&[0, 1], "GET https://www.example/api", "unmatched"),
    (
        &[0, 1],
        "PUT https://api.example.com/api --user admin",
        "authenticated",
    ),
    // Envoy's.
    (&[2], "GET /", "no_credentials"),
    (&[2], "GET /healthz", "exempt"),
    (&[2], "GET /healthz/x", "no_credentials"),
    // nginx's.
    (&[3], "GET /", "no_credentials"),
    (&[3], "GET / --user alice", "authenticated"),
    (&[3], "GET /healthz", "exempt"),
    (&[3], "GET /reports/a --remote-ip 10.1.2.3", "exempt"),
    (&[3], "GET /reports --remote-ip 10.1.2.3", "no_credentials"),
    (
        &[3],
        "GET /reports/a --remote-ip 192.0.2.1",
        "no_credentials",
    ),
    // Traefik's.
    (&[4], "GET https://example.com/admin/x", "no_credentials"),
    (
        &[4],
        "GET https://example.com/administration",
        "no_credentials",
    ),
    (&[4], "GET https://www.example/admin", "unmatched"),
    (
        &[4],
        "GET https://example.com/admin --user alice",
        "authenticated",
    ),
    // Caddy's.
    (&[5], "GET https://example.com/admin/x", "no_credentials"),
    (&[5], "GET https://example.com/administration", "unmatched"),
    (
        &[5],
        "GET https://example.com/admin/x --user alice",
        "authenticated",
    ),
];

#[test]
fn what_is_shown_decides_as_the_page_says() {
    let configurations = blocks("json");
    assert_eq!(configurations.len(), 6);
    for (places, request, expected) in ANSWERS {
        for place in places {
            let answer = answer(&configurations[*place], request);
            assert_eq!(answer, expected, "configuration {place}: {request}");
        }
    }
}

/// A listener with Envoy's own filter, as the page has it, and its route.
fn envoys_own(page: &Value) -> Value {
    let mut filter = page["http_filters"][0].clone();
    let name = filter["name"].take();
    let mut listener =
        bootstrap::listener("own", [filter["typed_config"].take()], &bootstrap::answer());
    let manager = bootstrap::manager(&mut listener);
    manager["http_filters"][0]["name"] = name;
    let mut route = page["routes"][0].clone();
    route["direct_response"] = bootstrap::answer()["direct_response"].clone();
    route.as_object_mut().unwrap().remove("route");
    let routes = manager["route_config"]["virtual_hosts"][0]["routes"].as_array_mut();
    routes.unwrap().insert(0, route);
    listener
}

#[test]
fn what_is_shown_answers_as_envoys_own_filter() {
    let folder = tempfile::tempdir().unwrap();
    let module = folder.path().join("basic_auth.wasm");
    fs::write(&module, &xtask::build::of_this_source().unwrap().bytes).unwrap();
    let code = json!({"local": {"filename": module}});
    let ours = bootstrap::wasm("ours", &blocks("json")[2], &BTreeMap::new(), code);
    let page: Value = serde_saphyr::from_str(&blocks("yaml")[0]).unwrap();
    let listeners = [
        envoys_own(&page),
        bootstrap::listener("ours", [ours], &bootstrap::answer()),
    ];
    let program = envoy::locate().unwrap();
    let configuration = bootstrap::bootstrap(listeners, []).to_string();
    let mut envoy = Envoy::start(&program, &configuration, &[]).unwrap();
    envoy.wait_until_live(PATIENCE).unwrap();
    let addresses: BTreeMap<String, SocketAddr> = envoy.listeners().unwrap();
    for (path, user, expected) in [
        ("/", None, 401),
        ("/", Some("alice:open sesame"), 200),
        ("/", Some("alice:Open sesame"), 401),
        ("/", Some("bob:open sesame"), 401),
        ("/healthz", None, 200),
        ("/healthz2", None, 401),
    ] {
        let authorization =
            user.map(|user| format!("Authorization: Basic {}\r\n", STANDARD.encode(user)));
        let authorization = authorization.unwrap_or_default();
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n{authorization}\r\n");
        for (name, address) in &addresses {
            let answer = http::send_octets(*address, request.as_bytes()).unwrap();
            assert_eq!(answer.status, expected, "{name}: {request}");
        }
    }
}
