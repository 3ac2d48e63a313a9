//! The agent as a client of the xDS server, for the extension configurations of one Envoy.

use std::collections::BTreeSet;

use bytes::Bytes;

use crate::discovery::{Dialect, Request};
use crate::ecds::Subscription;

/// What the server knows about the subscription of one stream, to write the next request.
///
/// The server is never told the version that Envoy had before the stream began: it shall send everything, since
/// the agent must know what Envoy holds.
pub struct Subscriber {
    dialect: Dialect,
    names: BTreeSet<String>,
    /// That of the newest response, whether or not it was accepted: servers drop requests with an older one.
    newest_nonce: String,
    accepted_version: String,
    /// What else Envoy's requests hold, such as its node.
    rest: Vec<u8>,
    has_asked: bool,
}

impl Subscriber {
    /// Nothing was asked for yet.
    pub fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            names: BTreeSet::new(),
            newest_nonce: String::new(),
            accepted_version: String::new(),
            rest: Vec::new(),
            has_asked: false,
        }
    }

    /// What `request` of Envoy's changes, or `None` if it only answers.
    pub fn changes(&mut self, request: &Request) -> Option<Subscription> {
        self.rest.clone_from(&request.rest);
        let is_first = !std::mem::replace(&mut self.has_asked, true);
        let subscription = match self.dialect {
            Dialect::StateOfTheWorld => self.changes_of_all(request, is_first),
            Dialect::Delta => Subscription {
                added: request.names.clone(),
                removed: request.unsubscribed.clone(),
                is_wildcard: request.names.iter().any(|name| name == "*")
                    || (is_first && request.names.is_empty()),
                already_there: request.initial.clone(),
            },
        };
        for name in &subscription.removed {
            self.names.remove(name);
        }
        self.names.extend(subscription.added.iter().cloned());
        let is_change = !(subscription.added.is_empty() && subscription.removed.is_empty());
        (is_change || is_first).then_some(subscription)
    }

    fn changes_of_all(&self, request: &Request, is_first: bool) -> Subscription {
        let wanted: BTreeSet<String> = request.names.iter().cloned().collect();
        let has_some = is_first && !request.version.is_empty();
        Subscription {
            added: wanted.difference(&self.names).cloned().collect(),
            removed: self.names.difference(&wanted).cloned().collect(),
            is_wildcard: is_first && wanted.is_empty(),
            already_there: if has_some {
                request.names.clone()
            } else {
                Vec::new()
            },
        }
    }

    /// A response came in.
    pub fn received(&mut self, nonce: &str) {
        nonce.clone_into(&mut self.newest_nonce);
    }

    /// The request that asks for a change.
    pub fn ask(&self, subscription: &Subscription) -> Bytes {
        self.encode(match self.dialect {
            Dialect::StateOfTheWorld => self.state(),
            Dialect::Delta => Request {
                names: subscription.added.clone(),
                unsubscribed: subscription.removed.clone(),
                rest: self.rest.clone(),
                ..Request::default()
            },
        })
    }

    /// The request that accepts a response.
    pub fn accept(&mut self, nonce: String, version: String) -> Bytes {
        self.accepted_version = version;
        self.answer(nonce, None)
    }

    /// The request that refuses a response.
    pub fn refuse(&self, nonce: String, error: Vec<u8>) -> Bytes {
        self.answer(nonce, Some(error))
    }

    fn answer(&self, nonce: String, error: Option<Vec<u8>>) -> Bytes {
        let request = match self.dialect {
            Dialect::StateOfTheWorld => self.state(),
            Dialect::Delta => Request {
                rest: self.rest.clone(),
                ..Request::default()
            },
        };
        self.encode(Request {
            nonce,
            error,
            ..request
        })
    }

    /// State-of-the-world: each request repeats all names.
    fn state(&self) -> Request {
        Request {
            names: self.names.iter().cloned().collect(),
            version: self.accepted_version.clone(),
            nonce: self.newest_nonce.clone(),
            rest: self.rest.clone(),
            ..Request::default()
        }
    }

    fn encode(&self, request: Request) -> Bytes {
        Bytes::from(request.encode(self.dialect))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(names: &[&str], nonce: &str) -> Request {
        Request {
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            nonce: nonce.to_owned(),
            rest: crate::wire::message(&[(2, b"node")]),
            ..Request::default()
        }
    }

    fn parsed(octets: &Bytes) -> Request {
        Request::parse(Dialect::StateOfTheWorld, octets).unwrap()
    }

    #[test]
    fn a_change_is_asked_for_with_the_newest_nonce() {
        let mut subscriber = Subscriber::new(Dialect::StateOfTheWorld);
        let first = subscriber.changes(&request(&["a"], "")).unwrap();
        assert_eq!(parsed(&subscriber.ask(&first)), request(&["a"], ""));
        subscriber.received("n1");
        subscriber.accept("n1".to_owned(), "v1".to_owned());
        subscriber.received("n2");
        let refusal = subscriber.refuse("n2".to_owned(), b"\x08\x0d".to_vec());
        let expected = Request {
            version: "v1".to_owned(),
            error: Some(b"\x08\x0d".to_vec()),
            ..request(&["a"], "n2")
        };
        assert_eq!(parsed(&refusal), expected);
        // Envoy knows nothing of the agent's refusal.
        let change = subscriber
            .changes(&request(&["a", "b"], "wasm-agent-1"))
            .unwrap();
        assert_eq!(change.added, ["b"]);
        let expected = Request {
            version: "v1".to_owned(),
            ..request(&["a", "b"], "n2")
        };
        assert_eq!(parsed(&subscriber.ask(&change)), expected);
        assert_eq!(
            subscriber.changes(&request(&["a", "b"], "wasm-agent-1")),
            None
        );
    }
}
