//! The agent as a client of the xDS server, for the extension configurations of one Envoy.

use std::collections::BTreeSet;

use bytes::Bytes;

use crate::discovery::{Dialect, Request};
use crate::ecds::{EVERYTHING, Subscription, Wildcard};

/// What the server knows about the subscription of one stream, to write the next request.
///
/// The server is never told the version that Envoy had before the stream began: it shall send everything, since
/// the agent must know what Envoy holds.
pub struct Subscriber {
    dialect: Dialect,
    /// What Envoy asked for by name, `*` among them.
    names: BTreeSet<String>,
    wants_all: bool,
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
            wants_all: false,
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
        let mut subscription = match self.dialect {
            Dialect::StateOfTheWorld => self.changes_of_all(request, is_first),
            Dialect::Delta => Subscription {
                added: request.names.clone(),
                removed: request.unsubscribed.clone(),
                already_there: request.initial.clone(),
                ..Subscription::default()
            },
        };
        for name in &subscription.removed {
            self.names.remove(name);
        }
        self.names.extend(subscription.added.iter().cloned());
        subscription.wildcard = self.wildcard(&subscription, is_first);
        let is_change = !(subscription.added.is_empty() && subscription.removed.is_empty());
        (is_change || is_first).then_some(subscription)
    }

    /// xDS protocol, "How the client specifies what resources to return": everything is wanted by the name `*`, or by
    /// a first request without any name. The latter lasts in delta until `*` is unsubscribed from, and in
    /// state-of-the-world until a name is given.
    fn wildcard(&mut self, change: &Subscription, is_first: bool) -> Wildcard {
        let has_ended = change.removed.iter().any(|name| name == EVERYTHING)
            || (self.dialect == Dialect::StateOfTheWorld && !self.names.is_empty());
        let before = self.wants_all;
        self.wants_all = self.names.contains(EVERYTHING)
            || (is_first && self.names.is_empty())
            || (before && !has_ended);
        match (before, self.wants_all) {
            (false, true) => Wildcard::Begins,
            (true, false) => Wildcard::Ends,
            _ => Wildcard::AsBefore,
        }
    }

    fn changes_of_all(&self, request: &Request, is_first: bool) -> Subscription {
        let wanted: BTreeSet<String> = request.names.iter().cloned().collect();
        let has_some = is_first && !request.version.is_empty();
        Subscription {
            added: wanted.difference(&self.names).cloned().collect(),
            removed: self.names.difference(&wanted).cloned().collect(),
            already_there: match has_some {
                true => with_version(&request.names, &request.version),
                false => Vec::new(),
            },
            ..Subscription::default()
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

fn with_version(names: &[String], version: &str) -> Vec<(String, String)> {
    let names = names.iter().cloned();
    names.map(|name| (name, version.to_owned())).collect()
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

    /// The examples of the xDS protocol, "How the client specifies what resources to return".
    #[test]
    fn everything_is_wanted_as_the_protocol_says() {
        let state_of_the_world = [
            (&[][..], Wildcard::Begins),
            (&["*", "a"], Wildcard::AsBefore),
            (&["a"], Wildcard::Ends),
            (&[], Wildcard::AsBefore),
            (&["*"], Wildcard::Begins),
            (&[], Wildcard::Ends),
        ];
        let mut subscriber = Subscriber::new(Dialect::StateOfTheWorld);
        for (names, expected) in state_of_the_world {
            let change = subscriber.changes(&request(names, "")).unwrap();
            assert_eq!(change.wildcard, expected, "{names:?}");
        }
        let delta = [
            (&[][..], &[][..], Wildcard::Begins),
            (&["a"], &[], Wildcard::AsBefore),
            (&[], &["*"], Wildcard::Ends),
            (&[], &["a"], Wildcard::AsBefore),
            (&["*"], &[], Wildcard::Begins),
            (&[], &["*"], Wildcard::Ends),
        ];
        let mut subscriber = Subscriber::new(Dialect::Delta);
        for (added, removed, expected) in delta {
            let request = Request {
                unsubscribed: removed.iter().map(|name| (*name).to_owned()).collect(),
                ..request(added, "")
            };
            let change = subscriber.changes(&request).unwrap();
            assert_eq!(change.wildcard, expected, "+{added:?} -{removed:?}");
        }
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
