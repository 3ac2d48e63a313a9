//! One extension configuration: what it needs before Envoy may see it, and how it is rewritten.
//!
//! Only the octets of `code` and the agent's own environment variables change. Everything else, known to the agent
//! or not, stays: fields that Envoy's protos have and the agent's lack must not get lost.

mod direct;
mod lifetime;
mod nested;
mod rbac;
mod structured;

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;

use crate::discovery::{Dialect, EXTENSION_CONFIG, RESOURCE, type_name};
use crate::module_request::{ModuleRequest, PullPolicy};
use crate::wire::{self, Malformed};
pub use lifetime::is_heartbeat;

const HTTP_WASM: &str = "envoy.extensions.filters.http.wasm.v3.Wasm";
const NETWORK_WASM: &str = "envoy.extensions.filters.network.wasm.v3.Wasm";
const TYPED_STRUCTS: [&str; 2] = ["udpa.type.v1.TypedStruct", "xds.type.v3.TypedStruct"];

/// The environment variables that are meant for the agent.
const AGENT_PREFIX: &str = "ISTIO_META_";
const PULL_SECRET: &str = "ISTIO_META_WASM_IMAGE_PULL_SECRET";
const PULL_POLICY: &str = "ISTIO_META_WASM_IMAGE_PULL_POLICY";
const RESOURCE_VERSION: &str = "ISTIO_META_WASM_PLUGIN_RESOURCE_VERSION";

/// An extension configuration as a server sent it.
#[derive(Clone)]
pub struct Extension {
    /// Its name, under which Envoy subscribes to it.
    pub name: String,
    /// Delta: its version.
    pub version: String,
    /// What it needs before Envoy may see it.
    pub need: Need,
    dialect: Dialect,
    octets: Bytes,
}

/// What an extension configuration needs before Envoy may see it.
#[derive(Clone)]
pub enum Need {
    /// Nothing: it has no code from elsewhere.
    Nothing,
    /// That this file is a module.
    LocalFile(PathBuf),
    /// A module.
    Module(Box<RemoteModule>),
}

/// Remote code in an extension configuration.
#[derive(Clone)]
pub struct RemoteModule {
    /// What to fetch. `None`: the resource does not say from where.
    pub request: Option<ModuleRequest>,
    /// Whether requests may pass without the filter.
    pub fails_open: bool,
    layer: Layer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layer {
    Http,
    Network,
}

/// An extension configuration that Envoy must not see.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {reason}", name.as_deref().unwrap_or("resource without a readable name"))]
pub struct InvalidExtension {
    /// Its name, if that can be read.
    pub name: Option<String>,
    /// What is wrong with it.
    pub reason: InvalidReason,
}

/// What is wrong with an extension configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidReason {
    /// It is no protobuf.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// It is something else.
    #[error("`{0}` is no extension configuration")]
    OtherType(String),
    /// It has no name.
    #[error("an extension configuration needs a name")]
    NoName,
    /// The name outside is another than that inside.
    #[error("the extension configuration inside is called `{0}`")]
    OtherName(String),
    /// It has no configuration.
    #[error("`typed_config` is missing")]
    NoTypedConfig,
    /// It has neither remote nor local code.
    #[error("no remote and no local code in `vm_config.code`")]
    NoCode,
    /// A key is there in both of its spellings, or as something that it cannot be.
    #[error("`{0}` is ambiguous")]
    Ambiguous(&'static str),
    /// Another filter holds a Wasm filter with remote code.
    #[error(
        "a Wasm filter with remote code inside another filter: only one that stands alone is fetched"
    )]
    NestedRemoteCode,
    /// It is there more than once, or is to be removed at the same time.
    #[error("the response names it more than once")]
    Repeated,
    /// The pull secret could not be had.
    #[error("missing image pulling secret")]
    NoPullSecret,
}

impl Extension {
    /// Reads `octets`, an element of a response's `resources`.
    pub fn parse(dialect: Dialect, octets: Bytes) -> Result<Self, InvalidExtension> {
        let unnamed = |reason| InvalidExtension { name: None, reason };
        let octets =
            lifetime::without_ttl(dialect, octets).map_err(|error| unnamed(error.into()))?;
        let opened = Opened::parse(dialect, &octets).map_err(unnamed)?;
        let name = opened.name().map_err(unnamed)?;
        let of_this = |reason| InvalidExtension {
            name: Some(name.clone()),
            reason,
        };
        let need = need(&opened.typed_config().map_err(of_this)?).map_err(of_this)?;
        let version = opened.version().map_err(|error| of_this(error.into()))?;
        Ok(Self {
            need,
            version,
            name,
            dialect,
            octets,
        })
    }

    /// As the server sent it, but for its TTL.
    pub fn octets(&self) -> &Bytes {
        &self.octets
    }

    /// With the module at `path` in place of remote code.
    pub fn with_local_code(&self, path: &Path) -> Result<Vec<u8>, InvalidReason> {
        let opened = Opened::parse(self.dialect, &self.octets)?;
        let filter = opened.typed_config()?;
        // The agent's cache has UTF-8 paths: anything else cannot be named in protobuf.
        let path = path.to_str().ok_or(Malformed::Text)?;
        Ok(opened.close(&rewritten(&filter, path)?)?)
    }

    /// With a filter in place of the Wasm one that lets all or nothing pass, as its failure policy says.
    pub fn with_fallback(&self, module: &RemoteModule) -> Result<Vec<u8>, InvalidReason> {
        let opened = Opened::parse(self.dialect, &self.octets)?;
        let fallback = match module.layer {
            Layer::Http => rbac::http(module.fails_open),
            Layer::Network => rbac::network(module.fails_open),
        };
        Ok(opened.close(&fallback)?)
    }
}

/// The messages around a filter's configuration, from the outside to the inside.
struct Opened<'a> {
    /// An `Any` with a `Resource`, in state-of-the-world.
    wrapper: Option<&'a [u8]>,
    /// A `Resource`.
    resource: Option<Cow<'a, [u8]>>,
    /// An `Any` with the extension configuration.
    any: Cow<'a, [u8]>,
}

impl<'a> Opened<'a> {
    fn parse(dialect: Dialect, octets: &'a [u8]) -> Result<Self, InvalidReason> {
        let (wrapper, resource) = match dialect {
            Dialect::Delta => (None, Cow::Borrowed(octets)),
            Dialect::StateOfTheWorld if type_name(wire::text(octets, 1)?) == RESOURCE => {
                let resource = wire::last_bytes(octets, 2)?.unwrap_or_default();
                (Some(octets), Cow::Borrowed(resource))
            }
            Dialect::StateOfTheWorld => return Self::with_any(None, None, Cow::Borrowed(octets)),
        };
        let any = wire::merged(&resource, 2)?.map_or_else(Vec::new, Cow::into_owned);
        Self::with_any(wrapper, Some(resource), Cow::Owned(any))
    }

    fn with_any(
        wrapper: Option<&'a [u8]>,
        resource: Option<Cow<'a, [u8]>>,
        any: Cow<'a, [u8]>,
    ) -> Result<Self, InvalidReason> {
        let found = type_name(wire::text(&any, 1)?);
        if found != EXTENSION_CONFIG {
            return Err(InvalidReason::OtherType(found.to_owned()));
        }
        // Reads all fields once, so that later steps cannot meet a malformed one.
        wire::last_bytes(&any, 2)?;
        Ok(Self {
            wrapper,
            resource,
            any,
        })
    }

    /// The `TypedExtensionConfig`.
    fn config(&self) -> Result<&[u8], Malformed> {
        Ok(wire::last_bytes(&self.any, 2)?.unwrap_or_default())
    }

    fn name(&self) -> Result<String, InvalidReason> {
        let inner = wire::text(self.config()?, 1)?;
        let outer = match &self.resource {
            Some(resource) => wire::text(resource, 3)?,
            None => inner,
        };
        match (outer, inner) {
            ("", _) | (_, "") => Err(InvalidReason::NoName),
            _ if outer != inner => Err(InvalidReason::OtherName(inner.to_owned())),
            _ => Ok(inner.to_owned()),
        }
    }

    fn version(&self) -> Result<String, Malformed> {
        let version = self
            .resource
            .as_deref()
            .map(|resource| wire::text(resource, 1));
        Ok(version.transpose()?.unwrap_or_default().to_owned())
    }

    /// The `Any` with the filter's configuration.
    fn typed_config(&self) -> Result<Cow<'_, [u8]>, InvalidReason> {
        wire::merged(self.config()?, 2)?.ok_or(InvalidReason::NoTypedConfig)
    }

    /// All of it, with another filter configuration.
    fn close(&self, typed_config: &[u8]) -> Result<Vec<u8>, Malformed> {
        let config = wire::replaced(self.config()?, 2, Some(typed_config))?;
        let any = wire::replaced(&self.any, 2, Some(&config))?;
        let Some(resource) = &self.resource else {
            return Ok(any);
        };
        let resource = wire::replaced(resource, 2, Some(&any))?;
        match self.wrapper {
            Some(wrapper) => wire::replaced(wrapper, 2, Some(&resource)),
            None => Ok(resource),
        }
    }
}

/// A Wasm filter's configuration in one of its encodings.
enum WasmFilter<'a> {
    /// The message itself.
    Direct(Layer, &'a [u8]),
    /// A `TypedStruct`, and the `Struct` in it.
    Structured(Layer, &'a [u8], Cow<'a, [u8]>),
}

impl<'a> WasmFilter<'a> {
    /// `None` if it is another filter.
    fn parse(typed_config: &'a [u8]) -> Result<Option<Self>, InvalidReason> {
        let name = type_name(wire::text(typed_config, 1)?);
        let value = wire::last_bytes(typed_config, 2)?.unwrap_or_default();
        if name.is_empty() {
            return Err(InvalidReason::NoTypedConfig);
        }
        if let Some(layer) = layer(name) {
            return Ok(Some(Self::Direct(layer, value)));
        }
        if !TYPED_STRUCTS.contains(&name) {
            return Ok(None);
        }
        let fields = wire::merged(value, 2)?.unwrap_or_default();
        let layer = layer(type_name(wire::text(value, 1)?));
        Ok(layer.map(|layer| Self::Structured(layer, value, fields)))
    }
}

fn layer(type_name: &str) -> Option<Layer> {
    match type_name {
        HTTP_WASM => Some(Layer::Http),
        NETWORK_WASM => Some(Layer::Network),
        _ => None,
    }
}

/// What the agent reads of a Wasm plugin's configuration.
#[derive(Default)]
struct Plugin {
    code: Code,
    /// The VM's own environment variables.
    environment: Vec<(String, String)>,
    fails_open: bool,
}

#[derive(Default)]
enum Code {
    #[default]
    Missing,
    File(PathBuf),
    /// In the resource itself, or in an environment variable of Envoy's.
    Inline,
    Remote(RemoteCode),
}

#[derive(Default)]
struct RemoteCode {
    url: String,
    sha256: String,
    timeout: Option<Duration>,
}

fn need(typed_config: &[u8]) -> Result<Need, InvalidReason> {
    let (layer, plugin) = match WasmFilter::parse(typed_config)? {
        None => {
            nested::refuse_remote_code(typed_config)?;
            return Ok(Need::Nothing);
        }
        Some(WasmFilter::Direct(layer, message)) => (layer, direct::parse(message)?),
        Some(WasmFilter::Structured(layer, _, fields)) => (layer, structured::parse(&fields)?),
    };
    match plugin.code {
        Code::Missing => Err(InvalidReason::NoCode),
        Code::Inline => Ok(Need::Nothing),
        Code::File(path) => Ok(Need::LocalFile(path)),
        Code::Remote(code) => Ok(Need::Module(Box::new(RemoteModule {
            request: request(code, &plugin.environment)?,
            fails_open: plugin.fails_open,
            layer,
        }))),
    }
}

/// What to fetch. The resource's name is filled in by who knows it.
fn request(
    code: RemoteCode,
    environment: &[(String, String)],
) -> Result<Option<ModuleRequest>, InvalidReason> {
    // Protobuf lets the last entry of a key count.
    let value = |key| environment.iter().rfind(|(known, _)| known == key);
    let value = |key| value(key).map(|(_, value)| value.as_str());
    let pull_secret = match value(PULL_SECRET) {
        Some("") => return Err(InvalidReason::NoPullSecret),
        secret => secret.map(|secret| secret.as_bytes().to_vec()),
    };
    if code.url.is_empty() {
        return Ok(None);
    }
    Ok(Some(ModuleRequest {
        url: code.url,
        sha256: Some(code.sha256).filter(|sha256| !sha256.is_empty()),
        resource_version: value(RESOURCE_VERSION).unwrap_or_default().to_owned(),
        pull_policy: match value(PULL_POLICY) {
            Some("IfNotPresent") => PullPolicy::IfNotPresent,
            Some("Always") => PullPolicy::Always,
            _ => PullPolicy::Unspecified,
        },
        pull_secret,
        timeout: code.timeout,
        ..ModuleRequest::default()
    }))
}

/// The `Any` with the filter's configuration, with the code in the file `path`.
fn rewritten(typed_config: &[u8], path: &str) -> Result<Vec<u8>, InvalidReason> {
    let value = match WasmFilter::parse(typed_config)? {
        None => return Ok(typed_config.to_vec()),
        Some(WasmFilter::Direct(_, message)) => direct::rewritten(message, path)?,
        Some(WasmFilter::Structured(_, typed_struct, fields)) => {
            let fields = structured::rewritten(&fields, path)?;
            wire::replaced(typed_struct, 2, Some(&fields))?
        }
    };
    Ok(wire::replaced(typed_config, 2, Some(&value))?)
}

#[cfg(test)]
mod tests;
