//! No octet run of a secret in the log, whatever is configured and whatever clients send: the
//! whole corpus, at every log level, in the module's host and in real Envoy.

#![cfg(not(target_arch = "wasm32"))]

use base64::{Engine as _, engine::general_purpose::STANDARD};
use basic_auth_tests::{
    corpus::{Case, Corpus, Refused, Runner},
    envoy::{Plugin, Tuned, message},
    fixture::{self, get},
    host::{Host, Log, Outcome, Vm},
    report::announce,
};
use serde_json::Value;
use std::collections::BTreeSet;

/// Longer secrets must not show a part of this length either.
const RUN: usize = 8;
/// Shorter ones, such as `x` and `word`, are in many words.
const SHORTEST: usize = 5;

/// What must not be in a log.
#[derive(Default)]
struct Secrets(BTreeSet<Vec<u8>>);

impl Secrets {
    fn add(&mut self, secret: &[u8]) {
        if (SHORTEST..=RUN).contains(&secret.len()) {
            self.0.insert(secret.to_vec());
        }
        // Long runs of one letter are in the corpus to be long.
        let runs = secret.windows(RUN).take(500);
        self.0.extend(runs.map(<[u8]>::to_vec));
    }

    /// What a configuration says of users: passwords, hashes, and base64 of both.
    fn add_configuration(&mut self, text: &str) {
        // What is no JSON has its secrets listed in the corpus.
        if let Ok(value) = serde_json::from_str::<Value>(text) {
            self.add_rule(&value);
            let rules = value["basic_auth_rules"].as_array();
            rules
                .into_iter()
                .flatten()
                .for_each(|rule| self.add_rule(rule));
        }
    }

    fn add_rule(&mut self, value: &Value) {
        for credential in value["credentials"].as_array().into_iter().flatten() {
            let text = credential.as_str().unwrap_or_default();
            self.add_credentials(text.as_bytes());
            self.add_token(text.as_bytes());
        }
        self.add_htpasswd(value["users"].as_str().unwrap_or_default());
        for line in value["users"].as_array().into_iter().flatten() {
            self.add_htpasswd(line.as_str().unwrap_or_default());
        }
    }

    fn add_htpasswd(&mut self, text: &str) {
        for (_, hash) in text.lines().filter_map(|line| line.split_once(':')) {
            // Names of formats and costs are in errors on purpose; salt and digest are not.
            match hash.trim().split_once(['}', '$']) {
                Some(("", named)) => {
                    let parts = named.split('$').skip(1).filter(|part| !part.contains(','));
                    parts.for_each(|part| self.add(part.as_bytes()));
                }
                Some((_, digest)) => self.add(digest.as_bytes()),
                None => self.add(hash.as_bytes()),
            }
        }
    }

    /// The password of `user:password`.
    fn add_credentials(&mut self, text: &[u8]) {
        if let Some(colon) = text.iter().position(|octet| *octet == b':') {
            self.add(&text[colon + 1..]);
        }
    }

    /// Base64 as it is sent or configured, and what is in it.
    fn add_token(&mut self, token: &[u8]) {
        if token.len() > SHORTEST {
            self.add(token);
            self.add_credentials(&STANDARD.decode(token).unwrap_or_default());
        }
    }

    fn add_field_value(&mut self, value: &[u8]) {
        let token = value.split(|octet| *octet == b' ').next_back();
        self.add_token(token.unwrap_or_default());
    }

    fn of_case(case: &Case) -> Secrets {
        let mut secrets = Secrets::default();
        secrets.add_configuration(&case.configuration);
        case.environment
            .values()
            .for_each(|text| secrets.add_htpasswd(text));
        for (name, value) in case.requests.iter().flat_map(|request| &request.fields) {
            if name.to_ascii_lowercase().contains("auth") {
                secrets.add_field_value(value);
            }
        }
        secrets
    }

    fn of_refused(refused: &Refused) -> Secrets {
        let mut secrets = Secrets::default();
        secrets.add_configuration(&refused.configuration);
        refused
            .environment
            .values()
            .for_each(|text| secrets.add_htpasswd(text));
        refused
            .secrets
            .iter()
            .for_each(|secret| secrets.add(secret.as_bytes()));
        secrets
    }

    /// The first secret in a text.
    fn find(&self, text: &str) -> Option<String> {
        let text = text.as_bytes();
        // No secret is longer.
        let first = |length| text.windows(length).find(|part| self.0.contains(*part));
        let secret = (SHORTEST..=RUN).find_map(first);
        secret.map(|secret| String::from_utf8_lossy(secret).into_owned())
    }
}

fn text(logs: Vec<Log>) -> String {
    let lines: Vec<String> = logs.into_iter().map(|log| log.text).collect();
    lines.join("\n")
}

fn assert_kept(secrets: &Secrets, log: &str, place: &str) {
    if let Some(secret) = secrets.find(log) {
        panic!("{place}: the secret {secret:?} is in the log:\n{log}");
    }
}

fn start(host: &Host, environment: &std::collections::BTreeMap<String, String>) -> Vm {
    host.start(environment).expect("the module starts")
}

#[test]
fn the_module_logs_no_secret_of_any_request() {
    let host = fixture::host();
    let (mut denials, mut lines) = (0, 0);
    for case in &Corpus::embedded().cases {
        let secrets = Secrets::of_case(case);
        let mut vm = start(&host, &case.environment);
        if let Err(refused) = vm.configure(case.configuration.as_bytes()) {
            panic!("{}: {refused:?}", case.place);
        }
        assert_kept(&secrets, &text(vm.take_logs()), &case.place.to_string());
        for request in case.requests_on(Runner::Wasm) {
            let outcome = vm.request(&request.header_map());
            let log = vm.take_logs();
            denials += usize::from(matches!(outcome, Outcome::Reply(_)));
            lines += log.len();
            assert_kept(
                &secrets,
                &text(log),
                &format!("{}, {}", case.place, request.name),
            );
        }
    }
    assert!(
        denials > 500 && lines >= denials,
        "{denials} denials, {lines} lines: it is not logged"
    );
    announce(&format!("secrets: {denials} denials, {lines} lines of log"));
}

#[test]
fn the_module_logs_no_secret_of_any_refused_configuration() {
    let host = fixture::host();
    for refused in &Corpus::embedded().refused {
        let mut vm = start(&host, &refused.environment);
        let error = vm.configure(refused.configuration.as_bytes());
        let log = text(error.expect_err("refused").0);
        assert!(log.contains("refused"), "{}: {log:?}", refused.name);
        assert_kept(&Secrets::of_refused(refused), &log, &refused.name);
    }
}

#[test]
fn a_denial_is_one_line_with_the_rule_and_the_reason() {
    let host = fixture::host();
    let mut vm = start(&host, &[].into());
    let configuration = r#"{"basic_auth_rules": [
        {"prefix": "/a", "credentials": ["Aladdin:open sesame"]},
        {"prefix": "/b", "credentials": ["Aladdin:open sesame"]}
    ]}"#;
    vm.configure(configuration.as_bytes()).expect("accepted");
    let _ = vm.take_logs();
    let requests = [
        ("/b", None, "denied by basic_auth_rules[1]: no_credentials"),
        (
            "/a",
            Some("Aladdin:x"),
            "denied by basic_auth_rules[0]: mismatch",
        ),
    ];
    for (path, credentials, line) in requests {
        let _ = vm.request(&get(path, credentials));
        assert_eq!(text(vm.take_logs()), line);
    }
    let _ = vm.request(&get("/b", Some("Aladdin:open sesame")));
    assert_eq!(
        text(vm.take_logs()),
        "",
        "nothing to say about who may pass"
    );
}

/// Envoy with the module's log at debug. Envoy's own would have the header fields there.
fn envoy(plugins: Vec<Plugin>) -> Tuned {
    let levels = ["--log-level", "info", "--component-log-level", "wasm:debug"];
    Tuned::live(plugins, |_| (), &levels)
}

#[test]
fn envoy_logs_no_secret_of_any_request() {
    let corpus = Corpus::embedded();
    let plugin = |(index, case): (usize, &Case)| Plugin {
        name: format!("case-{index}"),
        configuration: case.configuration.clone(),
        environment: case.environment.clone(),
    };
    let Tuned { proxy, .. } = &envoy(corpus.cases.iter().enumerate().map(plugin).collect());
    let mut denials = 0;
    for (index, case) in corpus.cases.iter().enumerate() {
        let address = proxy.listener(&format!("case-{index}"));
        for request in case.requests_on(Runner::EnvoyHttp1) {
            if request.expect.status != 200
                && let Some(octets) = message::http1(request)
            {
                let answer = xtask::http::send_octets(address, &octets);
                denials += usize::from(answer.is_ok_and(|answer| answer.status != 200));
            }
        }
    }
    let log = proxy.envoy.log();
    let logged = log.matches("denied by basic_auth_rules[").count();
    // Some of the denials are Envoy's own.
    assert!(
        denials > 500 && logged > denials / 2,
        "{denials} denials, {logged} logged"
    );
    let lines = proxy.log();
    for (index, case) in corpus.cases.iter().enumerate() {
        // Only its own lines: what is a secret of one case may be a word of another.
        let own = lines.of_plugin(&format!("case-{index}"));
        assert_kept(&Secrets::of_case(case), &own, &case.place.to_string());
    }
    for word in [
        "hunter2",
        "open sesame",
        "b3BlbiBzZXNhbWU",
        "authorization:",
        "Basic ",
    ] {
        assert!(!log.contains(word), "{word:?} is in Envoy's log");
    }
}

#[test]
fn envoy_logs_no_secret_of_any_refused_configuration() {
    let corpus = Corpus::embedded();
    let on_envoy = corpus
        .refused
        .iter()
        .filter(|refused| refused.is_on(Runner::Envoy));
    let refused: Vec<&Refused> = on_envoy.collect();
    // Without a plugin that keeps the compiled module, Envoy compiles it anew for each of them.
    let accepted = fixture::plugin("accepted", "{}");
    let plugin = |(index, refused): (usize, &&Refused)| Plugin {
        name: format!("refused-{index}"),
        configuration: refused.configuration.clone(),
        environment: refused.environment.clone(),
    };
    let plugins = std::iter::once(accepted).chain(refused.iter().enumerate().map(plugin));
    let Tuned { proxy, .. } = &envoy(plugins.collect());
    let log = proxy.log();
    for (index, refused) in refused.iter().enumerate() {
        let own = log.of_plugin(&format!("refused-{index}"));
        assert!(own.contains("refused"), "{}: {own:?}", refused.name);
        assert_kept(&Secrets::of_refused(refused), &own, &refused.name);
        for secret in &refused.secrets {
            assert!(
                log.find(secret).is_none(),
                "{secret:?}: {:?}",
                log.find(secret)
            );
        }
    }
}
