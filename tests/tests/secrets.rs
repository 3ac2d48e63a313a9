//! No octet run of a secret in the log, whatever is configured and whatever clients send: the whole corpus in real
//! Envoy, and what is refused in the module's host, too. The test `wasm` looks there at all the rest.

#![cfg(not(target_arch = "wasm32"))]

use basic_auth_tests::{
    corpus::{Case, Corpus, Refused, Runner},
    envoy::{Plugin, Tuned, message},
    fixture::{self, get},
    host::{Host, Vm},
    secrets::{Secrets, assert_kept, text},
};

fn start(host: &Host, environment: &std::collections::BTreeMap<String, String>) -> Vm {
    host.start(environment).expect("the module starts")
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
