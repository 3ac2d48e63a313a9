//! What an answer of Envoy's shows: whose it is, and why.

use crate::{
    challenge,
    corpus::{Case, Denial, Request},
    observed::{Fields, Observed, Seen},
};
use serde_json::Value;
use xtask::http::Answer;

/// The header in which the tests' Envoy puts the response code details of its own answers.
pub(super) const DETAILS: &str = "x-response-code-details";

/// What an answer shows.
///
/// # Errors
/// When it is no answer of the upstream's and none of the module's.
pub fn observe(answer: &Answer, case: &Case, request: &Request) -> Result<Observed, String> {
    match answer.header(DETAILS) {
        None => passed(answer, case, request),
        Some(details) => denied(answer, details, case, request),
    }
}

fn passed(answer: &Answer, case: &Case, request: &Request) -> Result<Observed, String> {
    let status = u32::from(answer.status);
    let remark = String::from_utf8_lossy(&answer.body).into_owned();
    if status != 200 {
        return Ok(Observed {
            status,
            remark,
            ..Observed::default()
        });
    }
    // An answer to HEAD has no body that says what the upstream received.
    if request.method.as_deref() == Some(b"HEAD") {
        return Ok(Observed {
            status,
            ..Observed::default()
        });
    }
    let fields =
        received(&answer.body).ok_or(format!("200, but not from the upstream: {remark}"))?;
    let user = case.forward_username_header().map(|name| {
        let is_it = |(field, _): &&(Vec<u8>, Vec<u8>)| field.eq_ignore_ascii_case(name.as_bytes());
        fields.iter().find(is_it).map(|(_, value)| value.clone())
    });
    Ok(Observed {
        status,
        user: user.map_or(Seen::Unseen, Seen::Seen),
        upstream: Seen::Seen(fields),
        ..Observed::default()
    })
}

fn denied(
    answer: &Answer,
    details: &str,
    case: &Case,
    request: &Request,
) -> Result<Observed, String> {
    let status = status(answer, case, request);
    let remark = format!("details {details}");
    let denial = Denial::of_envoy_details(details.as_bytes());
    if [301, 308, 401, 403, 407, 503].contains(&status) && denial.is_none() {
        return Err(format!("{status} by Envoy and not by the module: {remark}"));
    }
    if matches!(status, 401 | 407) && !answer.body.is_empty() {
        return Err(format!(
            "a {status} with a body: {}",
            String::from_utf8_lossy(&answer.body)
        ));
    }
    let fields = answer.headers.iter();
    let fields = fields.map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    let challenge = challenge::only(status, fields)?;
    Ok(Observed {
        status,
        denial: seen(denial, request),
        challenge,
        location: answer
            .header("location")
            .map(|location| location.as_bytes().to_vec()),
        remark,
        ..Observed::default()
    })
}

/// Envoy joins several fields of credentials with a comma before any filter sees them: their
/// denial is then one of a malformed value.
fn seen(denial: Option<Denial>, request: &Request) -> Seen<Option<Denial>> {
    let is_joined = request.values("authorization").count() > 1;
    if is_joined && denial == Some(Denial::Malformed) {
        Seen::Unseen
    } else {
        Seen::Seen(denial)
    }
}

/// The status code, also where Envoy put it into the status of gRPC (its table
/// `httpToGrpcStatus`).
fn status(answer: &Answer, case: &Case, request: &Request) -> u32 {
    match (request.is_grpc(), answer.header("grpc-status")) {
        (true, Some("16")) if case.asks_as_proxy() => 407,
        (true, Some("16")) => 401,
        (true, Some("7")) => 403,
        (true, Some("14")) => 503,
        // A gRPC client would not understand anything else.
        (true, other) => panic!("{answer:?}: an answer to gRPC with the status {other:?}"),
        (false, _) => u32::from(answer.status),
    }
}

/// The header fields that the upstream says it received.
fn received(body: &[u8]) -> Option<Fields> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let octets = |text: &Value| {
        let one = |character: char| u8::try_from(u32::from(character)).ok();
        text.as_str()?.chars().map(one).collect::<Option<Vec<u8>>>()
    };
    let field = |pair: &Value| Some((octets(pair.get(0)?)?, octets(pair.get(1)?)?));
    body["headers"].as_array()?.iter().map(field).collect()
}
