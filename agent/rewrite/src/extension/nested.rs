//! Wasm filters inside another filter's configuration, such as behind a matcher or in a composite filter.
//!
//! They are not rewritten. With remote code they would open the door as an outer one does, so that the extension
//! configuration is refused. What a field means need not be known for that: whatever has the form of an `Any` with a
//! Wasm filter counts as one, and what is no message holds none.

use super::{Code, InvalidReason, TYPED_STRUCTS, WasmFilter, direct, layer, structured};
use crate::discovery::type_name;
use crate::wire::{Value, fields};

/// As deep as Envoy's own parser reads messages.
const MAX_DEPTH: u32 = 100;

/// Refuses remote code in a Wasm filter anywhere in `message`.
pub(super) fn refuse_remote_code(message: &[u8]) -> Result<(), InvalidReason> {
    look_into(message, MAX_DEPTH)
}

fn look_into(message: &[u8], depth: u32) -> Result<(), InvalidReason> {
    for field in fields(message) {
        // A text, or something that Envoy cannot read either.
        let Ok(field) = field else { return Ok(()) };
        let Value::Bytes(value) = field.value else {
            continue;
        };
        if has_remote_code(value)? {
            return Err(InvalidReason::NestedRemoteCode);
        }
        if depth > 0 {
            look_into(value, depth - 1)?;
        }
    }
    Ok(())
}

/// Whether `message` is a Wasm filter with remote code: an `Any`, or a `Struct` that stands for one.
fn has_remote_code(message: &[u8]) -> Result<bool, InvalidReason> {
    let plugin = match WasmFilter::parse(message) {
        Ok(Some(WasmFilter::Direct(_, value))) => direct::parse(value)?,
        Ok(Some(WasmFilter::Structured(_, _, fields))) => structured::parse(&fields)?,
        Ok(None) | Err(_) => match filter_in_json(message) {
            Some(fields) => structured::parse(&fields)?,
            None => return Ok(false),
        },
    };
    Ok(matches!(plugin.code, Code::Remote(_)))
}

/// The fields of a Wasm filter that JSON has as `{"@type": …}`.
fn filter_in_json(object: &[u8]) -> Option<Vec<u8>> {
    let of_type = |key| structured::text_of(object, key);
    let outer = of_type("@type")?;
    if layer(type_name(&outer)).is_some() {
        return Some(object.to_vec());
    }
    let is_wrapped = TYPED_STRUCTS.contains(&type_name(&outer));
    let inner = of_type("type_url").or_else(|| of_type("typeUrl"))?;
    if !is_wrapped || layer(type_name(&inner)).is_none() {
        return None;
    }
    structured::object(object, "value").ok()
}
