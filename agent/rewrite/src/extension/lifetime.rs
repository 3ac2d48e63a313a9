//! How long a server wants a resource to be kept (xDS protocol, "TTL").
//!
//! An Envoy whose time is up drops the filter, and its requests answer 500. What is at work stays, as it does with a
//! removal: Envoy is told of no such time, and what only renews one is nothing to it.

use bytes::Bytes;

use crate::discovery::{Dialect, RESOURCE, type_name};
use crate::wire::{self, Malformed};

// Field numbers of `Resource`.
const CONTENT: u32 = 2;
const TTL: u32 = 6;

/// Whether `octets`, an element of a response's `resources`, only renews the time of what was sent before.
pub fn is_heartbeat(dialect: Dialect, octets: &[u8]) -> bool {
    let Ok(Some(resource)) = resource(dialect, octets) else {
        return false;
    };
    let has = |number| wire::last_bytes(resource, number).is_ok_and(|found| found.is_some());
    has(TTL) && !has(CONTENT)
}

/// The element without its time.
pub(super) fn without_ttl(dialect: Dialect, octets: Bytes) -> Result<Bytes, Malformed> {
    let Some(resource) = resource(dialect, &octets)? else {
        return Ok(octets);
    };
    if wire::last_bytes(resource, TTL)?.is_none() {
        return Ok(octets);
    }
    let resource = wire::without(resource, &[TTL])?;
    Ok(Bytes::from(match dialect {
        Dialect::Delta => resource,
        Dialect::StateOfTheWorld => wire::replaced(&octets, 2, Some(&resource))?,
    }))
}

/// The `Resource` that the element is, or that is in it.
fn resource(dialect: Dialect, octets: &[u8]) -> Result<Option<&[u8]>, Malformed> {
    match dialect {
        Dialect::Delta => Ok(Some(octets)),
        Dialect::StateOfTheWorld if type_name(wire::text(octets, 1)?) == RESOURCE => {
            Ok(Some(wire::last_bytes(octets, 2)?.unwrap_or_default()))
        }
        Dialect::StateOfTheWorld => Ok(None),
    }
}
