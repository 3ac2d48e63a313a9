//! Extension configurations, and what becomes of them.

use std::path::Path;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::discovery::{Dialect, EXTENSION_CONFIG_URL};
use crate::extension::{Extension, InvalidExtension, InvalidReason, Need, RemoteModule};
use crate::wire::{self, message, put_bytes, put_varint};

pub(super) const HTTP_URL: &str = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";
pub(super) const NETWORK_URL: &str =
    "type.googleapis.com/envoy.extensions.filters.network.wasm.v3.Wasm";
pub(super) const URL: &[u8] = b"http://a/m.wasm";
pub(super) const FILE: &str = "/cache/m.wasm";

pub(super) fn any(type_url: &str, value: &[u8]) -> Vec<u8> {
    message(&[(1, type_url.as_bytes()), (2, value)])
}

pub(super) fn remote() -> Vec<u8> {
    let http_uri = message(&[(1, URL), (3, &[0x08, 0x07])]);
    message(&[(2, &message(&[(1, &http_uri), (2, b"ABcd")]))])
}

pub(super) fn local() -> Vec<u8> {
    message(&[(1, &message(&[(1, FILE.as_bytes())]))])
}

pub(super) fn inline() -> Vec<u8> {
    message(&[(1, &message(&[(2, b"\0asm")]))])
}

/// A `Wasm` with these fields of `VmConfig` and unknown ones at every level.
pub(super) fn wasm(vm_fields: &[(u32, &[u8])]) -> Vec<u8> {
    let mut vm = message(&[(1, b"id"), (2, b"v8")]);
    vm.extend(message(vm_fields));
    vm.extend(message(&[(8, b"sandbox"), (2000, b"unknown")]));
    let mut plugin = message(&[(1, b"name"), (3, &vm)]);
    put_varint(&mut plugin, 7, 3);
    message(&[(2000, b"first"), (1, &plugin), (2001, b"last")])
}

pub(super) fn extension(typed_config: &[u8]) -> Vec<u8> {
    let config = message(&[(1, b"lab"), (2, typed_config), (99, b"unknown")]);
    any(EXTENSION_CONFIG_URL, &config)
}

pub(super) fn parse(octets: &[u8]) -> Result<Extension, InvalidExtension> {
    Extension::parse(Dialect::StateOfTheWorld, Bytes::copy_from_slice(octets))
}

pub(super) fn rewritten(octets: &[u8]) -> Vec<u8> {
    parse(octets)
        .unwrap()
        .with_local_code(Path::new(FILE))
        .unwrap()
}

pub(super) fn reason(octets: &[u8]) -> InvalidReason {
    parse(octets).map(|_| ()).unwrap_err().reason
}

pub(super) fn module(octets: &[u8]) -> RemoteModule {
    match parse(octets).unwrap().need {
        Need::Module(module) => *module,
        Need::Nothing => panic!("it needs nothing"),
        Need::LocalFile(path) => panic!("it needs {}", path.display()),
    }
}

pub(super) fn needs_nothing(octets: &[u8]) -> bool {
    matches!(parse(octets).unwrap().need, Need::Nothing)
}

pub(super) fn structure(value: &Value) -> Vec<u8> {
    let mut fields = Vec::new();
    for (key, value) in value.as_object().unwrap() {
        put_bytes(
            &mut fields,
            1,
            &message(&[(1, key.as_bytes()), (2, &json_value(value))]),
        );
    }
    fields
}

pub(super) fn json_value(value: &Value) -> Vec<u8> {
    match value {
        Value::Null => vec![0x08, 0x00],
        Value::String(text) => message(&[(3, text.as_bytes())]),
        Value::Bool(value) => vec![0x20, u8::from(*value)],
        Value::Object(_) => message(&[(5, &structure(value))]),
        Value::Number(number) => {
            let mut message = Vec::new();
            wire::put_double(&mut message, 2, number.as_f64().unwrap());
            message
        }
        Value::Array(values) => {
            let mut list = Vec::new();
            for value in values {
                put_bytes(&mut list, 1, &json_value(value));
            }
            message(&[(6, &list)])
        }
    }
}

pub(super) fn typed_struct(outer: &str, value: &Value) -> Vec<u8> {
    let outer = format!("type.googleapis.com/{outer}");
    let value = structure(value);
    any(
        &outer,
        &message(&[(1, HTTP_URL.as_bytes()), (2, &value), (77, b"unknown")]),
    )
}

pub(super) fn json_wasm(code: &Value) -> Value {
    json!({"config": {"name": "n", "fail_open": true, "vm_config": {"vm_id": "x", "code": code}, "new_field": 1}})
}

pub(super) fn json_remote() -> Value {
    json!({"remote": {"http_uri": {"uri": "http://a/m.wasm", "timeout": "7s"}, "sha256": "ABcd"}})
}
