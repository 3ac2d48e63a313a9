//! The Wasm filter's own messages: `Wasm`, `PluginConfig`, `VmConfig` and what holds the code.

use std::borrow::Cow;
use std::path::PathBuf;
use std::time::Duration;

use super::{AGENT_PREFIX, Code, Plugin, RemoteCode};
use crate::wire::{self, Field, Malformed, Value};

// Field numbers of Envoy's protos.
const WASM_CONFIG: u32 = 1;
const PLUGIN_VM_CONFIG: u32 = 3;
const PLUGIN_FAIL_OPEN: u32 = 5;
const PLUGIN_FAILURE_POLICY: u32 = 7;
const VM_CODE: u32 = 3;
const VM_ENVIRONMENT_VARIABLES: u32 = 7;
const ENVIRONMENT_KEY_VALUES: u32 = 2;
const CODE_LOCAL: u32 = 1;
const CODE_REMOTE: u32 = 2;
const LOCAL_FILENAME: u32 = 1;
/// `inline_bytes`, `inline_string`, `environment_variable`.
const LOCAL_INLINE: [u32; 3] = [2, 3, 4];
const REMOTE_HTTP_URI: u32 = 1;
const REMOTE_SHA256: u32 = 2;
const HTTP_URI_URI: u32 = 1;
const HTTP_URI_TIMEOUT: u32 = 3;

/// `UNSPECIFIED` and `FAIL_OPEN` of `FailurePolicy`.
const UNSPECIFIED: u64 = 0;
const FAIL_OPEN: u64 = 3;

/// Reads a `Wasm` message.
pub(super) fn parse(wasm: &[u8]) -> Result<Plugin, Malformed> {
    let plugin = embedded(wasm, WASM_CONFIG)?;
    let vm = embedded(&plugin, PLUGIN_VM_CONFIG)?;
    let policy = wire::varint(&plugin, PLUGIN_FAILURE_POLICY)?;
    let fail_open = wire::varint(&plugin, PLUGIN_FAIL_OPEN)? != 0;
    Ok(Plugin {
        code: code(&vm)?,
        environment: environment(&embedded(&vm, VM_ENVIRONMENT_VARIABLES)?)?,
        fails_open: policy == FAIL_OPEN || (policy == UNSPECIFIED && fail_open),
    })
}

/// The `Wasm` message with the code in the file `path`.
pub(super) fn rewritten(wasm: &[u8], path: &str) -> Result<Vec<u8>, Malformed> {
    let plugin = embedded(wasm, WASM_CONFIG)?;
    let vm = embedded(&plugin, PLUGIN_VM_CONFIG)?;
    let file = wire::message(&[(LOCAL_FILENAME, path.as_bytes())]);
    let code = wire::message(&[(CODE_LOCAL, &file)]);
    let mut vm = wire::replaced(&vm, VM_CODE, Some(&code))?;
    if let Some(environment) = wire::merged(&vm, VM_ENVIRONMENT_VARIABLES)? {
        let environment = without_agents_own(&environment)?;
        let environment = Some(environment.as_slice()).filter(|rest| !rest.is_empty());
        vm = wire::replaced(&vm, VM_ENVIRONMENT_VARIABLES, environment)?;
    }
    let plugin = wire::replaced(&plugin, PLUGIN_VM_CONFIG, Some(&vm))?;
    wire::replaced(wasm, WASM_CONFIG, Some(&plugin))
}

fn embedded(message: &[u8], number: u32) -> Result<Cow<'_, [u8]>, Malformed> {
    Ok(wire::merged(message, number)?.unwrap_or_default())
}

fn environment(variables: &[u8]) -> Result<Vec<(String, String)>, Malformed> {
    wire::all_bytes(variables, ENVIRONMENT_KEY_VALUES)
        .map(|entry| {
            let entry = entry?;
            let value = wire::text(entry, 2)?.to_owned();
            Ok((wire::text(entry, 1)?.to_owned(), value))
        })
        .collect()
}

/// An `EnvironmentVariables` message without what is meant for the agent.
fn without_agents_own(variables: &[u8]) -> Result<Vec<u8>, Malformed> {
    let mut rest = Vec::with_capacity(variables.len());
    for field in wire::fields(variables) {
        let field = field?;
        let is_agents_own = match field {
            Field {
                number: ENVIRONMENT_KEY_VALUES,
                value: Value::Bytes(entry),
                ..
            } => wire::text(entry, 1)?.starts_with(AGENT_PREFIX),
            _ => false,
        };
        if !is_agents_own {
            rest.extend_from_slice(field.raw);
        }
    }
    Ok(rest)
}

/// Reads `VmConfig.code`, an `AsyncDataSource`. Of a oneof, the member that comes last counts; what came for it
/// before another member is forgotten.
fn code(vm: &[u8]) -> Result<Code, Malformed> {
    let source = embedded(vm, VM_CODE)?;
    let mut chosen = None;
    let mut octets = Vec::new();
    for field in wire::fields(&source) {
        if let Field {
            number: number @ (CODE_LOCAL | CODE_REMOTE),
            value: Value::Bytes(value),
            ..
        } = field?
        {
            if chosen.replace(number) != Some(number) {
                octets.clear();
            }
            octets.extend_from_slice(value);
        }
    }
    match chosen {
        Some(CODE_LOCAL) => local(&octets),
        Some(_) => remote(&octets),
        None => Ok(Code::Missing),
    }
}

fn local(source: &[u8]) -> Result<Code, Malformed> {
    let mut code = Code::Missing;
    for field in wire::fields(source) {
        let field = field?;
        let Value::Bytes(value) = field.value else {
            continue;
        };
        if field.number == LOCAL_FILENAME {
            let path = std::str::from_utf8(value).map_err(|_| Malformed::Text)?;
            code = Code::File(PathBuf::from(path));
        } else if LOCAL_INLINE.contains(&field.number) {
            code = if value.is_empty() {
                Code::Missing
            } else {
                Code::Inline
            };
        }
    }
    Ok(code)
}

fn remote(source: &[u8]) -> Result<Code, Malformed> {
    let http_uri = embedded(source, REMOTE_HTTP_URI)?;
    let timeout = wire::merged(&http_uri, HTTP_URI_TIMEOUT)?;
    Ok(Code::Remote(RemoteCode {
        url: wire::text(&http_uri, HTTP_URI_URI)?.to_owned(),
        sha256: wire::text(source, REMOTE_SHA256)?.to_owned(),
        timeout: timeout.as_deref().map(duration).transpose()?.flatten(),
    }))
}

/// A `google.protobuf.Duration`; `None` unless it is positive.
fn duration(message: &[u8]) -> Result<Option<Duration>, Malformed> {
    let seconds = wire::varint(message, 1)?;
    let nanoseconds = u32::try_from(wire::varint(message, 2)?).unwrap_or(0);
    // A negative number has its highest bit set.
    let seconds = i64::try_from(seconds).map_or(0, i64::unsigned_abs);
    let duration = Duration::from_secs(seconds).saturating_add(Duration::from_nanos(u64::from(
        nanoseconds.min(999_999_999),
    )));
    Ok(Some(duration).filter(|duration| !duration.is_zero()))
}
