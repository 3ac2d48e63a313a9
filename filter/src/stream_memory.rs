//! What a stream has proved stays with it, so that a second look at the request, which may have no
//! credentials any more, knows it: after an internal redirect, in another plugin, at a retry.
//!
//! It is a property of the stream, which filters can set and clients cannot; in Envoy the filter state
//! `wasm.basic_auth_verified`.

use crate::hostcalls;
use basic_auth::{Policy, Record, UserName, Worker};

/// Where the record is kept.
const PROPERTY: &str = "basic_auth_verified";

/// `envoy.source.extensions.common.wasm.DeclarePropertyArguments`: `name` is field 1, `span` field 5.
const NAME: u8 = 1 << 3 | 2;
const SPAN: u8 = 5 << 3;
const DOWNSTREAM_REQUEST: u8 = 1;

/// Has the host keep the record over an internal redirect. To be called by a root context; a host that
/// knows no such thing keeps it as long as it keeps properties.
pub(crate) fn declare() {
    let length = PROPERTY.len().try_into().unwrap_or(u8::MAX);
    let arguments = [
        &[NAME, length],
        PROPERTY.as_bytes(),
        &[SPAN, DOWNSTREAM_REQUEST],
    ]
    .concat();
    if hostcalls::call_foreign_function("declare_property", &arguments).is_err() {
        log::debug!("the host does not keep what was proved over internal redirects");
    }
}

/// Keeps what a request that was just decided has proved.
pub(crate) fn keep(policy: &Policy, user: UserName<'_>, worker: &Worker) {
    let record = policy
        .remembers_streams()
        .then(|| policy.record(user, worker));
    if let Some(record) = record.flatten()
        && hostcalls::set_property(PROPERTY, &record).is_err()
    {
        log::debug!("the host did not keep what this request has proved");
    }
}

/// The record that an earlier look left behind.
pub(crate) fn recall() -> Option<Vec<u8>> {
    hostcalls::property(PROPERTY).ok()
}

/// Whether this is the name of a user that an earlier look has verified, and so not a client's word.
pub(crate) fn is_verified_name(name: &[u8]) -> bool {
    let record = recall();
    let record = record.as_deref().and_then(Record::parse);
    record.is_some_and(|record| record.user_name() == name)
}
