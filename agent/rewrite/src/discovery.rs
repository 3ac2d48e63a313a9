//! The messages of xDS, as far as the agent reads and writes them; the rest of each stays as it is.

use std::borrow::Cow;

use bytes::Bytes;

use crate::wire::{self, Malformed};

/// What extension configurations are to Envoy, behind the last slash of a type URL.
pub const EXTENSION_CONFIG: &str = "envoy.config.core.v3.TypedExtensionConfig";
/// The type URL that Envoy asks for extension configurations by.
pub const EXTENSION_CONFIG_URL: &str =
    "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig";
/// The wrapper of resources: always in delta, possible in state-of-the-world.
pub const RESOURCE: &str = "envoy.service.discovery.v3.Resource";

/// The type's name in a type URL: what stands behind the last slash, as Envoy compares it.
pub fn type_name(type_url: &str) -> &str {
    type_url.rsplit('/').next().unwrap_or(type_url)
}

/// Which of the two forms of the protocol a stream speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// `DiscoveryRequest` and `DiscoveryResponse`.
    StateOfTheWorld,
    /// `DeltaDiscoveryRequest` and `DeltaDiscoveryResponse`.
    Delta,
}

impl Dialect {
    /// The type URL of a request.
    pub fn type_of_request(self, request: &[u8]) -> Result<&str, Malformed> {
        wire::text(request, self.request_type_field())
    }

    fn request_type_field(self) -> u32 {
        match self {
            Self::StateOfTheWorld => 4,
            Self::Delta => 2,
        }
    }
}

/// The type URL of a response, in both dialects.
pub fn type_of_response(response: &[u8]) -> Result<&str, Malformed> {
    wire::text(response, 4)
}

/// What Envoy asks for or answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// State-of-the-world: all names. Delta: those that it subscribes to now.
    pub names: Vec<String>,
    /// Delta: those that it unsubscribes from now.
    pub unsubscribed: Vec<String>,
    /// Delta: the names that Envoy had when the stream began, each with its version.
    pub initial: Vec<(String, String)>,
    /// State-of-the-world: the version that Envoy accepted last.
    pub version: String,
    /// Which response this answers, or for state-of-the-world which one was the last.
    pub nonce: String,
    /// Why Envoy refuses that response: a `google.rpc.Status`.
    pub error: Option<Vec<u8>>,
    /// All other fields, such as the node.
    pub rest: Vec<u8>,
}

impl Request {
    /// Reads a request.
    pub fn parse(dialect: Dialect, request: &[u8]) -> Result<Self, Malformed> {
        match dialect {
            Dialect::StateOfTheWorld => Ok(Self {
                names: texts(request, 3)?,
                version: wire::text(request, 1)?.to_owned(),
                nonce: wire::text(request, 5)?.to_owned(),
                error: wire::merged(request, 6)?.map(Cow::into_owned),
                rest: wire::without(request, &[1, 3, 4, 5, 6])?,
                ..Self::default()
            }),
            Dialect::Delta => Ok(Self {
                names: texts(request, 3)?,
                unsubscribed: texts(request, 4)?,
                initial: initial_versions(request)?,
                nonce: wire::text(request, 6)?.to_owned(),
                error: wire::merged(request, 7)?.map(Cow::into_owned),
                rest: wire::without(request, &[2, 3, 4, 5, 6, 7])?,
                ..Self::default()
            }),
        }
    }

    /// Writes the request for extension configurations.
    pub fn encode(&self, dialect: Dialect) -> Vec<u8> {
        let mut message = self.rest.clone();
        let (names, nonce, error) = match dialect {
            Dialect::StateOfTheWorld => (3, 5, 6),
            Dialect::Delta => (3, 6, 7),
        };
        if dialect == Dialect::StateOfTheWorld {
            wire::put_text(&mut message, 1, &self.version);
        }
        wire::put_text(
            &mut message,
            dialect.request_type_field(),
            EXTENSION_CONFIG_URL,
        );
        for name in &self.names {
            wire::put_bytes(&mut message, names, name.as_bytes());
        }
        for name in &self.unsubscribed {
            wire::put_bytes(&mut message, 4, name.as_bytes());
        }
        wire::put_text(&mut message, nonce, &self.nonce);
        if let Some(status) = &self.error {
            wire::put_bytes(&mut message, error, status);
        }
        message
    }
}

fn texts(message: &[u8], number: u32) -> Result<Vec<String>, Malformed> {
    wire::all_bytes(message, number)
        .map(|bytes| {
            std::str::from_utf8(bytes?)
                .map(str::to_owned)
                .map_err(|_| Malformed::Text)
        })
        .collect()
}

fn initial_versions(request: &[u8]) -> Result<Vec<(String, String)>, Malformed> {
    wire::all_bytes(request, 5)
        .map(|entry| {
            let entry = entry?;
            let text = |number| wire::text(entry, number).map(str::to_owned);
            Ok((text(1)?, text(2)?))
        })
        .collect()
}

/// What a server sends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// The response's version.
    pub version: String,
    /// State-of-the-world: each an `Any`. Delta: each a `Resource`.
    pub resources: Vec<Bytes>,
    /// Delta: names of what is removed.
    pub removed: Vec<String>,
    /// What the answer names.
    pub nonce: String,
}

impl Response {
    /// Reads a response.
    pub fn parse(dialect: Dialect, response: &[u8]) -> Result<Self, Malformed> {
        let resources = wire::all_bytes(response, 2);
        let mut removed = Vec::new();
        if dialect == Dialect::Delta {
            removed = texts(response, 6)?;
            for name in wire::all_bytes(response, 8) {
                removed.push(wire::text(name?, 1)?.to_owned());
            }
        }
        Ok(Self {
            version: wire::text(response, 1)?.to_owned(),
            resources: resources
                .map(|resource| resource.map(Bytes::copy_from_slice))
                .collect::<Result<_, _>>()?,
            removed,
            nonce: wire::text(response, 5)?.to_owned(),
        })
    }

    /// Writes a response with extension configurations.
    pub fn encode(&self) -> Vec<u8> {
        self.encode_as(EXTENSION_CONFIG_URL)
    }

    /// Writes a response with resources of the type `type_url`.
    pub fn encode_as(&self, type_url: &str) -> Vec<u8> {
        let size: usize = self
            .resources
            .iter()
            .map(|resource| resource.len() + 8)
            .sum();
        let mut message = Vec::with_capacity(size + 256);
        wire::put_text(&mut message, 1, &self.version);
        for resource in &self.resources {
            wire::put_bytes(&mut message, 2, resource);
        }
        wire::put_text(&mut message, 4, type_url);
        wire::put_text(&mut message, 5, &self.nonce);
        for name in &self.removed {
            wire::put_bytes(&mut message, 6, name.as_bytes());
        }
        message
    }
}

/// A `google.rpc.Status` with the code INTERNAL, which Istio's agent uses, too.
pub fn refusal(text: &str) -> Vec<u8> {
    let mut status = Vec::new();
    wire::put_varint(&mut status, 1, 13);
    wire::put_text(&mut status, 2, text);
    status
}

/// The text of a `google.rpc.Status`, for the log.
pub fn refusal_text(status: &[u8]) -> &str {
    wire::text(status, 2).unwrap_or("unreadable reason")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_keeps_what_is_not_the_agents() {
        for (dialect, node) in [(Dialect::StateOfTheWorld, 2), (Dialect::Delta, 1)] {
            let request = Request {
                names: vec!["a".to_owned(), "b".to_owned()],
                nonce: "n".to_owned(),
                error: Some(refusal("why")),
                rest: wire::message(&[(node, b"node"), (99, b"unknown")]),
                ..Request::default()
            };
            let encoded = request.encode(dialect);
            assert_eq!(Request::parse(dialect, &encoded), Ok(request));
            assert_eq!(dialect.type_of_request(&encoded), Ok(EXTENSION_CONFIG_URL));
        }
    }

    #[test]
    fn both_forms_of_removals_are_read() {
        let response = wire::message(&[(6, b"a"), (8, &wire::message(&[(1, b"b")]))]);
        let response = Response::parse(Dialect::Delta, &response).unwrap();
        assert_eq!(response.removed, ["a", "b"]);
    }

    #[test]
    fn a_type_is_named_behind_the_last_slash() {
        assert_eq!(type_name("a.com/b/c.D"), "c.D");
        assert_eq!(type_name("c.D"), "c.D");
        assert_eq!(type_name("c.D/"), "");
    }
}
