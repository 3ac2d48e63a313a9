//! The corpus against the built module, in the Proxy-Wasm host of this crate: what the core
//! decides has to survive the ABI, octet by octet.

#![cfg(not(target_arch = "wasm32"))]

mod hostile;
mod witnesses;

use basic_auth_tests::{
    challenge,
    corpus::{Case, Corpus, Denial, Request, Runner},
    fixture,
    host::{Host, LocalResponse, Outcome, Vm},
    observed::{Observed, Seen},
    report::{Report, announce},
    secrets::{Secrets, assert_kept, text},
};

#[test]
fn the_module_answers_every_case_as_expected() {
    let corpus = Corpus::embedded();
    let host = fixture::host();
    let mut report = Report::new("wasm");
    let mut lines = 0;
    for case in &corpus.cases {
        lines += run_case(&host, case, &mut report);
    }
    assert!(lines > 1000, "{lines} lines of log: nothing is logged");
    for refused in corpus
        .refused
        .iter()
        .filter(|refused| refused.is_on(Runner::Wasm))
    {
        let mut vm = host.start(&refused.environment).expect("the module starts");
        let error = vm
            .configure(refused.configuration.as_bytes())
            .map_err(|refused| {
                let lines: Vec<String> = refused.0.into_iter().map(|log| log.text).collect();
                lines.join("\n")
            });
        report.refused(refused, error);
    }
    announce(&report.finish());
}

/// Returns how many lines were logged, none of them with a secret.
fn run_case(host: &Host, case: &Case, report: &mut Report) -> usize {
    let secrets = Secrets::of_case(case);
    let mut vm = host.start(&case.environment).expect("the module starts");
    if let Err(refused) = vm.configure(case.configuration.as_bytes()) {
        report.mismatch(&case.place.to_string(), &[format!("{refused:?}")]);
        return 0;
    }
    assert_kept(&secrets, &text(vm.take_logs()), &case.place.to_string());
    let mut lines = 0;
    for request in case.requests_on(Runner::Wasm) {
        let observed = observe(&mut vm, case, request);
        let place = format!("{}, `{}`", case.place, request.name);
        let log = vm.take_logs();
        lines += log.len();
        assert_kept(&secrets, &text(log), &place);
        match observed {
            Ok(observed) => report.request(case, request, &observed),
            Err(wrong) => {
                report.mismatch(&place, &[wrong]);
                // A trap kills the VM: what follows is about the next requests, not about it.
                vm = host.start(&case.environment).expect("the module starts");
                vm.configure(case.configuration.as_bytes())
                    .expect("accepted before");
            }
        }
    }
    lines
}

fn observe(vm: &mut Vm, case: &Case, request: &Request) -> Result<Observed, String> {
    let sent = request.header_map();
    match vm.request(&sent) {
        Outcome::Continue { headers, .. } => {
            if case.leaves_headers_alone() && headers != sent {
                return Err(format!("the headers were changed to {headers:?}"));
            }
            let user = case.forward_username_header().map(|name| {
                let is_it = |(field, _): &&(Vec<u8>, Vec<u8>)| *field == name.as_bytes();
                headers.iter().find(is_it).map(|(_, value)| value.clone())
            });
            Ok(Observed {
                status: 200,
                user: user.map_or(Seen::Unseen, Seen::Seen),
                upstream: Seen::Seen(headers),
                ..Observed::default()
            })
        }
        Outcome::Reply(response) => reply(response),
        Outcome::Paused => Err("neither forwarded nor answered".into()),
        Outcome::Trap(trap) => Err(trap),
    }
}

fn reply(response: LocalResponse) -> Result<Observed, String> {
    let denial = Denial::of_details(&response.details);
    // Envoy makes the gRPC status of the others by itself.
    let grpc_status = if response.status == 407 { 16 } else { -1 };
    if denial.is_none() || response.grpc_status != grpc_status {
        return Err(format!("an answer without its reason: {response:?}"));
    }
    if !response.body.is_empty() {
        return Err(format!("an answer with a body: {response:?}"));
    }
    let fields = response.headers.iter();
    let fields = fields.map(|(name, value)| (name.as_slice(), value.as_slice()));
    let challenge = challenge::only(response.status, fields)?;
    let is_location = |(name, _): &&(Vec<u8>, Vec<u8>)| name == b"location";
    let location = response.headers.iter().find(is_location);
    Ok(Observed {
        status: response.status,
        denial: Seen::Seen(denial),
        challenge,
        location: location.map(|(_, value)| value.clone()),
        ..Observed::default()
    })
}
