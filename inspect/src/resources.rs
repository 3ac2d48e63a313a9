//! Finds configurations of the filter in the files of Envoy, Istio and Envoy Gateway.

use std::collections::BTreeMap;
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use basic_auth::CONFIGURATION_KEYS;

use crate::document::Node;
use crate::embedded;
use crate::findings::{Finding, Severity};
use crate::found::{Form, Found};

/// Kinds of resources that hold a plugin's configuration, and their API.
const KINDS: [(&str, &str); 4] = [
    ("WasmPlugin", "extensions.istio.io/v1alpha1"),
    ("TrafficExtension", "extensions.istio.io/v1alpha1"),
    ("EnvoyFilter", "networking.istio.io/v1alpha3"),
    ("EnvoyExtensionPolicy", "gateway.envoyproxy.io/v1alpha1"),
];

/// Keys that no configuration of the filter has at its top, but files around one have.
const KEYS_AROUND: [&str; 14] = [
    "@type",
    "admin",
    "apiVersion",
    "dynamic_resources",
    "http_filters",
    "items",
    "kind",
    "layered_runtime",
    "name",
    "node",
    "resources",
    "static_resources",
    "typed_config",
    "vm_config",
];

/// What was found in the documents of a file.
#[derive(Default)]
pub(crate) struct Search<'s> {
    source: &'s str,
    pub(crate) found: Vec<Found>,
    /// Places of Wasm filters that are others.
    pub(crate) others: Vec<String>,
    pub(crate) findings: Vec<Finding>,
    /// Documents within texts of the file, with their places in it.
    pub(crate) embedded: Vec<Node>,
    /// Texts of which nobody can tell where in them a secret stands.
    pub(crate) opaque: Vec<Range<usize>>,
}

/// A plugin as one of the files describes it.
struct Plugin<'n> {
    place: String,
    configuration: Option<&'n Node>,
    environment: BTreeMap<String, Option<String>>,
    /// Names and URLs by which it may be known as this filter.
    names: Vec<&'n str>,
}

/// Finds every configuration in a file.
pub(crate) fn search<'s>(documents: &[Node], source: &'s str) -> Search<'s> {
    let mut search = Search {
        source,
        ..Search::default()
    };
    for (index, document) in documents.iter().enumerate() {
        let place = if documents.len() > 1 {
            format!("document {}", index + 1)
        } else {
            String::new()
        };
        if document.is_map() && !is_around(document) {
            let place = if place.is_empty() {
                "configuration".to_owned()
            } else {
                place
            };
            search
                .found
                .push(Found::of_object(place, Form::Alone, document));
        } else {
            search.walk(document, &place);
        }
    }
    search
}

/// Whether a document has a configuration somewhere in it, and is none itself.
fn is_around(document: &Node) -> bool {
    let mut keys = document.members().filter_map(|(key, _)| key.text());
    keys.any(|key| KEYS_AROUND.contains(&key))
}

impl Search<'_> {
    fn walk(&mut self, node: &Node, place: &str) {
        if let Some(kind) = node.get("kind").and_then(Node::text) {
            self.check_version(node, kind);
            if self.take_resource(node, kind, place) {
                return;
            }
            let key = match kind {
                "ConfigMap" => Some("data"),
                "Secret" => Some("stringData"),
                _ => None,
            };
            if let Some((key, files)) = key.and_then(|key| Some((key, node.get(key)?))) {
                let place = join(place, key);
                for (name, file) in files.members() {
                    let name = name.text().unwrap_or("?");
                    self.take_file(name, file, &format!("{place}[\"{name}\"]"));
                }
                return;
            }
        }
        if node.field("vm_config").is_some() && node.field("configuration").is_some() {
            self.take(plugin_of_envoy(node, place));
            return;
        }
        for (key, value) in node.members() {
            self.walk(value, &join(place, key.text().unwrap_or("?")));
        }
        for (index, element) in node.elements().iter().enumerate() {
            self.walk(element, &format!("{place}[{index}]"));
        }
    }

    /// Looks into a file that a resource of Kubernetes holds.
    fn take_file(&mut self, name: &str, file: &Node, place: &str) {
        let embedded = match embedded::documents(file, self.source) {
            Ok(embedded) => embedded,
            Err(error) => {
                let is_meant = [".json", ".yaml", ".yml"];
                if is_meant.iter().any(|extension| name.ends_with(extension)) {
                    let message = format!("is not YAML, and not looked into: {}", error.reason);
                    let span = error.at..error.at + 1;
                    self.findings
                        .push(Finding::new(Severity::Warning, message, span).at(place));
                }
                return;
            }
        };
        if embedded.is_somewhere {
            self.opaque.push(file.span.clone());
        }
        for document in embedded.documents {
            let found = Found::of_object(place.to_owned(), Form::Alone, &document);
            if is_around(&document) {
                self.walk(&document, place);
            } else if has_own_key(&found) {
                self.found.push(found);
            }
            self.embedded.push(document);
        }
    }

    fn check_version(&mut self, node: &Node, kind: &str) {
        let Some((_, known)) = KINDS.iter().find(|(name, _)| *name == kind) else {
            return;
        };
        let version = node.get("apiVersion");
        if version.and_then(Node::text) != Some(*known) {
            let span = version.map_or(node.span.start..node.span.start + 1, |version| {
                version.span.clone()
            });
            let message = format!(
                "`{kind}` is known here as `{known}` only; what is found in another may be misread"
            );
            self.findings
                .push(Finding::new(Severity::Error, message, span));
        }
    }

    /// Takes what a resource of Istio or Envoy Gateway configures.
    fn take_resource(&mut self, node: &Node, kind: &str, place: &str) -> bool {
        let Some(spec) = node.get("spec") else {
            return false;
        };
        let name = node
            .get("metadata")
            .and_then(|metadata| metadata.get("name"));
        let place = join(place, "spec");
        match kind {
            "WasmPlugin" => self.take(plugin_of_istio(spec, name, &place)),
            "TrafficExtension" => {
                if let Some(wasm) = spec.get("wasm") {
                    self.take(plugin_of_istio(wasm, name, &join(&place, "wasm")));
                }
            }
            "EnvoyExtensionPolicy" => {
                let plugins = spec.get("wasm").map_or(&[][..], Node::elements);
                for (index, wasm) in plugins.iter().enumerate() {
                    self.take(plugin_of_gateway(
                        wasm,
                        name,
                        &format!("{place}.wasm[{index}]"),
                    ));
                }
            }
            _ => return false,
        }
        true
    }

    fn take(&mut self, plugin: Plugin<'_>) {
        let Plugin {
            place,
            configuration,
            environment,
            names,
        } = plugin;
        let found = configuration.map(|node| self.configuration(&place, node));
        let is_named = names.iter().any(|name| is_name(name));
        match found {
            Some(Ok(found)) if is_named || has_own_key(&found) => {
                self.found.push(Found {
                    environment,
                    ..found
                });
            }
            Some(Err(finding)) if is_named => self.findings.push(finding),
            None if is_named => {
                let message = "this filter has no configuration, and protects nothing".to_owned();
                self.findings
                    .push(Finding::new(Severity::Warning, message, 0..1).at(&place));
            }
            _ => self.others.push(place),
        }
    }

    /// A `StringValue`, a `BytesValue`, a `Struct`, or an object as it is.
    fn configuration(&self, place: &str, node: &Node) -> Result<Found, Finding> {
        let type_url = node.get("@type").and_then(Node::text);
        let message_type = type_url.and_then(|name| name.rsplit('/').next());
        let value = node.get("value");
        let below = || join(place, "value");
        match (message_type, value) {
            (None, _) if node.text().is_some() => {
                Ok(Found::of_text(place.to_owned(), node, self.source))
            }
            (None, _) => Ok(Found::of_object(place.to_owned(), Form::Object, node)),
            (Some("google.protobuf.StringValue"), Some(value)) => {
                Ok(Found::of_text(below(), value, self.source))
            }
            (Some("google.protobuf.BytesValue"), Some(value)) => bytes(below(), value),
            (Some("google.protobuf.Struct"), Some(value)) => {
                Ok(Found::of_object(below(), Form::Object, value))
            }
            (Some(_), _) => Err(Finding::new(
                Severity::Error,
                "the configuration is a `StringValue`, a `BytesValue` or a `Struct` with a `value`",
                node.span.clone(),
            )
            .at(place)),
        }
    }
}

fn bytes(place: String, value: &Node) -> Result<Found, Finding> {
    let decoded = value.text().and_then(|text| STANDARD.decode(text).ok());
    let text = decoded.and_then(|octets| String::from_utf8(octets).ok());
    let text = text.ok_or_else(|| {
        Finding::new(
            Severity::Error,
            "is not the base64 of a text",
            value.span.clone(),
        )
        .at(&place)
    })?;
    Ok(Found {
        root: crate::found::root(&text),
        place,
        form: Form::Text,
        span: value.span.clone(),
        text,
        origin: Some(crate::found::Origin::Somewhere(value.span.clone())),
        environment: BTreeMap::new(),
    })
}

fn plugin_of_envoy<'n>(node: &'n Node, place: &str) -> Plugin<'n> {
    let vm = node.field("vm_config");
    let variables = vm.and_then(|vm| vm.field("environment_variables"));
    let values = variables.and_then(|variables| variables.field("key_values"));
    let values = values.into_iter().flat_map(Node::members);
    let mut environment: BTreeMap<_, _> = values
        .filter_map(|(name, value)| {
            Some((name.text()?.to_owned(), value.text().map(str::to_owned)))
        })
        .collect();
    let of_host = variables.and_then(|variables| variables.field("host_env_keys"));
    let of_host = of_host.map_or(&[][..], Node::elements).iter();
    environment.extend(of_host.filter_map(|name| Some((name.text()?.to_owned(), None))));
    let mut names: Vec<_> = ["name", "root_id"]
        .iter()
        .filter_map(|key| node.field(key)?.text())
        .collect();
    texts(vm.and_then(|vm| vm.get("code")), &mut names);
    Plugin {
        place: join(place, "configuration"),
        configuration: node.get("configuration"),
        environment,
        names,
    }
}

fn plugin_of_istio<'n>(spec: &'n Node, name: Option<&'n Node>, place: &str) -> Plugin<'n> {
    let variables = spec.get("vmConfig").and_then(|vm| vm.get("env"));
    let variables = variables.map_or(&[][..], Node::elements).iter();
    let names = [name, spec.get("url"), spec.get("pluginName")];
    Plugin {
        place: join(place, "pluginConfig"),
        configuration: spec.get("pluginConfig"),
        environment: variables
            .filter_map(|variable| {
                let value = variable.get("value").and_then(Node::text);
                Some((
                    variable.get("name")?.text()?.to_owned(),
                    value.map(str::to_owned),
                ))
            })
            .collect(),
        names: names.into_iter().filter_map(|name| name?.text()).collect(),
    }
}

fn plugin_of_gateway<'n>(wasm: &'n Node, name: Option<&'n Node>, place: &str) -> Plugin<'n> {
    let of_host = wasm.get("env").and_then(|env| env.get("hostKeys"));
    let of_host = of_host.map_or(&[][..], Node::elements).iter();
    let mut names: Vec<_> = [name, wasm.get("name"), wasm.get("rootID")]
        .into_iter()
        .filter_map(|name| name?.text())
        .collect();
    texts(wasm.get("code"), &mut names);
    Plugin {
        place: join(place, "config"),
        configuration: wasm.get("config"),
        environment: of_host
            .filter_map(|name| Some((name.text()?.to_owned(), None)))
            .collect(),
        names,
    }
}

/// Every string in a value.
fn texts<'n>(node: Option<&'n Node>, found: &mut Vec<&'n str>) {
    let Some(node) = node else { return };
    found.extend(node.text());
    node.elements()
        .iter()
        .for_each(|element| texts(Some(element), found));
    node.members()
        .for_each(|(_, value)| texts(Some(value), found));
}

fn is_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('-', "_");
    name.contains("basic_auth")
}

/// Whether a configuration has a key that no other filter has.
fn has_own_key(found: &Found) -> bool {
    let keys = found.root.iter().flat_map(Node::members);
    let mut keys = keys.filter_map(|(key, _)| key.text());
    keys.any(|key| {
        key == "basic_auth_rules" || CONFIGURATION_KEYS.contains(&key) && key.contains('_')
    })
}

fn join(place: &str, key: &str) -> String {
    if place.is_empty() {
        key.to_owned()
    } else {
        format!("{place}.{key}")
    }
}
