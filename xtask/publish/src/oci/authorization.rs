//! What is shown to a registry: credentials of Docker's configuration, or a token that they buy.

use anyhow::{Context as _, bail};
use docker_credential::{CredentialRetrievalError, DockerCredential};
use reqwest::Url;
use reqwest::blocking::{Client, RequestBuilder, Response};
use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};
use serde_json::Value;

use super::reference::Reference;
use super::refusal;

/// What a registry asks for.
#[derive(Debug, PartialEq, Eq)]
enum Challenge {
    Basic,
    Bearer {
        realm: String,
        service: Option<String>,
    },
}

/// What goes with each request to a registry.
#[derive(Clone)]
pub(super) enum Authorization {
    Basic(String, String),
    Bearer(String),
}

impl Authorization {
    /// Adds it to a request.
    pub(super) fn apply(&self, request: RequestBuilder) -> RequestBuilder {
        match self {
            Self::Basic(user, password) => request.basic_auth(user, Some(password)),
            Self::Bearer(token) => request.bearer_auth(token),
        }
    }
}

/// The credentials for a registry in Docker's configuration, also from the helper that it names.
pub(super) fn credential(reference: &Reference) -> anyhow::Result<Option<DockerCredential>> {
    let key = reference.credentials_key();
    match docker_credential::get_credential(key) {
        Ok(credential) => Ok(Some(credential)),
        Err(
            CredentialRetrievalError::NoCredentialConfigured
            | CredentialRetrievalError::ConfigNotFound,
        ) => Ok(None),
        // It does not tell a missing file from one that cannot be read.
        Err(CredentialRetrievalError::ConfigReadError) if !has_configuration() => Ok(None),
        // The program tells in words that it knows of none (docker-credential-helpers, `credentials/error.go`).
        Err(CredentialRetrievalError::HelperFailure { stdout, .. })
            if stdout.contains("credentials not found") =>
        {
            Ok(None)
        }
        Err(CredentialRetrievalError::HelperFailure { helper, .. }) => bail!(
            "the credential helper `{helper}` of Docker's configuration fails for {key}: try `docker login {key}`"
        ),
        Err(error) => Err(error).with_context(|| {
            format!("the credentials for {key} in Docker's configuration cannot be had")
        }),
    }
}

fn has_configuration() -> bool {
    let home = || std::env::home_dir().map(|home| home.join(".docker"));
    let folder = std::env::var_os("DOCKER_CONFIG")
        .map(Into::into)
        .or_else(home);
    folder.is_some_and(|folder: std::path::PathBuf| folder.join("config.json").exists())
}

/// What answers the challenge of a refused request.
pub(super) fn obtain(
    client: &Client,
    reference: &Reference,
    refused: &Response,
    is_encrypted: bool,
) -> anyhow::Result<Option<Authorization>> {
    let credential = credential(reference)?;
    match challenge(refused.headers()) {
        Some(Challenge::Basic) => Ok(match credential {
            Some(DockerCredential::UsernamePassword(user, password)) => {
                Some(Authorization::Basic(user, password))
            }
            _ => None,
        }),
        Some(Challenge::Bearer { realm, service }) => {
            let realm = Url::parse(&realm).with_context(|| {
                format!(
                    "{} sends to a token service that is no URL",
                    reference.registry
                )
            })?;
            if is_encrypted && realm.scheme() != "https" {
                bail!(
                    "{} sends to a token service over plain HTTP: no credentials go there",
                    reference.registry
                );
            }
            token(client, reference, realm, service.as_deref(), credential).map(Some)
        }
        None => bail!(
            "{} wants credentials of a kind that is neither Basic nor Bearer",
            reference.registry
        ),
    }
}

fn challenge(headers: &HeaderMap) -> Option<Challenge> {
    let fields = headers.get_all(WWW_AUTHENTICATE);
    let texts: Vec<_> = fields
        .iter()
        .filter_map(|field| field.to_str().ok())
        .collect();
    let challenges = texts
        .iter()
        .filter_map(|text| {
            http_auth::parser::ChallengeParser::new(text)
                .collect::<Result<Vec<_>, _>>()
                .ok()
        })
        .flatten();
    let mut found = None;
    for challenge in challenges {
        let parameter = |name: &str| {
            let mut parameters = challenge.params.iter();
            let value = parameters.find(|(key, _)| key.eq_ignore_ascii_case(name));
            value.map(|(_, value)| value.to_unescaped())
        };
        if challenge.scheme.eq_ignore_ascii_case("bearer") {
            if let Some(realm) = parameter("realm") {
                return Some(Challenge::Bearer {
                    realm,
                    service: parameter("service"),
                });
            }
        } else if challenge.scheme.eq_ignore_ascii_case("basic") {
            found = Some(Challenge::Basic);
        }
    }
    found
}

/// A token that allows to pull from and push to the repository.
fn token(
    client: &Client,
    reference: &Reference,
    realm: Url,
    service: Option<&str>,
    credential: Option<DockerCredential>,
) -> anyhow::Result<Authorization> {
    let scope = format!("repository:{}:pull,push", reference.repository);
    let mut fields = vec![("scope", scope.as_str())];
    fields.extend(service.map(|service| ("service", service)));
    let place = realm.host_str().unwrap_or_default().to_owned();
    let request = match &credential {
        Some(DockerCredential::IdentityToken(token)) => {
            fields.push(("grant_type", "refresh_token"));
            fields.push(("client_id", "basic-auth"));
            fields.push(("refresh_token", token));
            client.post(realm).form(&fields)
        }
        Some(DockerCredential::UsernamePassword(user, password)) => client
            .get(with_query(realm, &fields))
            .basic_auth(user, Some(password)),
        None => client.get(with_query(realm, &fields)),
    };
    let answer = request
        .send()
        .map_err(|error| refusal::unreachable(&place, &error))?;
    if !answer.status().is_success() {
        return Err(refusal::refused(
            &format!("the token service {place} of {}", reference.registry),
            "gives no token",
            answer,
        ));
    }
    let text = answer.text().unwrap_or_default();
    let value: Value = serde_json::from_str(&text).unwrap_or_default();
    let token = value["token"].as_str().or(value["access_token"].as_str());
    let token =
        token.with_context(|| format!("the token service {place} answers without a token"))?;
    Ok(Authorization::Bearer(token.to_owned()))
}

fn with_query(mut url: Url, fields: &[(&str, &str)]) -> Url {
    url.query_pairs_mut().extend_pairs(fields);
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_found_among_others() {
        let read = |fields: &[&'static str]| {
            let fields = fields
                .iter()
                .map(|field| (WWW_AUTHENTICATE, field.parse().unwrap()));
            challenge(&fields.collect())
        };
        let bearer = |service: Option<&str>| {
            Some(Challenge::Bearer {
                realm: "https://token.example/v2".to_owned(),
                service: service.map(str::to_owned),
            })
        };
        let both = r#"Basic realm="r", Bearer realm="https://token.example/v2",service="s""#;
        assert_eq!(read(&[both]), bearer(Some("s")));
        let second = r#"bearer Realm="https://token.example/v2""#;
        assert_eq!(read(&["Basic realm=r", second]), bearer(None));
        assert_eq!(read(&["BASIC realm=\"r\""]), Some(Challenge::Basic));
        assert_eq!(read(&["Negotiate"]), None);
        assert_eq!(read(&["Bearer service=s"]), None);
        assert_eq!(read(&[]), None);
    }
}
