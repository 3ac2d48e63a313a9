//! The corpus against real Envoy, which loaded the built module from its remote URI: what the
//! module decides has to survive Envoy's codecs, over HTTP/1.1 and over HTTP/2. The configurations come in every
//! form that Envoy has, one case in this and the next in that.

#![cfg(not(target_arch = "wasm32"))]

use basic_auth_tests::{
    corpus::{Case, Corpus, Refused, Request, Runner},
    envoy::{Form, Plugin, Tuned, message, observe},
    fixture,
    report::{Report, announce},
};
use serde_json::Value;
use xtask::envoy::bootstrap;
use xtask::http::{self, Answer, Protocol};

#[test]
fn envoy_answers_every_case_as_expected() {
    let corpus = Corpus::embedded();
    let mut report = Report::new("envoy");
    run_cases(&corpus.cases, &mut report);
    let is_on = |refused: &&Refused| refused.is_on(Runner::Envoy);
    let refused: Vec<&Refused> = corpus.refused.iter().filter(is_on).collect();
    run_refused(&refused, &mut report);
    announce(&report.finish());
}

fn run_cases(cases: &[Case], report: &mut Report) {
    let plugins = cases.iter().enumerate().map(|(index, case)| Plugin {
        name: format!("case-{index}"),
        configuration: case.configuration.clone(),
        environment: case.environment.clone(),
    });
    let Tuned { proxy, .. } = &live(plugins.collect(), form_of_case);
    let mut run = Run {
        answered: [0; 2],
        passed: 0,
        report,
    };
    for (index, case) in cases.iter().enumerate() {
        let address = proxy.listener(&format!("case-{index}"));
        for request in case.requests_on(Runner::EnvoyHttp1) {
            if let Some(octets) = message::http1(request) {
                let answer = http::send_octets(address, &octets);
                run.answered(case, request, Protocol::Http1, answer);
            }
        }
        for request in case.requests_on(Runner::EnvoyHttp2) {
            if let Some(message) = message::http2(&request.header_map()) {
                let answer = http::send(address, Protocol::Http2, message);
                run.answered(case, request, Protocol::Http2, answer);
            }
        }
    }
    // What the library for HTTP/2 cannot send is left out, but that must stay the exception.
    let [over_http1, over_http2] = run.answered;
    assert!(
        over_http2 * 2 > over_http1,
        "{over_http1} over HTTP/1.1, {over_http2} over HTTP/2"
    );
    // A request that is both denied and forwarded looks denied to the client.
    assert_eq!(
        proxy.statistic("cluster.upstream.upstream_rq_total"),
        run.passed,
        "the upstream received other requests than those that passed"
    );
}

struct Run<'a> {
    answered: [usize; 2],
    passed: u64,
    report: &'a mut Report,
}

impl Run<'_> {
    fn answered(
        &mut self,
        case: &Case,
        request: &Request,
        protocol: Protocol,
        answer: anyhow::Result<Answer>,
    ) {
        self.answered[protocol as usize] += 1;
        let protocol = ["HTTP/1.1", "HTTP/2"][protocol as usize];
        let answer = answer.map_err(|error| format!("{error:#}"));
        match answer.and_then(|answer| observe(&answer, case, request)) {
            Ok(observed) => {
                self.passed += u64::from(observed.status == 200);
                self.report.request(case, request, &observed.over(protocol));
            }
            Err(wrong) => {
                let place = format!("{}, `{}` over {protocol}", case.place, request.name);
                self.report.mismatch(&place, &[wrong]);
            }
        }
    }
}

fn run_refused(refused: &[&Refused], report: &mut Report) {
    let plugins = refused.iter().enumerate().map(|(index, refused)| Plugin {
        name: format!("refused-{index}"),
        configuration: refused.configuration.clone(),
        environment: refused.environment.clone(),
    });
    // Without a plugin that keeps the compiled module, Envoy compiles it anew for each of them.
    let accepted = fixture::plugin("accepted", "{}");
    let plugins = std::iter::once(accepted).chain(plugins).collect();
    let Tuned { proxy, .. } = &live(plugins, form_of_case);
    let status = |index: usize| {
        let answer = http::get(proxy.listener(&format!("refused-{index}")), "/");
        answer.map(|answer| answer.status)
    };
    let answers: Vec<_> = (0..refused.len()).map(status).collect();
    let log = proxy.log();
    for (index, (refused, answer)) in refused.iter().zip(answers).enumerate() {
        let said = log.of_plugin(&format!("refused-{index}"));
        match answer {
            Ok(503) => report.refused(refused, Err(said)),
            other => report.refused(refused, Err(format!("answered {other:?}; log: {said}"))),
        }
    }
    for secret in refused.iter().flat_map(|refused| &refused.secrets) {
        let line = log.find(secret);
        assert!(
            line.is_none(),
            "the secret {secret:?} is in Envoy's log: {line:?}"
        );
    }
}

fn form_of_case(index: usize) -> Form {
    Form::ALL[index % Form::ALL.len()]
}

fn live(plugins: Vec<Plugin>, form: impl Fn(usize) -> Form) -> Tuned {
    let tune = |configuration: &mut Value| {
        let listeners = bootstrap::listeners(configuration).enumerate();
        listeners.for_each(|(index, listener)| form(index).write(listener));
    };
    Tuned::live(plugins, tune, &["--log-level", "info"])
}
