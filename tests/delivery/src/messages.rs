//! Envoy's messages, as far as the tests send them.

use bytes::Bytes;
use serde_json::{Map, Value};
use wasm_agent::wire::{message, put_bytes, put_double, put_varint};

/// The type of extension configurations.
pub const ECDS: &str = "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig";
/// The type of listeners.
pub const LDS: &str = "type.googleapis.com/envoy.config.listener.v3.Listener";
/// The type of clusters.
pub const CDS: &str = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
/// The HTTP filter's type.
pub const HTTP_WASM: &str = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";
/// The network filter's type.
pub const NETWORK_WASM: &str = "type.googleapis.com/envoy.extensions.filters.network.wasm.v3.Wasm";
/// Envoy's own filter that lets all or nothing pass.
pub const HTTP_RBAC: &str = "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC";
/// Both forms of a `TypedStruct`.
pub const TYPED_STRUCTS: [&str; 2] = [
    "type.googleapis.com/udpa.type.v1.TypedStruct",
    "type.googleapis.com/xds.type.v3.TypedStruct",
];

/// A `google.protobuf.Any`.
pub fn any(type_url: &str, value: &[u8]) -> Vec<u8> {
    message(&[(1, type_url.as_bytes()), (2, value)])
}

/// A Wasm filter's configuration.
#[derive(Clone, Debug, Default)]
pub struct Wasm {
    /// `AsyncDataSource`.
    pub code: Vec<u8>,
    /// The plugin's configuration.
    pub configuration: String,
    /// `environment_variables.key_values`.
    pub environment: Vec<(String, String)>,
    /// `failure_policy`.
    pub failure_policy: u64,
}

impl Wasm {
    /// The basic_auth filter with one user for `/admin`.
    pub fn basic_auth(code: Vec<u8>, credentials: &str) -> Self {
        Self {
            code,
            configuration: configuration(credentials),
            ..Self::default()
        }
    }

    /// The same with another configuration.
    #[must_use]
    pub fn with_configuration(self, configuration: &str) -> Self {
        Self {
            configuration: configuration.to_owned(),
            ..self
        }
    }

    /// The same with an environment variable more.
    #[must_use]
    pub fn with_variable(mut self, key: &str, value: &str) -> Self {
        self.environment.push((key.to_owned(), value.to_owned()));
        self
    }

    /// `PluginConfig` without `vm_config`.
    fn plugin_start(&self) -> Vec<u8> {
        message(&[(1, b"lab")])
    }

    /// `VmConfig`.
    pub fn vm_config(&self) -> Vec<u8> {
        let mut vm = message(&[(1, b"lab"), (2, b"envoy.wasm.runtime.v8")]);
        if !self.code.is_empty() {
            put_bytes(&mut vm, 3, &self.code);
        }
        if !self.environment.is_empty() {
            let entry = |(key, value): &(String, String)| {
                message(&[(1, key.as_bytes()), (2, value.as_bytes())])
            };
            let mut variables = Vec::new();
            for variable in &self.environment {
                put_bytes(&mut variables, 2, &entry(variable));
            }
            put_bytes(&mut vm, 7, &variables);
        }
        vm
    }

    /// The `Wasm` message.
    pub fn encode(&self) -> Vec<u8> {
        self.encode_with_vm(&self.vm_config())
    }

    /// The `Wasm` message with another `vm_config`.
    pub fn encode_with_vm(&self, vm: &[u8]) -> Vec<u8> {
        let text = message(&[(1, self.configuration.as_bytes())]);
        let configuration = any("type.googleapis.com/google.protobuf.StringValue", &text);
        let mut plugin = self.plugin_start();
        put_bytes(&mut plugin, 3, vm);
        put_bytes(&mut plugin, 4, &configuration);
        if self.failure_policy != 0 {
            put_varint(&mut plugin, 7, self.failure_policy);
        }
        message(&[(1, &plugin)])
    }

    /// An `Any` with the HTTP filter.
    pub fn any(&self) -> Vec<u8> {
        any(HTTP_WASM, &self.encode())
    }
}

/// A configuration of basic_auth with one user, `name:password`, for `/admin`.
pub fn configuration(credentials: &str) -> String {
    serde_json::json!({"basic_auth_rules": [{"prefix": "/admin", "credentials": [credentials]}]})
        .to_string()
}

/// `AsyncDataSource` with code from elsewhere.
pub fn remote(url: &str, sha256: &str) -> Vec<u8> {
    let http_uri = message(&[(1, url.as_bytes()), (2, b"modules"), (3, &seconds(10))]);
    message(&[(2, &remote_source(&http_uri, sha256))])
}

/// `RemoteDataSource`.
pub fn remote_source(http_uri: &[u8], sha256: &str) -> Vec<u8> {
    let mut source = message(&[(1, http_uri)]);
    if !sha256.is_empty() {
        put_bytes(&mut source, 2, sha256.as_bytes());
    }
    source
}

/// `AsyncDataSource` with code in a file.
pub fn local(path: &str) -> Vec<u8> {
    message(&[(1, &message(&[(1, path.as_bytes())]))])
}

/// `google.protobuf.Duration`.
pub fn seconds(seconds: u64) -> Vec<u8> {
    let mut duration = Vec::new();
    put_varint(&mut duration, 1, seconds);
    duration
}

/// A `TypedExtensionConfig`.
pub fn extension(name: &str, typed_config: &[u8]) -> Vec<u8> {
    message(&[(1, name.as_bytes()), (2, typed_config)])
}

/// What a response's `resources` holds: an `Any` with a `TypedExtensionConfig`.
pub fn extension_any(name: &str, typed_config: &[u8]) -> Bytes {
    Bytes::from(any(ECDS, &extension(name, typed_config)))
}

/// A `TypedStruct` as an `Any`.
pub fn typed_struct(outer: &str, inner: &str, value: &Value) -> Vec<u8> {
    any(
        outer,
        &message(&[(1, inner.as_bytes()), (2, &structure(value))]),
    )
}

/// A `google.protobuf.Struct` of an object.
///
/// # Panics
/// If it is none.
pub fn structure(value: &Value) -> Vec<u8> {
    fields(value.as_object().expect("an object"))
}

fn fields(object: &Map<String, Value>) -> Vec<u8> {
    let mut fields = Vec::new();
    for (key, value) in object {
        let entry = message(&[(1, key.as_bytes()), (2, &self::value(value))]);
        put_bytes(&mut fields, 1, &entry);
    }
    fields
}

fn value(value: &Value) -> Vec<u8> {
    let mut message = Vec::new();
    match value {
        Value::Null => put_varint(&mut message, 1, 0),
        Value::Number(number) => put_double(&mut message, 2, number.as_f64().unwrap_or_default()),
        Value::String(text) => put_bytes(&mut message, 3, text.as_bytes()),
        Value::Bool(value) => put_varint(&mut message, 4, u64::from(*value)),
        Value::Object(object) => put_bytes(&mut message, 5, &fields(object)),
        Value::Array(values) => {
            let mut list = Vec::new();
            for value in values {
                put_bytes(&mut list, 1, &self::value(value));
            }
            put_bytes(&mut message, 6, &list);
        }
    }
    message
}

/// A listener as an `Any`, with the filters that `http_connection_manager` describes.
pub fn listener(name: &str, port: u16, http_connection_manager: &Value) -> Bytes {
    let mut address = message(&[(2, b"127.0.0.1")]);
    put_varint(&mut address, 3, u64::from(port));
    let address = message(&[(1, &address)]);
    const MANAGER: &str = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
    let manager = typed_struct(TYPED_STRUCTS[1], MANAGER, http_connection_manager);
    let filter = message(&[(1, b"http"), (4, &manager)]);
    let chain = message(&[(3, &filter)]);
    let listener = message(&[(1, name.as_bytes()), (2, &address), (3, &chain)]);
    Bytes::from(any(LDS, &listener))
}

/// A cluster without endpoints as an `Any`.
pub fn cluster(name: &str, timeout: u64) -> Bytes {
    let assignment = message(&[(1, name.as_bytes())]);
    let cluster = [
        (1, name.as_bytes()),
        (4, &seconds(timeout)),
        (33, &assignment),
    ];
    Bytes::from(any(CDS, &message(&cluster)))
}
