//! The forms in which Envoy hands over a plugin configuration: JSON text, a `Struct`, a `Value`, and a
//! `Struct` inside a `TypedStruct`.

use basic_auth::{Policy, Problem};
use serde_json::{Value, json};
use xtask::envoy::bootstrap;

/// How the configuration of a listener's plugin is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// JSON in a `StringValue`.
    Text,
    /// A `google.protobuf.Struct`.
    Struct,
    /// A `google.protobuf.Value` with a `Struct` in it.
    Value,
    /// A `Struct`, in a filter that is itself written as an `xds.type.v3.TypedStruct`.
    InTypedStruct,
}

impl Form {
    /// All of them.
    pub const ALL: [Form; 4] = [Form::Text, Form::Struct, Form::Value, Form::InTypedStruct];

    /// Rewrites a listener with a plugin whose configuration is text. A text stays as it is if no `Struct` can say
    /// it: it is no object, has a key twice, or a number that is not whole, of which Envoy's reader of YAML and JSON
    /// makes a string.
    ///
    /// # Panics
    /// When the listener has no plugin.
    pub fn write(self, listener: &mut Value) {
        let filter = &mut bootstrap::manager(listener)["http_filters"][0]["typed_config"];
        let configuration = &mut filter["config"]["configuration"]["value"];
        let text = configuration.as_str().expect("a plugin's configuration");
        let object = serde_json::from_str::<Value>(text);
        let Ok(object) = object else {
            return;
        };
        if self == Form::Text || !object.is_object() || has_fraction(&object) || has_key_twice(text)
        {
            return;
        }
        let message = match self {
            Form::Value => "google.protobuf.Value",
            _ => "google.protobuf.Struct",
        };
        filter["config"]["configuration"] = json!({
            "@type": format!("type.googleapis.com/{message}"),
            "value": object,
        });
        if self == Form::InTypedStruct {
            let type_url = filter["@type"].take();
            filter.as_object_mut().expect("a filter").remove("@type");
            *filter = json!({
                "@type": "type.googleapis.com/xds.type.v3.TypedStruct",
                "type_url": type_url,
                "value": filter.take(),
            });
        }
    }
}

fn has_fraction(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.as_i64().is_none(),
        Value::Array(items) => items.iter().any(has_fraction),
        Value::Object(members) => members.values().any(has_fraction),
        _ => false,
    }
}

fn has_key_twice(text: &str) -> bool {
    let error = Policy::parse(text.as_bytes(), &|_| None).err();
    error.is_some_and(|error| *error.problem() == Problem::RepeatedKey)
}
