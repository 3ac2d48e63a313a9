//! The JSON Schema of the configuration.

use jsonschema::Validator;
use serde_json::Value;

pub(crate) struct Schema {
    /// Its text.
    pub(crate) json: Value,
    validator: Validator,
}

impl Schema {
    /// Panics when it is no valid schema of the draft that it names.
    pub(crate) fn parse(text: &str) -> Schema {
        let json: Value = serde_json::from_str(text).expect("JSON");
        jsonschema::meta::validate(&json).unwrap_or_else(|error| panic!("{error}"));
        let validator = jsonschema::validator_for(&json);
        Schema {
            validator: validator.unwrap_or_else(|error| panic!("{error}")),
            json,
        }
    }

    /// Whether a value is valid.
    pub(crate) fn accepts(&self, value: &Value) -> bool {
        self.validator.is_valid(value)
    }

    /// The keys of an object in the schema.
    pub(crate) fn keys(&self, pointer: &str) -> Vec<String> {
        let properties = self
            .json
            .pointer(pointer)
            .and_then(|object| object["properties"].as_object());
        let properties = properties.unwrap_or_else(|| panic!("no properties at {pointer}"));
        let is_allowed =
            |(key, schema): (&String, &Value)| (*schema != Value::Bool(false)).then(|| key.clone());
        properties.iter().filter_map(is_allowed).collect()
    }
}
