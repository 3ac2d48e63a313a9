//! Tokens for a registry, from the service that it names.

use serde::Deserialize;
use url::Url;

use super::{Cause, PullError};
use crate::modules::address::Reach;
use crate::modules::credentials::Credential;
use crate::modules::sink::Sink;
use crate::modules::source::basic;
use crate::modules::transfer::{Answer, Request, Transfer};

/// As large as the answer of a token service may be.
const MOST_ANSWER: u64 = 1 << 20;

/// What a token is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub(super) service: Option<&'a str>,
    pub(super) scope: &'a str,
    pub(super) reach: Reach,
}

/// Services give the token under either name, or under both.
#[derive(Deserialize)]
struct Tokens {
    token: Option<String>,
    access_token: Option<String>,
}

/// A token for what is asked.
pub(super) async fn fetch(
    transfer: &Transfer,
    service: Url,
    asked: &Asked<'_>,
    credential: &Credential,
) -> Result<String, PullError> {
    let request = request(service, asked, credential);
    let mut sink = Sink::memory(MOST_ANSWER);
    match transfer.run(&request, &mut sink).await? {
        Answer::Complete(_) => {}
        Answer::Unauthorized(_) => {
            return Err(PullError::new(
                Cause::Credentials,
                format!(
                    "the token service refuses the credentials{}",
                    credential.hint()
                ),
            ));
        }
    }
    serde_json::from_slice::<Tokens>(&sink.into_octets())
        .ok()
        .and_then(|tokens| {
            let given = [tokens.token, tokens.access_token];
            given.into_iter().flatten().find(|token| !token.is_empty())
        })
        .ok_or_else(|| PullError::new(Cause::Credentials, "the token service gave no token"))
}

fn request(mut service: Url, asked: &Asked<'_>, credential: &Credential) -> Request {
    if let Credential::IdentityToken(token) = credential {
        let mut request = Request::get(service);
        request.reach = asked.reach;
        request.form = Some(vec![
            ("grant_type", "refresh_token".to_owned()),
            ("service", asked.service.unwrap_or_default().to_owned()),
            ("client_id", "wasm-agent".to_owned()),
            ("scope", asked.scope.to_owned()),
            ("refresh_token", token.clone()),
        ]);
        return request;
    }
    if let Some(name) = asked.service {
        service.query_pairs_mut().append_pair("service", name);
    }
    service.query_pairs_mut().append_pair("scope", asked.scope);
    let mut request = Request::get(service);
    request.reach = asked.reach;
    if let Credential::Basic { user, password } = credential {
        request.authorization = Some(basic(user.as_bytes(), password.as_bytes()));
    }
    request
}
