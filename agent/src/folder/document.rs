//! One file of the folder: the extension configurations that it holds, as JSON.

use serde_json::{Map, Value};

use crate::discovery::{EXTENSION_CONFIG, type_name};
use crate::wire;

/// An extension configuration as a file has it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Document {
    pub(super) name: String,
    /// The type URL of the filter's configuration.
    type_url: String,
    /// Its fields.
    fields: Map<String, Value>,
}

/// Why a file is no file of extension configurations. Never quotes the file: it may hold passwords.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum DocumentError {
    #[error("it is not UTF-8")]
    Encoding,
    #[error("it is empty")]
    Empty,
    #[error("it is no YAML{}", .0.map(|(line, column)| format!(" at line {line}, column {column}")).unwrap_or_default())]
    Syntax(Option<(u64, u64)>),
    #[error(
        "document {0} is no extension configuration: `name` and `typed_config` with `@type` are needed"
    )]
    NoExtension(usize),
    #[error("document {0} has a key that is none of an extension configuration's")]
    UnknownKey(usize),
    #[error("`{0}` is there twice")]
    SameName(String),
}

const TYPED_STRUCT: &str = "type.googleapis.com/xds.type.v3.TypedStruct";

/// Reads a file.
pub(super) fn parse(content: &[u8]) -> Result<Vec<Document>, DocumentError> {
    let text = std::str::from_utf8(content).map_err(|_| DocumentError::Encoding)?;
    let mut documents: Vec<Document> = Vec::new();
    for (index, value) in values(text)?.into_iter().enumerate() {
        read(index + 1, value, &mut documents)?;
    }
    if documents.is_empty() {
        return Err(DocumentError::Empty);
    }
    for (index, document) in documents.iter().enumerate() {
        if documents[..index]
            .iter()
            .any(|earlier| earlier.name == document.name)
        {
            return Err(DocumentError::SameName(document.name.clone()));
        }
    }
    Ok(documents)
}

fn values(text: &str) -> Result<Vec<Value>, DocumentError> {
    let options = serde_saphyr::options! {
        with_snippet: false,
    };
    serde_saphyr::from_multiple_with_options(text, options).map_err(|error| {
        let location = error.location();
        DocumentError::Syntax(location.map(|location| (location.line(), location.column())))
    })
}

/// Reads a document: one extension configuration, a list of them, or the form of Envoy's own files.
fn read(number: usize, value: Value, documents: &mut Vec<Document>) -> Result<(), DocumentError> {
    let mut object = match value {
        Value::Null => return Ok(()),
        Value::Array(values) => {
            return values.into_iter().try_for_each(|value| match value {
                Value::Object(object) => extension(number, object, documents),
                _ => Err(DocumentError::NoExtension(number)),
            });
        }
        Value::Object(object) => object,
        _ => return Err(DocumentError::NoExtension(number)),
    };
    let Some(resources) = object.remove("resources") else {
        return extension(number, object, documents);
    };
    let is_known = |key: &String| {
        [
            "version_info",
            "versionInfo",
            "type_url",
            "typeUrl",
            "nonce",
        ]
        .contains(&key.as_str())
    };
    if !object.keys().all(is_known) {
        return Err(DocumentError::UnknownKey(number));
    }
    match resources {
        Value::Array(_) => read(number, resources, documents),
        _ => Err(DocumentError::NoExtension(number)),
    }
}

fn extension(
    number: usize,
    mut object: Map<String, Value>,
    documents: &mut Vec<Document>,
) -> Result<(), DocumentError> {
    let of_other_type = |value: &Value| value.as_str().map(type_name) != Some(EXTENSION_CONFIG);
    if object.remove("@type").as_ref().is_some_and(of_other_type) {
        return Err(DocumentError::NoExtension(number));
    }
    let name = object.remove("name");
    let config = object
        .remove("typed_config")
        .or_else(|| object.remove("typedConfig"));
    if !object.is_empty() {
        return Err(DocumentError::UnknownKey(number));
    }
    let (Some(Value::String(name)), Some(Value::Object(mut fields))) = (name, config) else {
        return Err(DocumentError::NoExtension(number));
    };
    let Some(Value::String(type_url)) = fields.remove("@type") else {
        return Err(DocumentError::NoExtension(number));
    };
    if name.is_empty() {
        return Err(DocumentError::NoExtension(number));
    }
    let (type_url, fields) =
        unwrapped(type_url, fields).ok_or(DocumentError::NoExtension(number))?;
    documents.push(Document {
        name,
        type_url,
        fields,
    });
    Ok(())
}

/// What a `TypedStruct` holds; anything else as it is.
fn unwrapped(
    type_url: String,
    mut fields: Map<String, Value>,
) -> Option<(String, Map<String, Value>)> {
    if !type_name(&type_url).ends_with(".TypedStruct") {
        return Some((type_url, fields));
    }
    let inner = fields
        .remove("type_url")
        .or_else(|| fields.remove("typeUrl"));
    match (inner, fields.remove("value")) {
        (Some(Value::String(type_url)), Some(Value::Object(fields))) => Some((type_url, fields)),
        _ => None,
    }
}

impl Document {
    /// The values of the VM's environment variables, as far as they are texts.
    pub(super) fn environment(&mut self) -> impl Iterator<Item = &mut String> {
        let values = member(&mut self.fields, "config", "config")
            .and_then(|config| member(config, "vm_config", "vmConfig"))
            .and_then(|vm| member(vm, "environment_variables", "environmentVariables"))
            .and_then(|variables| member(variables, "key_values", "keyValues"));
        values
            .into_iter()
            .flat_map(Map::values_mut)
            .filter_map(|value| match value {
                Value::String(text) => Some(text),
                _ => None,
            })
    }

    /// The `TypedExtensionConfig`. Envoy itself turns the JSON in it into its own protos.
    pub(super) fn encode(&self) -> Vec<u8> {
        let typed_struct =
            wire::message(&[(1, self.type_url.as_bytes()), (2, &structure(&self.fields))]);
        let typed_config = wire::message(&[(1, TYPED_STRUCT.as_bytes()), (2, &typed_struct)]);
        wire::message(&[(1, self.name.as_bytes()), (2, &typed_config)])
    }
}

fn member<'a>(
    object: &'a mut Map<String, Value>,
    name: &str,
    camel_case: &str,
) -> Option<&'a mut Map<String, Value>> {
    let key = if object.contains_key(name) {
        name
    } else {
        camel_case
    };
    object.get_mut(key)?.as_object_mut()
}

/// A `google.protobuf.Struct`.
fn structure(fields: &Map<String, Value>) -> Vec<u8> {
    let mut message = Vec::new();
    for (key, value) in fields {
        let entry = wire::message(&[(1, key.as_bytes()), (2, &self::value(value))]);
        wire::put_bytes(&mut message, 1, &entry);
    }
    message
}

/// A `google.protobuf.Value`.
fn value(value: &Value) -> Vec<u8> {
    let mut message = Vec::new();
    match value {
        Value::Null => wire::put_varint(&mut message, 1, 0),
        Value::Number(number) => {
            wire::put_double(&mut message, 2, number.as_f64().unwrap_or_default());
        }
        Value::String(text) => wire::put_bytes(&mut message, 3, text.as_bytes()),
        Value::Bool(value) => wire::put_varint(&mut message, 4, u64::from(*value)),
        Value::Object(fields) => wire::put_bytes(&mut message, 5, &structure(fields)),
        Value::Array(values) => {
            let mut list = Vec::new();
            for value in values {
                wire::put_bytes(&mut list, 1, &self::value(value));
            }
            wire::put_bytes(&mut message, 6, &list);
        }
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "name: a\ntyped_config: {'@type': x/y.Z, k: [1, true, null, {b: c}]}\n";

    #[test]
    fn all_forms_of_a_file_are_read() {
        let expected = parse(ONE.as_bytes()).unwrap();
        assert_eq!(expected[0].name, "a");
        assert_eq!(expected[0].type_url, "x/y.Z");
        for form in [
            r#"{"name": "a", "typed_config": {"@type": "x/y.Z", "k": [1, true, null, {"b": "c"}]}}"#,
            "---\nname: a\ntyped_config: {'@type': x/y.Z, k: [1, true, null, {b: c}]}\n---\n",
            "- name: a\n  typedConfig: {'@type': x/y.Z, k: [1, true, null, {b: c}]}\n",
            "version_info: '1'\nresources:\n- '@type': type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig\n  name: a\n  typed_config: {'@type': x/y.Z, k: [1, true, null, {b: c}]}\n",
            "name: a\ntyped_config:\n  '@type': type.googleapis.com/udpa.type.v1.TypedStruct\n  type_url: x/y.Z\n  value: {k: [1, true, null, {b: c}]}\n",
        ] {
            assert_eq!(parse(form.as_bytes()).as_ref(), Ok(&expected), "{form}");
        }
        let two = format!("{ONE}---\nname: b\ntyped_config: {{'@type': x/y.Z}}\n");
        assert_eq!(parse(two.as_bytes()).unwrap().len(), 2);
    }

    #[test]
    fn what_is_no_extension_configuration_is_refused() {
        for (text, error) in [
            ("", DocumentError::Empty),
            ("# nothing\n", DocumentError::Empty),
            ("---\n---\n", DocumentError::Empty),
            ("resources: []\n", DocumentError::Empty),
            ("a: [1\n", DocumentError::Syntax(Some((1, 4)))),
            ("hello\n", DocumentError::NoExtension(1)),
            ("name: a\n", DocumentError::NoExtension(1)),
            (
                "name: ''\ntyped_config: {'@type': x}\n",
                DocumentError::NoExtension(1),
            ),
            ("name: a\ntyped_config: {}\n", DocumentError::NoExtension(1)),
            ("name: a\ntyped_confg: {}\n", DocumentError::UnknownKey(1)),
            ("resources: []\nrules: 1\n", DocumentError::UnknownKey(1)),
            (
                "'@type': x/y.Cluster\nname: a\ntyped_config: {'@type': x}\n",
                DocumentError::NoExtension(1),
            ),
        ] {
            assert_eq!(parse(text.as_bytes()), Err(error), "{text}");
        }
        let twice = format!("{ONE}---\n{ONE}");
        assert_eq!(
            parse(twice.as_bytes()),
            Err(DocumentError::SameName("a".to_owned()))
        );
        assert_eq!(parse(b"\xff"), Err(DocumentError::Encoding));
    }

    #[test]
    fn an_error_quotes_nothing_of_the_file() {
        let error = parse(b"name: a\nusers: \"s3cret\n")
            .unwrap_err()
            .to_string();
        assert!(!error.contains("s3cret"), "{error}");
    }

    #[test]
    fn a_billion_laughs_are_refused() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..10 {
            let alias = format!("*a{}, ", level - 1).repeat(10);
            text.push_str(&format!("a{level}: &a{level} [{alias}]\n"));
        }
        assert!(matches!(
            parse(text.as_bytes()),
            Err(DocumentError::Syntax(_))
        ));
    }
}
