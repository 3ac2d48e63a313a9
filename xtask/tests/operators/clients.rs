//! Real clients before a real Envoy with the built module.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::NamedTempFile;
use xtask::envoy::{self, Envoy, bootstrap};

use super::browser::{Browser, Visit};

const PATIENCE: Duration = Duration::from_secs(120);

/// An Envoy with a listener for each configuration, and the file of its module.
pub(crate) struct Lab {
    envoy: Envoy,
    _module: NamedTempFile,
}

impl Lab {
    pub(crate) fn start(configurations: &[(&str, Value)]) -> Self {
        let module = NamedTempFile::new().unwrap();
        let built = xtask::build::of_this_source().unwrap();
        std::fs::write(module.path(), &built.bytes).unwrap();
        let listeners = configurations.iter().map(|(name, configuration)| {
            let code = json!({"local": {"filename": module.path()}});
            let filter = bootstrap::wasm(name, &configuration.to_string(), &BTreeMap::new(), code);
            bootstrap::listener(name, [filter], &answer())
        });
        let configuration = bootstrap::bootstrap(listeners, []);
        let envoy = envoy::locate().unwrap();
        let mut envoy = Envoy::start(&envoy, &configuration.to_string(), &[]).unwrap();
        envoy.wait_until_live(PATIENCE).unwrap();
        Self {
            envoy,
            _module: module,
        }
    }

    fn url(&self, listener: &str, path: &str) -> String {
        let listeners: BTreeMap<String, SocketAddr> = self.envoy.listeners().unwrap();
        format!("http://{}{path}", listeners[listener])
    }
}

/// An answer as an application gives it that other origins may ask.
fn answer() -> Value {
    let header = |name: &str, value: &str| json!({"header": {"key": name, "value": value}});
    let mut answer = bootstrap::answer();
    answer["response_headers_to_add"] = json!([
        header("access-control-allow-origin", "*"),
        header("access-control-allow-headers", "authorization"),
        header("content-type", "text/html"),
    ]);
    answer
}

/// One Envoy for all tests.
fn lab() -> &'static Lab {
    static LAB: OnceLock<Lab> = OnceLock::new();
    LAB.get_or_init(|| {
        let rules = json!([
            {"path_separated_prefix": "/staff", "credentials": ["zoë:Grüße aus Köln"]},
            {"path_separated_prefix": "/admin", "credentials": ["zoë:Grüße aus Köln"]},
            {"path_separated_prefix": "/other", "realm": "Büro", "credentials": ["otto:geheim"]},
        ]);
        Lab::start(&[
            (
                "strict",
                json!({"realm": "South \"office\"", "basic_auth_rules": rules}),
            ),
            (
                "cors",
                json!({"allow_cors_preflight": true, "basic_auth_rules": rules}),
            ),
        ])
    })
}

#[test]
fn a_browser_asks_for_the_realm_once() {
    let mut browser = Browser::start();
    let url = |path: &str| lab().url("strict", path);
    let wrong = ("zoë", "falsch");
    let right = ("zoë", "Grüße aus Köln");
    let visit = |status, prompts: &[&str]| Visit {
        status,
        prompts: prompts.iter().map(|realm| (*realm).to_owned()).collect(),
    };
    let realm = "South \"office\"";
    assert_eq!(browser.visit(&url("/open"), &[]), visit(200, &[]));
    // Nobody answers: the challenge's page is shown.
    assert_eq!(browser.visit(&url("/staff"), &[]), visit(401, &[realm]));
    // Wrong, then right: asked twice.
    assert_eq!(
        browser.visit(&url("/staff/a"), &[wrong, right]),
        visit(200, &[realm, realm])
    );
    // Below, and elsewhere under the same realm: not asked again.
    assert_eq!(browser.visit(&url("/staff/a/b"), &[]), visit(200, &[]));
    assert_eq!(browser.visit(&url("/admin"), &[]), visit(200, &[]));
    // Another realm. RFC 7617 says nothing of its charset: Chromium reads it as Latin-1.
    let other = browser.visit(&url("/other"), &[("otto", "geheim")]);
    assert_eq!(other, visit(200, &["BÃ¼ro"]));
}

#[test]
fn a_script_of_another_origin_may_fetch_where_preflights_pass() {
    let mut browser = Browser::start();
    let mut status = |origin: &str, listener: &str| {
        browser.visit(&lab().url(origin, "/open"), &[]);
        let url = lab().url(listener, "/staff");
        browser.evaluate(&format!(
            "fetch('{url}', {{headers: {{authorization: 'Basic ' + btoa(unescape(encodeURIComponent('zoë:Grüße aus Köln')))}}}})\
             .then((response) => response.status, (error) => error.name)"
        ))
    };
    assert_eq!(status("strict", "cors"), 200);
    // Without the option, the preflight is answered 401, and no script gets further.
    assert_eq!(status("cors", "strict"), json!("TypeError"));
}

#[test]
fn python_requests_needs_octets_for_what_is_not_ascii() {
    // pip brings it.
    let script = "\
try: import requests
except ImportError: from pip._vendor import requests
import sys
user, password = 'zoë', 'Grüße aus Köln'
for auth in (user, password), (user.encode(), password.encode()):
    print(requests.get(sys.argv[1], auth=auth).status_code)
";
    let url = lab().url("strict", "/staff");
    let python = Command::new("python3")
        .args(["-c", script, &url])
        .output()
        .unwrap();
    // A string is sent as Latin-1, which is none of the passwords.
    let said = String::from_utf8(python.stdout).unwrap();
    let error = String::from_utf8_lossy(&python.stderr);
    assert_eq!(said, "401\n200\n", "{error}");
}
