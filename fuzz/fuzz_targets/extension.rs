//! Any extension configuration: no remote code that another reader of protobuf finds passes the
//! agent, and nothing but the code and the agent's own variables changes.
//!
//! The first octet of the input chooses the dialect.

#![no_main]

use std::path::Path;

use bytes::Bytes;
use ecds_rewrite::discovery::{Dialect, type_name};
use ecds_rewrite::extension::{Extension, Need};
use libfuzzer_sys::fuzz_target;
use prost::Message;
use prost_types::value::Kind;
use prost_types::{Any, Struct, Value};

const FILE: &str = "/cache/module.wasm";
const AGENTS_OWN: &str = "ISTIO_META_";

fuzz_target!(|input: &[u8]| {
    let Some((first, octets)) = input.split_first() else {
        return;
    };
    let dialect = match first % 2 {
        0 => Dialect::StateOfTheWorld,
        _ => Dialect::Delta,
    };
    let Ok(extension) = Extension::parse(dialect, Bytes::copy_from_slice(octets)) else {
        return;
    };
    match &extension.need {
        Need::Nothing => assert!(
            !matches!(code(dialect, octets), Some(Code::Remote | Code::File(_))),
            "code passes unseen"
        ),
        Need::LocalFile(path) => {
            if let Some(code) = code(dialect, octets) {
                let path = path.to_str().unwrap_or_default().to_owned();
                assert_eq!(code, Code::File(path), "another file passes");
            }
        }
        Need::Module(module) => {
            let Ok(local) = extension.with_local_code(Path::new(FILE)) else {
                // It is refused, as Envoy would do.
                return assert!(filter(dialect, octets).is_none(), "it could be rewritten");
            };
            if let Some(before) = filter(dialect, octets) {
                let after = filter(dialect, &local).expect("it stays readable");
                assert_eq!(after.code(), Some(Code::File(FILE.to_owned())));
                assert_eq!(before.without_code(), after.without_code());
            }
            let fallback = extension.with_fallback(module);
            let fallback = fallback.expect("what was read can be replaced");
            assert!(filter(dialect, &fallback).is_none(), "it is still Wasm");
        }
    }
});

/// Where code comes from.
#[derive(Debug, PartialEq)]
enum Code {
    Remote,
    File(String),
    Inline,
}

/// A Wasm filter's configuration, with its name.
#[derive(Clone, Debug, PartialEq)]
enum Filter {
    Direct(String, Box<Wasm>),
    Structured(String, Struct),
}

fn code(dialect: Dialect, octets: &[u8]) -> Option<Code> {
    filter(dialect, octets)?.code()
}

/// What Envoy's protos make of a resource; `None` if they refuse it or it is no Wasm filter.
fn filter(dialect: Dialect, octets: &[u8]) -> Option<Filter> {
    let any = match dialect {
        Dialect::Delta => Resource::decode(octets).ok()?.resource?,
        Dialect::StateOfTheWorld => {
            let any = Any::decode(octets).ok()?;
            match type_name(&any.type_url) {
                "envoy.service.discovery.v3.Resource" => {
                    Resource::decode(&*any.value).ok()?.resource?
                }
                _ => any,
            }
        }
    };
    if type_name(&any.type_url) != "envoy.config.core.v3.TypedExtensionConfig" {
        return None;
    }
    let config = TypedExtensionConfig::decode(&*any.value).ok()?;
    let filter = config.typed_config?;
    match type_name(&filter.type_url) {
        "udpa.type.v1.TypedStruct" | "xds.type.v3.TypedStruct" => {
            let typed_struct = TypedStruct::decode(&*filter.value).ok()?;
            is_wasm(&typed_struct.type_url)
                .then(|| Filter::Structured(config.name, typed_struct.value.unwrap_or_default()))
        }
        _ if is_wasm(&filter.type_url) => {
            let wasm = Wasm::decode(&*filter.value).ok()?;
            Some(Filter::Direct(config.name, Box::new(wasm)))
        }
        _ => None,
    }
}

fn is_wasm(type_url: &str) -> bool {
    [
        "envoy.extensions.filters.http.wasm.v3.Wasm",
        "envoy.extensions.filters.network.wasm.v3.Wasm",
    ]
    .contains(&type_name(type_url))
}

impl Filter {
    fn code(&self) -> Option<Code> {
        match self {
            Self::Direct(_, wasm) => {
                let vm = wasm.config.as_ref()?.vm_config.as_ref()?;
                match vm.code.as_ref()?.specifier.as_ref()? {
                    source::Specifier::Remote(_) => Some(Code::Remote),
                    source::Specifier::Local(local) => match local.specifier.as_ref()? {
                        data::Specifier::Filename(file) => Some(Code::File(file.clone())),
                        _ => Some(Code::Inline),
                    },
                }
            }
            Self::Structured(_, fields) => {
                let vm = member(member(fields, "config")?, "vm_config")?;
                let code = member(vm, "code")?;
                if member(code, "remote").is_some() {
                    return Some(Code::Remote);
                }
                let local = member(code, "local")?;
                match text(local, "filename") {
                    Some(file) if !file.is_empty() => Some(Code::File(file.to_owned())),
                    _ => Some(Code::Inline),
                }
            }
        }
    }

    /// The same without what the agent may change.
    fn without_code(mut self) -> Self {
        match &mut self {
            Self::Direct(_, wasm) => {
                let vm = wasm
                    .config
                    .as_mut()
                    .and_then(|plugin| plugin.vm_config.as_mut());
                if let Some(vm) = vm {
                    vm.code = None;
                    if let Some(variables) = &mut vm.environment_variables {
                        variables
                            .key_values
                            .retain(|key, _| !key.starts_with(AGENTS_OWN));
                    }
                    let is_empty =
                        vm.environment_variables == Some(EnvironmentVariables::default());
                    vm.environment_variables.take_if(|_| is_empty);
                }
            }
            Self::Structured(_, fields) => {
                let vm =
                    member_mut(fields, "config").and_then(|plugin| member_mut(plugin, "vm_config"));
                if let Some(vm) = vm {
                    vm.fields.remove("code");
                    without_agents_own(vm);
                }
            }
        }
        self
    }
}

/// An object that is a member; JSON has two spellings of its name.
fn member<'a>(object: &'a Struct, name: &str) -> Option<&'a Struct> {
    let value = object
        .fields
        .get(name)
        .or_else(|| object.fields.get(&camel_case(name)))?;
    match value.kind.as_ref()? {
        Kind::StructValue(object) => Some(object),
        _ => None,
    }
}

fn member_mut<'a>(object: &'a mut Struct, name: &str) -> Option<&'a mut Struct> {
    let key = if object.fields.contains_key(name) {
        name.to_owned()
    } else {
        camel_case(name)
    };
    match object.fields.get_mut(&key)?.kind.as_mut()? {
        Kind::StructValue(object) => Some(object),
        _ => None,
    }
}

fn text<'a>(object: &'a Struct, name: &str) -> Option<&'a str> {
    match object.fields.get(name)?.kind.as_ref()? {
        Kind::StringValue(text) => Some(text),
        _ => None,
    }
}

fn without_agents_own(vm: &mut Struct) {
    let Some(variables) = member_mut(vm, "environment_variables") else {
        return;
    };
    if let Some(values) = member_mut(variables, "key_values") {
        values.fields.retain(|key, _| !key.starts_with(AGENTS_OWN));
    }
    let is_empty = |value: &Value| matches!(&value.kind, Some(Kind::StructValue(object)) if object.fields.is_empty());
    variables.fields.retain(|_, value| !is_empty(value));
    vm.fields
        .retain(|key, value| !(key.starts_with("environment") && is_empty(value)));
}

fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        name + &word[..1].to_uppercase() + &word[1..]
    })
}

// Envoy's messages, as far as they matter here.

#[derive(Clone, PartialEq, Message)]
struct Resource {
    #[prost(message, optional, tag = "2")]
    resource: Option<Any>,
}

#[derive(Clone, PartialEq, Message)]
struct TypedExtensionConfig {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, optional, tag = "2")]
    typed_config: Option<Any>,
}

#[derive(Clone, PartialEq, Message)]
struct TypedStruct {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(message, optional, tag = "2")]
    value: Option<Struct>,
}

#[derive(Clone, PartialEq, Message)]
struct Wasm {
    #[prost(message, optional, tag = "1")]
    config: Option<PluginConfig>,
}

#[derive(Clone, PartialEq, Message)]
struct PluginConfig {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    root_id: String,
    #[prost(message, optional, tag = "3")]
    vm_config: Option<VmConfig>,
    #[prost(message, optional, tag = "4")]
    configuration: Option<Any>,
    #[prost(bool, tag = "5")]
    fail_open: bool,
    #[prost(int32, tag = "7")]
    failure_policy: i32,
}

#[derive(Clone, PartialEq, Message)]
struct VmConfig {
    #[prost(string, tag = "1")]
    vm_id: String,
    #[prost(string, tag = "2")]
    runtime: String,
    #[prost(message, optional, tag = "3")]
    code: Option<AsyncDataSource>,
    #[prost(message, optional, tag = "4")]
    configuration: Option<Any>,
    #[prost(message, optional, tag = "7")]
    environment_variables: Option<EnvironmentVariables>,
    #[prost(message, optional, tag = "8")]
    capability_restriction: Option<Struct>,
}

#[derive(Clone, PartialEq, Message)]
struct EnvironmentVariables {
    #[prost(string, repeated, tag = "1")]
    host_env_keys: Vec<String>,
    #[prost(btree_map = "string, string", tag = "2")]
    key_values: std::collections::BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, Message)]
struct AsyncDataSource {
    #[prost(oneof = "source::Specifier", tags = "1, 2")]
    specifier: Option<source::Specifier>,
}

mod source {
    #[derive(Clone, PartialEq, prost::Oneof)]
    pub(super) enum Specifier {
        #[prost(message, tag = "1")]
        Local(super::DataSource),
        #[prost(message, tag = "2")]
        Remote(super::RemoteDataSource),
    }
}

#[derive(Clone, PartialEq, Message)]
struct DataSource {
    #[prost(oneof = "data::Specifier", tags = "1, 2, 3, 4")]
    specifier: Option<data::Specifier>,
}

mod data {
    #[derive(Clone, PartialEq, prost::Oneof)]
    pub(super) enum Specifier {
        #[prost(string, tag = "1")]
        Filename(String),
        #[prost(bytes, tag = "2")]
        InlineBytes(Vec<u8>),
        #[prost(string, tag = "3")]
        InlineString(String),
        #[prost(string, tag = "4")]
        EnvironmentVariable(String),
    }
}

#[derive(Clone, PartialEq, Message)]
struct RemoteDataSource {
    #[prost(string, tag = "2")]
    sha256: String,
}
