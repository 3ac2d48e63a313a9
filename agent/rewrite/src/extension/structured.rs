//! The Wasm filter's configuration as a `google.protobuf.Struct`, which Envoy reads as it reads JSON.
//!
//! Keys may be spelled as in the proto (`vm_config`) or in JSON's way (`vmConfig`). A key that is there in both
//! spellings is refused: Envoy could read the one and the agent the other.

use std::borrow::Cow;
use std::path::PathBuf;
use std::time::Duration;

use super::{AGENT_PREFIX, Code, InvalidReason, Plugin, RemoteCode};
use crate::wire::{self, Field, Malformed, Value};

/// Reads the fields of a `Wasm` message.
pub(super) fn parse(wasm: &[u8]) -> Result<Plugin, InvalidReason> {
    let config = object(wasm, "config")?;
    let vm = object(&config, "vm_config")?;
    let environment = object(&vm, "environment_variables")?;
    let policy = member(&config, "failure_policy")?.map(|(_, policy)| policy);
    let fail_open = matches!(member(&config, "fail_open")?, Some((_, Json::Bool(true))));
    Ok(Plugin {
        code: code(&vm)?,
        environment: texts(&object(&environment, "key_values")?)?,
        fails_open: match policy {
            Some(Json::Text(policy)) => {
                policy == "FAIL_OPEN" || (policy == "UNSPECIFIED" && fail_open)
            }
            Some(Json::Number(policy)) => policy == 3.0 || (policy == 0.0 && fail_open),
            _ => fail_open,
        },
    })
}

/// The fields with the code in the file `path`.
pub(super) fn rewritten(wasm: &[u8], path: &str) -> Result<Vec<u8>, InvalidReason> {
    let config = object(wasm, "config")?;
    let vm = object(&config, "vm_config")?;
    let file = with_member(
        &[],
        "filename",
        &wire::message(&[(VALUE_STRING, path.as_bytes())]),
    )?;
    let code = with_member(&[], "local", &struct_value(&file))?;
    let mut vm = with_member(&vm, "code", &struct_value(&code))?;
    if let Some((spelling, Json::Object(environment))) = member(&vm, "environment_variables")? {
        vm = match without_agents_own(&environment)? {
            rest if rest.is_empty() => without_member(&vm, spelling)?,
            rest => with_member(&vm, spelling, &struct_value(&rest))?,
        };
    }
    let spelling = member(&config, "vm_config")?.map_or("vm_config", |(spelling, _)| spelling);
    let config = with_member(&config, spelling, &struct_value(&vm))?;
    Ok(with_member(wasm, "config", &struct_value(&config))?)
}

fn code(vm: &[u8]) -> Result<Code, InvalidReason> {
    let code = object(vm, "code")?;
    let local = member(&code, "local")?;
    let Some((_, remote)) = member(&code, "remote")? else {
        return match local {
            Some((_, Json::Object(source))) => file_or_inline(&source),
            Some(_) => Err(InvalidReason::Ambiguous("local")),
            None => Ok(Code::Missing),
        };
    };
    let Json::Object(source) = remote else {
        return Err(InvalidReason::Ambiguous("remote"));
    };
    if local.is_some() {
        return Err(InvalidReason::Ambiguous("code"));
    }
    let http_uri = object(&source, "http_uri")?;
    Ok(Code::Remote(RemoteCode {
        url: string(&http_uri, "uri")?,
        sha256: string(&source, "sha256")?,
        timeout: seconds(&string(&http_uri, "timeout")?),
    }))
}

fn file_or_inline(source: &[u8]) -> Result<Code, InvalidReason> {
    let mut code = Code::Missing;
    for inline in ["inline_bytes", "inline_string", "environment_variable"] {
        if !string(source, inline)?.is_empty() {
            code = Code::Inline;
        }
    }
    match (string(source, "filename")?, code) {
        (path, code) if path.is_empty() => Ok(code),
        (path, Code::Missing) => Ok(Code::File(PathBuf::from(path))),
        _ => Err(InvalidReason::Ambiguous("local")),
    }
}

/// `1.5s`, as JSON has durations; `None` unless it is positive.
fn seconds(text: &str) -> Option<Duration> {
    let seconds: f64 = text.strip_suffix('s')?.parse().ok()?;
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|duration| !duration.is_zero())
}

/// An `environment_variables` without what is meant for the agent; empty if nothing is left.
fn without_agents_own(environment: &[u8]) -> Result<Vec<u8>, InvalidReason> {
    let Some((spelling, Json::Object(variables))) = member(environment, "key_values")? else {
        return Ok(environment.to_vec());
    };
    let mut rest = Vec::with_capacity(variables.len());
    for field in wire::fields(&variables) {
        let field = field?;
        let is_agents_own = match field {
            Field {
                number: STRUCT_FIELDS,
                value: Value::Bytes(entry),
                ..
            } => wire::text(entry, 1)?.starts_with(AGENT_PREFIX),
            _ => false,
        };
        if !is_agents_own {
            rest.extend_from_slice(field.raw);
        }
    }
    if rest.is_empty() {
        Ok(without_member(environment, spelling)?)
    } else {
        Ok(with_member(environment, spelling, &struct_value(&rest))?)
    }
}

// Field numbers of `google.protobuf.Struct`, of the entries of its map, and of `Value`.
const STRUCT_FIELDS: u32 = 1;
const ENTRY_KEY: u32 = 1;
const ENTRY_VALUE: u32 = 2;
const VALUE_NULL: u32 = 1;
const VALUE_NUMBER: u32 = 2;
const VALUE_STRING: u32 = 3;
const VALUE_BOOL: u32 = 4;
const VALUE_STRUCT: u32 = 5;
const VALUE_LIST: u32 = 6;

/// A `google.protobuf.Value`, as far as it matters here.
#[derive(Clone, Debug, PartialEq)]
enum Json {
    Number(f64),
    Text(String),
    Bool(bool),
    Object(Vec<u8>),
    List,
}

impl Json {
    /// `None` is null, which counts as missing wherever Envoy reads a message. Of the oneof, the member that comes
    /// last counts, and objects in a row are merged.
    fn parse(value: &[u8]) -> Result<Option<Self>, Malformed> {
        let mut json = None;
        for field in wire::fields(value) {
            let Field { number, value, raw } = field?;
            json = match (number, value, json) {
                (VALUE_NULL, Value::Varint(_), _) => None,
                (VALUE_NUMBER, Value::Other, json) => raw
                    .last_chunk()
                    .filter(|_| raw.len() == 9)
                    .map(|octets| Self::Number(f64::from_le_bytes(*octets)))
                    .or(json),
                (VALUE_STRING, Value::Bytes(text), _) => {
                    let text = std::str::from_utf8(text).map_err(|_| Malformed::Text)?;
                    Some(Self::Text(text.to_owned()))
                }
                (VALUE_BOOL, Value::Varint(value), _) => Some(Self::Bool(value != 0)),
                (VALUE_STRUCT, Value::Bytes(more), Some(Self::Object(mut fields))) => {
                    fields.extend_from_slice(more);
                    Some(Self::Object(fields))
                }
                (VALUE_STRUCT, Value::Bytes(fields), _) => Some(Self::Object(fields.to_vec())),
                (VALUE_LIST, Value::Bytes(_), _) => Some(Self::List),
                (_, _, json) => json,
            };
        }
        Ok(json)
    }
}

/// The member of an object that Envoy reads as the field `name`, and how it is spelled. Null counts as missing.
fn member(
    object: &[u8],
    name: &'static str,
) -> Result<Option<(&'static str, Json)>, InvalidReason> {
    let camel_case = camel_case(name);
    let mut found: Option<(bool, Cow<'_, [u8]>)> = None;
    for entry in wire::all_bytes(object, STRUCT_FIELDS) {
        let entry = entry?;
        let key = wire::text(entry, ENTRY_KEY)?;
        let is_camel_case = key != name;
        if is_camel_case && key != camel_case {
            continue;
        }
        if found
            .as_ref()
            .is_some_and(|(before, _)| *before != is_camel_case)
        {
            return Err(InvalidReason::Ambiguous(name));
        }
        found = Some((
            is_camel_case,
            wire::merged(entry, ENTRY_VALUE)?.unwrap_or_default(),
        ));
    }
    let Some((is_camel_case, value)) = found else {
        return Ok(None);
    };
    let spelling = if is_camel_case { camel_case } else { name };
    Ok(Json::parse(&value)?.map(|json| (spelling, json)))
}

/// JSON's spelling of the names in use here.
fn camel_case(name: &'static str) -> &'static str {
    match name {
        "vm_config" => "vmConfig",
        "environment_variables" => "environmentVariables",
        "key_values" => "keyValues",
        "failure_policy" => "failurePolicy",
        "fail_open" => "failOpen",
        "http_uri" => "httpUri",
        "inline_bytes" => "inlineBytes",
        "inline_string" => "inlineString",
        "environment_variable" => "environmentVariable",
        name => name,
    }
}

/// The text of the member `key`, spelled just so, if it has one.
pub(super) fn text_of(object: &[u8], key: &str) -> Option<String> {
    let mut text = None;
    for entry in wire::all_bytes(object, STRUCT_FIELDS) {
        let entry = entry.ok()?;
        if wire::text(entry, ENTRY_KEY).is_ok_and(|found| found == key) {
            let value = wire::merged(entry, ENTRY_VALUE).ok()?.unwrap_or_default();
            text = match Json::parse(&value) {
                Ok(Some(Json::Text(text))) => Some(text),
                _ => None,
            };
        }
    }
    text
}

/// The object that a member holds; empty if it is missing.
pub(super) fn object(fields: &[u8], name: &'static str) -> Result<Vec<u8>, InvalidReason> {
    match member(fields, name)? {
        None => Ok(Vec::new()),
        Some((_, Json::Object(fields))) => Ok(fields),
        Some(_) => Err(InvalidReason::Ambiguous(name)),
    }
}

/// The text that a member holds; empty if it is missing.
fn string(fields: &[u8], name: &'static str) -> Result<String, InvalidReason> {
    match member(fields, name)? {
        None => Ok(String::new()),
        Some((_, Json::Text(text))) => Ok(text),
        Some(_) => Err(InvalidReason::Ambiguous(name)),
    }
}

/// All members of an object that are texts.
fn texts(object: &[u8]) -> Result<Vec<(String, String)>, InvalidReason> {
    let mut texts = Vec::new();
    for entry in wire::all_bytes(object, STRUCT_FIELDS) {
        let entry = entry?;
        let value = wire::merged(entry, ENTRY_VALUE)?.unwrap_or_default();
        if let Some(Json::Text(text)) = Json::parse(&value)? {
            texts.push((wire::text(entry, ENTRY_KEY)?.to_owned(), text));
        }
    }
    Ok(texts)
}

fn struct_value(fields: &[u8]) -> Vec<u8> {
    wire::message(&[(VALUE_STRUCT, fields)])
}

/// The object with `value` as the only member `key`, at the place of the first.
fn with_member(object: &[u8], key: &str, value: &[u8]) -> Result<Vec<u8>, Malformed> {
    let entry = wire::message(&[(ENTRY_KEY, key.as_bytes()), (ENTRY_VALUE, value)]);
    edited(object, key, Some(&entry))
}

/// The object without the member `key`.
fn without_member(object: &[u8], key: &str) -> Result<Vec<u8>, Malformed> {
    edited(object, key, None)
}

fn edited(object: &[u8], key: &str, entry: Option<&[u8]>) -> Result<Vec<u8>, Malformed> {
    let mut result = Vec::with_capacity(object.len() + entry.map_or(0, <[u8]>::len));
    let mut entry = entry;
    for field in wire::fields(object) {
        let field = field?;
        let is_member = match field {
            Field {
                number: STRUCT_FIELDS,
                value: Value::Bytes(entry),
                ..
            } => wire::text(entry, ENTRY_KEY)? == key,
            _ => false,
        };
        if !is_member {
            result.extend_from_slice(field.raw);
        } else if let Some(entry) = entry.take() {
            wire::put_bytes(&mut result, STRUCT_FIELDS, entry);
        }
    }
    if let Some(entry) = entry {
        wire::put_bytes(&mut result, STRUCT_FIELDS, entry);
    }
    Ok(result)
}
