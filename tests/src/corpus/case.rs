//! A case: one configuration and the requests that are sent to it.

use super::Expect;
use crate::observed::Fields;
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    fmt,
    net::{IpAddr, Ipv4Addr},
};

/// What runs cases.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "snake_case")]
pub enum Runner {
    /// The core, natively.
    Core,
    /// The core in V8.
    Vm,
    /// The built module in the Proxy-Wasm host of this crate.
    Wasm,
    /// Real Envoy, over HTTP/1.1 and HTTP/2.
    Envoy,
    /// Real Envoy over HTTP/1.1 only.
    EnvoyHttp1,
    /// Real Envoy over HTTP/2 only.
    EnvoyHttp2,
}

impl Runner {
    /// The runners that a case must be left to: one of these has to claim it.
    pub const ALL: [Runner; 4] = [Runner::Core, Runner::Vm, Runner::Wasm, Runner::Envoy];

    /// Whether a reason to leave out `listed` leaves out this runner.
    fn is_left_out_with(self, listed: Runner) -> bool {
        let is_envoy = matches!(self, Runner::EnvoyHttp1 | Runner::EnvoyHttp2);
        self == listed || (is_envoy && listed == Runner::Envoy)
    }
}

/// Where something cannot run, and why.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(transparent)]
pub(super) struct NotOn(pub(super) BTreeMap<Runner, String>);

impl NotOn {
    pub(super) fn has(&self, runner: Runner) -> bool {
        self.0.keys().any(|&listed| runner.is_left_out_with(listed))
    }
}

/// One configuration and what is sent to it.
#[derive(Debug)]
pub struct Case {
    /// Where it is written.
    pub place: Place,
    /// The plugin configuration.
    pub configuration: String,
    /// The VM's environment variables.
    pub environment: BTreeMap<String, String>,
    /// What is sent, in this order.
    pub requests: Vec<Request>,
    pub(super) not_on: NotOn,
}

impl Case {
    /// The requests that a runner sends.
    pub fn requests_on(&self, runner: Runner) -> impl Iterator<Item = &Request> {
        let is_left_out = self.not_on.has(runner);
        self.requests
            .iter()
            .filter(move |r| !is_left_out && !r.not_on.has(runner))
    }

    /// The header in which the upstream gets the user name, if the configuration names one.
    #[must_use]
    pub fn forward_username_header(&self) -> Option<String> {
        let value = self.configuration_value()?;
        Some(
            value
                .get("forward_username_header")?
                .as_str()?
                .to_ascii_lowercase(),
        )
    }

    /// Whether denied clients are asked for a password of a proxy.
    #[must_use]
    pub fn asks_as_proxy(&self) -> bool {
        let value = self.configuration_value();
        let header = value
            .as_ref()
            .and_then(|value| value.get("authentication_header"));
        header
            .and_then(|header| header.as_str())
            .is_some_and(|header| header.eq_ignore_ascii_case("proxy-authorization"))
    }

    /// Whether the configuration says that requests go upstream as they came.
    #[must_use]
    pub fn leaves_headers_alone(&self) -> bool {
        self.configuration_value().is_none_or(|value| {
            value.get("forward_username_header").is_none()
                && value.get("hide_credentials").is_none()
        })
    }

    fn configuration_value(&self) -> Option<serde_json::Value> {
        serde_json::from_str(&self.configuration).ok()
    }
}

/// What is sent, as octets, and what must come of it.
#[derive(Debug)]
pub struct Request {
    /// A sentence on what it shows.
    pub name: String,
    /// `:method`, if there.
    pub method: Option<Vec<u8>>,
    /// `:authority`, if there.
    pub authority: Option<Vec<u8>>,
    /// `:path`, if there.
    pub path: Option<Vec<u8>>,
    /// The other fields, in order, names as written.
    pub fields: Vec<(String, Vec<u8>)>,
    /// What must come of it.
    pub expect: Expect,
    pub(super) not_on: NotOn,
}

impl Request {
    /// The values of a field, in order.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.fields
            .iter()
            .filter(move |(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_slice())
    }

    /// The header map that Envoy makes of it: pseudo-headers first, names in lower case.
    #[must_use]
    pub fn header_map(&self) -> Fields {
        // Envoy believes the client here.
        let scheme = self.values("x-forwarded-proto").next();
        let scheme = Some(scheme.unwrap_or(b"http").to_vec());
        let pseudo = [
            (":authority", &self.authority),
            (":path", &self.path),
            (":method", &self.method),
            (":scheme", &scheme),
        ];
        let present = |(name, value): (&str, &Option<Vec<u8>>)| {
            Some((name.as_bytes().to_vec(), value.clone()?))
        };
        let lower = |(name, value): &(String, Vec<u8>)| {
            (name.to_ascii_lowercase().into_bytes(), value.clone())
        };
        let pseudo = pseudo.into_iter().filter_map(present);
        pseudo.chain(self.fields.iter().map(lower)).collect()
    }

    /// Where Envoy believes that it comes from: the last address of `X-Forwarded-For`.
    #[must_use]
    pub fn source_address(&self) -> Option<IpAddr> {
        let Some(forwarded) = self.values("x-forwarded-for").last() else {
            return Some(Ipv4Addr::LOCALHOST.into());
        };
        let last = forwarded.rsplit(|octet| *octet == b',').next()?;
        str::from_utf8(last.trim_ascii()).ok()?.parse().ok()
    }

    /// Whether Envoy answers denials of it as gRPC errors.
    #[must_use]
    pub fn is_grpc(&self) -> bool {
        self.values("content-type")
            .any(|value| value.starts_with(b"application/grpc"))
    }
}

/// A configuration that must be refused.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refused {
    /// Where it is written.
    #[serde(skip)]
    pub place: Place,
    /// A sentence on what is wrong with it.
    pub name: String,
    /// The plugin configuration.
    pub configuration: String,
    /// The VM's environment variables.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// What the error must contain.
    pub error: String,
    /// What the error must not contain.
    #[serde(default)]
    pub secrets: Vec<String>,
    #[serde(default)]
    pub(super) not_on: NotOn,
}

impl Refused {
    /// Whether a runner tries it.
    #[must_use]
    pub fn is_on(&self, runner: Runner) -> bool {
        !self.not_on.has(runner)
    }

    /// What is wrong with an error text, line by line.
    #[must_use]
    pub fn differences(&self, error: &str) -> Vec<String> {
        let mut differences = Vec::new();
        if !error.contains(&self.error) {
            differences.push(format!("expected an error with {:?}", self.error));
            differences.push(format!("got      {error:?}"));
        }
        for secret in self
            .secrets
            .iter()
            .filter(|secret| error.contains(secret.as_str()))
        {
            differences.push(format!("the error has the secret {secret:?}: {error:?}"));
        }
        differences
    }
}

/// Where in the corpus something is written.
#[derive(Clone, Debug, Default)]
pub struct Place {
    pub(super) file: &'static str,
    pub(super) case: Option<String>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tests/cases/{}", self.file)?;
        self.case.iter().try_for_each(|case| write!(f, ", {case}"))
    }
}
