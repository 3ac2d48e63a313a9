//! The playground in a browser, as `cargo xtask playground` and `serve` serve it.

use serde_json::{Value, json};
use tempfile::TempDir;
use xtask::serve::{Config, Server};

use super::browser::Browser;

/// The page, served with the built module.
struct Playground {
    browser: Browser,
    server: Server,
    _folder: TempDir,
}

impl Playground {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let output = ["playground", "--output", "page.html"];
        let said = super::xtask(folder.path(), &output, b"");
        assert_eq!(said.status, Some(0), "{}", said.error);
        xtask::build::of_this_source()
            .unwrap()
            .publish(folder.path())
            .unwrap();
        let server = Server::start(Config {
            page: Some(folder.path().join("page.html")),
            ..Config::local(folder.path().to_owned())
        });
        let server = server.unwrap();
        let mut browser = Browser::start();
        assert_eq!(
            browser.visit(&format!("{}/", server.url()), &[]).status,
            200
        );
        browser.wait_until("'ready' in document.documentElement.dataset");
        Self {
            browser,
            server,
            _folder: folder,
        }
    }

    /// Types into a field, in the place of what it has.
    fn type_into(&mut self, field: &str, text: &str) {
        let focus = format!(
            "document.getElementById('{field}').focus(), document.getElementById('{field}').select()"
        );
        self.browser.evaluate(&focus);
        self.browser.call("Input.insertText", json!({"text": text}));
    }

    fn text(&mut self, id: &str) -> String {
        let text = self
            .browser
            .evaluate(&format!("document.getElementById('{id}').innerText"));
        text.as_str().unwrap().to_owned()
    }
}

#[test]
fn what_is_typed_is_checked_and_explained_and_the_snippet_loads() {
    let mut page = Playground::open();
    shows_faults_where_they_are(&mut page);
    explains_a_bypass_attempt(&mut page);
    keeps_everything_to_itself(&mut page);
    is_readable_on_a_phone_and_by_keyboard(&mut page);
    shows_snippets_that_load(&mut page);
}

fn shows_faults_where_they_are(page: &mut Playground) {
    page.type_into(
        "configuration",
        "basic_auth_rules:\n- prefix: /admin\n  user: ['alice:*']\n",
    );
    assert_eq!(page.text("state"), "The configuration does not hold.");
    assert_eq!(
        page.text("findings"),
        "error, line 3, column 3: basic_auth_rules[0].user: unknown key; did you mean `users`?"
    );
    // The fault is a button that leads to it, and the line is marked.
    page.browser
        .evaluate("document.querySelector('#findings button').click()");
    let selected = "(() => { const e = document.activeElement; return e.value.slice(e.selectionStart, e.selectionEnd); })()";
    assert_eq!(page.browser.evaluate(selected), json!("user: ['alice:*']"));
    let marked =
        "[...document.querySelectorAll('#shade mark')].map((mark) => mark.textContent).join()";
    assert_eq!(
        page.browser.evaluate(marked),
        json!("  user: ['alice:*']\n")
    );
    assert_eq!(page.text("answer"), "the configuration does not hold");
}

fn explains_a_bypass_attempt(page: &mut Playground) {
    page.type_into(
        "configuration",
        "basic_auth_rules:\n- path_separated_prefix: /admin\n  users: ['alice:{PLAIN}x']\n",
    );
    assert_eq!(page.text("state"), "The configuration holds.");
    page.type_into("url", "/public/..%2fadmin");
    assert_eq!(
        page.text("answer"),
        "is answered 401 with `www-authenticate: Basic realm=\"istio\", charset=\"UTF-8\"` by rule 0: it has no credentials"
    );
    assert_eq!(
        page.text("readings"),
        "/public/..%2Fadmin\n/public/../admin\n/admin"
    );
    assert_eq!(
        page.text("rules"),
        "applies (by some readings of its path) and refuses: no_credentials; its path has only reading 2"
    );
    page.type_into("user", "alice");
    assert_eq!(page.text("answer"), "passes as alice");
    page.type_into("method", "G ET");
    assert_eq!(
        page.text("answer"),
        "the method must be one word, such as `GET` (RFC 9110, 9.1)"
    );
    page.type_into("method", "GET");
}

fn keeps_everything_to_itself(page: &mut Playground) {
    let stored =
        "JSON.stringify([Object.keys(localStorage), Object.keys(sessionStorage), document.cookie])";
    assert_eq!(page.browser.evaluate(stored), json!(r#"[[],[],""]"#));
    // The page itself forbids what would carry a password away.
    let fetched = "fetch(location.href).then(() => 'sent', (error) => error.name)";
    assert_eq!(page.browser.evaluate(fetched), json!("TypeError"));
    // A text is a text.
    page.type_into("user", "<img src=x onerror=document.title='run'>");
    assert_eq!(page.browser.evaluate("document.images.length"), 0);
    page.type_into("user", "");
}

fn is_readable_on_a_phone_and_by_keyboard(page: &mut Playground) {
    for (width, scheme) in [(360, "dark"), (1200, "light")] {
        page.browser.call(
            "Emulation.setDeviceMetricsOverride",
            json!({"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}),
        );
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        page.browser.call("Emulation.setEmulatedMedia", features);
        // Nothing is wider than the screen.
        let is_within = "document.documentElement.scrollWidth <= innerWidth";
        assert_eq!(page.browser.evaluate(is_within), true, "{width}");
        assert!(contrast(page) >= 7.0, "{scheme}");
    }
    let unnamed = "[...document.querySelectorAll('input, textarea')].filter((field) => field.labels.length !== 1).length";
    assert_eq!(page.browser.evaluate(unnamed), 0);
    // What changes is told to who does not see it.
    let told = "['state', 'answer', 'copied'].every((id) => document.getElementById(id).closest('[role=status]'))";
    assert_eq!(page.browser.evaluate(told), true);
}

/// Of the text to its background (WCAG 2.2, 1.4.6).
fn contrast(page: &mut Playground) -> f64 {
    let luminance = "(() => { const style = getComputedStyle(document.body); return [style.color, style.backgroundColor] \
        .map((colour) => colour.match(/[0-9.]+/g).slice(0, 3).map((part) => part / 255) \
        .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)) \
        .map(([red, green, blue]) => 0.2126 * red + 0.7152 * green + 0.0722 * blue); })()";
    let both = page.browser.evaluate(luminance);
    let (one, other) = (both[0].as_f64().unwrap(), both[1].as_f64().unwrap());
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// The snippets hold what was typed, and the one for Envoy loads in Envoy.
fn shows_snippets_that_load(page: &mut Playground) {
    assert_eq!(page.text("sha256"), page.server.digest().to_string());
    assert_eq!(page.text("module-url"), page.server.module_url());
    let istio: Value = serde_saphyr::from_str(&page.text("istio")).unwrap();
    assert_eq!(
        istio["spec"]["pluginConfig"],
        json!({"basic_auth_rules": [{"path_separated_prefix": "/admin", "users": ["alice:{PLAIN}x"]}]})
    );
    assert_eq!(
        istio["spec"]["sha256"],
        json!(page.server.digest().to_string())
    );
    let snippet = page.text("envoy");
    let (filters, clusters) = snippet.split_once("# In clusters:").unwrap();
    let filters: Vec<Value> = serde_saphyr::from_str(filters).unwrap();
    let clusters: Vec<Value> = serde_saphyr::from_str(clusters).unwrap();
    let filters = filters
        .into_iter()
        .map(|filter| filter["typed_config"].clone());
    let listener =
        xtask::envoy::bootstrap::listener("page", filters, &xtask::envoy::bootstrap::answer());
    let configuration = xtask::envoy::bootstrap::bootstrap([listener], clusters).to_string();
    let patience = std::time::Duration::from_secs(120);
    let envoy = xtask::envoy::locate().unwrap();
    let mut envoy = xtask::envoy::Envoy::start(&envoy, &configuration, &[]).unwrap();
    envoy.wait_until_live(patience).unwrap();
    let address = envoy.wait_for_listener("page", patience).unwrap();
    let statuses = ["/admin", "/open"].map(|path| xtask::http::get(address, path).unwrap().status);
    assert_eq!(statuses, [401, 200]);
}
