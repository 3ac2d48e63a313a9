//! What a registry wants to be shown: the challenges of `WWW-Authenticate` (RFC 9110, 11.6.1).

use std::net::IpAddr;

use http::HeaderMap;
use http::header::WWW_AUTHENTICATE;
use url::{Host, Url};

use crate::modules::address::is_private;

/// One challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Challenge {
    /// In lower case.
    pub(super) scheme: String,
    /// Names in lower case.
    parameters: Vec<(String, String)>,
}

impl Challenge {
    /// The value of a parameter.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find(|(other, _)| other == name)
            .map(|(_, value)| value.as_str())
    }
}

/// All challenges of all fields.
pub(super) fn challenges(headers: &HeaderMap) -> Vec<Challenge> {
    let values = headers
        .get_all(WWW_AUTHENTICATE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    values.flat_map(parse).collect()
}

fn parse(value: &str) -> Vec<Challenge> {
    let mut found: Vec<Challenge> = Vec::new();
    let mut rest = value;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let (name, after) = token(rest);
        if name.is_empty() {
            // Something that stands nowhere in a challenge.
            let Some(skipped) = rest.chars().next() else {
                return found;
            };
            rest = &rest[skipped.len_utf8()..];
            continue;
        }
        let name = name.to_ascii_lowercase();
        let behind = after.trim_start_matches([' ', '\t']);
        match (behind.strip_prefix('='), found.last_mut()) {
            (Some(behind), Some(challenge)) => {
                let (value, after) = parameter_value(behind.trim_start_matches([' ', '\t']));
                challenge.parameters.push((name, value));
                rest = after;
            }
            _ => {
                found.push(Challenge {
                    scheme: name,
                    parameters: Vec::new(),
                });
                rest = after;
            }
        }
    }
}

fn token(text: &str) -> (&str, &str) {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~/".contains(c);
    text.split_at(text.find(|c| !is_token(c)).unwrap_or(text.len()))
}

/// A token or a quoted string.
fn parameter_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ', '\t']).unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return (value, &quoted[at + 1..]),
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            c => value.push(c),
        }
    }
    (value, "")
}

/// A registry, as far as it decides where its token service may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Registry<'a> {
    pub(super) url: &'a Url,
    /// Whether it is on this machine or in a private network.
    pub(super) is_private: bool,
}

/// The URL of a token service that `registry` names, or why nothing is sent there.
///
/// A registry may name any service with TLS on the internet, and any on its own host. Only one in a private network
/// may name another there: else a registry could make the agent talk to what only the agent can reach.
pub(super) fn token_service(realm: &str, registry: Registry<'_>) -> Result<Url, String> {
    let refused =
        |cause: &str| format!("the registry names a token service that is not asked: {cause}");
    let url = Url::parse(realm).map_err(|_| refused("its realm is no URL"))?;
    match url.scheme() {
        "https" => {}
        "http" if registry.url.scheme() == "http" => {}
        "http" => return Err(refused("it has no TLS")),
        _ => return Err(refused("its realm is neither https nor http")),
    }
    let is_own = url.host() == registry.url.host();
    if !is_own && !registry.is_private && names_private_host(&url) {
        return Err(refused("it is in a private network"));
    }
    Ok(url)
}

/// Whether `url` itself says that its host is in a private network or on this machine.
pub(super) fn names_private_host(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => is_private(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => is_private(IpAddr::V6(address)),
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name == "localhost" || name.ends_with(".localhost") || name.ends_with(".internal")
        }
        None => true,
    }
}

#[cfg(test)]
mod tests;
