//! A headless Chromium, spoken to by the Chrome DevTools Protocol.

use std::collections::VecDeque;
use std::fs;
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use tungstenite::{Message, WebSocket};
use xtask::child::Child;

/// How long anything may take on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// A browser with one page, without cookies and credentials of before.
pub(crate) struct Browser {
    _child: Child,
    _profile: TempDir,
    socket: WebSocket<TcpStream>,
    last: u64,
    session: Option<String>,
    events: VecDeque<Value>,
}

/// How a navigation went.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Visit {
    /// Of the answer that was shown.
    pub(crate) status: u64,
    /// The realms that the user was asked for credentials of.
    pub(crate) prompts: Vec<String>,
}

impl Browser {
    pub(crate) fn start() -> Self {
        let profile = tempfile::tempdir().unwrap();
        let program = xtask::command::on_path("chromium")
            .or_else(|| xtask::command::on_path("google-chrome"))
            .expect("Chromium is missing: install Debian's package chromium");
        let mut command = Command::new(program);
        command
            .args([
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
            ])
            .args([
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
            ])
            .args(["--remote-debugging-port=0", "about:blank"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = Child::spawn(command).unwrap();
        let port_file = profile.path().join("DevToolsActivePort");
        let (port, path) = wait("Chromium", || {
            let text = fs::read_to_string(&port_file).ok()?;
            let (port, path) = text.split_once('\n')?;
            path.starts_with('/')
                .then(|| (port.to_owned(), path.trim().to_owned()))
        });
        let stream = TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let url = format!("ws://127.0.0.1:{port}{path}");
        let (socket, _) = tungstenite::client(url, stream).unwrap();
        let mut browser = Self {
            _child: child,
            _profile: profile,
            socket,
            last: 0,
            session: None,
            events: VecDeque::new(),
        };
        browser.open_page();
        browser
    }

    fn open_page(&mut self) {
        let target = self.call("Target.createTarget", json!({"url": "about:blank"}));
        let parameters = json!({"targetId": target["targetId"], "flatten": true});
        let attached = self.call("Target.attachToTarget", parameters);
        self.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Network", "Runtime"] {
            self.call(&format!("{domain}.enable"), json!({}));
        }
        self.call("Fetch.enable", json!({"handleAuthRequests": true}));
    }

    /// Calls a method and waits for what it returns.
    pub(crate) fn call(&mut self, method: &str, parameters: Value) -> Value {
        let id = self.send(method, parameters);
        loop {
            let message = self.receive();
            if message["id"] == id {
                assert!(message["error"].is_null(), "{method}: {message}");
                return message["result"].clone();
            }
            self.events.push_back(message);
        }
    }

    fn send(&mut self, method: &str, parameters: Value) -> u64 {
        self.last += 1;
        let mut message = json!({"id": self.last, "method": method, "params": parameters});
        if let Some(session) = &self.session {
            message["sessionId"] = session.as_str().into();
        }
        self.socket
            .send(Message::text(message.to_string()))
            .unwrap();
        self.last
    }

    fn receive(&mut self) -> Value {
        loop {
            if let Message::Text(text) = self.socket.read().unwrap() {
                return serde_json::from_str(&text).unwrap();
            }
        }
    }

    fn next_event(&mut self) -> Value {
        let waiting = self.events.pop_front();
        waiting.unwrap_or_else(|| self.receive())
    }

    /// Goes to a URL. Whoever is asked for credentials gives these, one after another, and then cancels.
    pub(crate) fn visit(&mut self, url: &str, credentials: &[(&str, &str)]) -> Visit {
        self.events.clear();
        self.send("Page.navigate", json!({"url": url}));
        let mut answers = credentials.iter();
        let mut visit = Visit {
            status: 0,
            prompts: Vec::new(),
        };
        loop {
            let event = self.next_event();
            let parameters = &event["params"];
            match event["method"].as_str() {
                Some("Fetch.authRequired") => {
                    let realm = parameters["authChallenge"]["realm"].as_str().unwrap();
                    visit.prompts.push(realm.to_owned());
                    self.answer_prompt(&parameters["requestId"], answers.next());
                }
                Some("Fetch.requestPaused") => self.go_on(&parameters["requestId"]),
                Some("Network.responseReceived") if parameters["type"] == "Document" => {
                    visit.status = parameters["response"]["status"].as_u64().unwrap();
                }
                Some("Page.loadEventFired") => return visit,
                _ => {}
            }
        }
    }

    fn answer_prompt(&mut self, request: &Value, credentials: Option<&(&str, &str)>) {
        let response = match credentials {
            Some((user, password)) => {
                json!({"response": "ProvideCredentials", "username": user, "password": password})
            }
            None => json!({"response": "CancelAuth"}),
        };
        let parameters = json!({"requestId": request, "authChallengeResponse": response});
        self.send("Fetch.continueWithAuth", parameters);
    }

    fn go_on(&mut self, request: &Value) {
        self.send("Fetch.continueRequest", json!({"requestId": request}));
    }

    /// What an expression is, also one that promises a value.
    pub(crate) fn evaluate(&mut self, expression: &str) -> Value {
        let parameters =
            json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let id = self.send("Runtime.evaluate", parameters);
        loop {
            let message = self.next_event();
            if message["id"] == id {
                let result = &message["result"];
                assert!(
                    result["exceptionDetails"].is_null(),
                    "{expression}: {message}"
                );
                return result["result"]["value"].clone();
            }
            if message["method"] == "Fetch.requestPaused" {
                self.go_on(&message["params"]["requestId"]);
            }
        }
    }

    /// Waits until an expression is true.
    pub(crate) fn wait_until(&mut self, expression: &str) {
        let deadline = Instant::now() + PATIENCE;
        while self.evaluate(expression) != true {
            assert!(
                Instant::now() < deadline,
                "not within {PATIENCE:?}: {expression}"
            );
        }
    }
}

fn wait<Found>(what: &str, mut look: impl FnMut() -> Option<Found>) -> Found {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        std::thread::yield_now();
    }
}
