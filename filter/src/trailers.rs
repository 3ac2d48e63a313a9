//! Request trailers: what the upstream must not get as a header field, it does not get as a trailer.
//!
//! Envoy calls this only for a request that has trailers.

use crate::header_map::{self, HeaderMap};
use crate::hostcalls;
use basic_auth::{Policy, is_spelling_of};
use proxy_wasm::types::MapType;

/// The names of the fields that no client's trailers may have, in lower case.
pub(crate) struct Withheld(Vec<String>);

impl Withheld {
    /// `None` if trailers are left alone.
    pub(crate) fn by(policy: &Policy) -> Option<Self> {
        let forwarded = policy.forward_username_header();
        let hidden = policy
            .hides_credentials()
            .then(|| policy.field_names().authentication_header());
        let names: Vec<_> = forwarded
            .into_iter()
            .chain(hidden)
            .map(str::to_owned)
            .collect();
        (!names.is_empty()).then_some(Self(names))
    }

    /// Removes these fields from the trailers at hand, in any spelling; `None` if that failed.
    pub(crate) fn remove(&self) -> Option<()> {
        let octets = hostcalls::request_trailers().ok()?;
        for (name, _) in HeaderMap::parse(&octets)?.fields() {
            if self.0.iter().any(|withheld| is_spelling_of(name, withheld)) {
                header_map::remove(MapType::HttpRequestTrailers, name)?;
            }
        }
        Some(())
    }
}
