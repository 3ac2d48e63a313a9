//! Validates by a JSON Schema (draft 2020-12), as far as that of the configuration needs it. A
//! keyword that is not known here panics: none is passed over.

use serde_json::{Map, Value};

/// Keywords that say nothing about what is valid.
const ANNOTATIONS: [&str; 5] = ["$defs", "$schema", "default", "description", "title"];

/// A schema whose references are to its own `$defs`.
pub(crate) struct Schema(pub(crate) Value);

impl Schema {
    /// Whether a value is valid.
    pub(crate) fn accepts(&self, value: &Value) -> bool {
        self.holds(&self.0, value)
    }

    /// The keys of an object in the schema.
    pub(crate) fn keys(&self, pointer: &str) -> Vec<String> {
        let properties = self
            .0
            .pointer(pointer)
            .and_then(|object| object["properties"].as_object());
        let properties = properties.unwrap_or_else(|| panic!("no properties at {pointer}"));
        let is_allowed =
            |(key, schema): (&String, &Value)| (*schema != Value::Bool(false)).then(|| key.clone());
        properties.iter().filter_map(is_allowed).collect()
    }

    fn holds(&self, schema: &Value, value: &Value) -> bool {
        match schema {
            Value::Bool(is_valid) => *is_valid,
            Value::Object(keywords) => keywords
                .iter()
                .all(|(keyword, argument)| self.keyword_holds(keywords, keyword, argument, value)),
            other => panic!("no schema: {other}"),
        }
    }

    fn keyword_holds(
        &self,
        schema: &Map<String, Value>,
        keyword: &str,
        argument: &Value,
        value: &Value,
    ) -> bool {
        let number = |value: &Value| value.as_f64().expect("a number");
        match (keyword, value) {
            ("$ref", _) => self.holds(self.definition(argument), value),
            ("type", _) => is_of_type(argument, value),
            ("const", _) => value == argument,
            ("not", _) => !self.holds(argument, value),
            ("enum", _) => list(argument).contains(value),
            ("oneOf", _) => {
                let valid = list(argument).iter().filter(|one| self.holds(one, value));
                valid.count() == 1
            }
            ("if", _) => !self.holds(argument, value) || self.holds(&schema["then"], value),
            ("then", _) => schema.contains_key("if"),
            ("minimum", Value::Number(_)) => number(value) >= number(argument),
            ("maximum", Value::Number(_)) => number(value) <= number(argument),
            ("minLength", Value::String(text)) => text.chars().count() as f64 >= number(argument),
            ("pattern", Value::String(text)) => matches(argument.as_str(), text),
            ("minItems", Value::Array(items)) => items.len() as f64 >= number(argument),
            ("items", Value::Array(items)) => items.iter().all(|item| self.holds(argument, item)),
            ("required", Value::Object(members)) => list(argument)
                .iter()
                .all(|key| members.contains_key(key.as_str().expect("a key"))),
            ("properties", Value::Object(members)) => members.iter().all(|(key, member)| {
                argument
                    .get(key)
                    .is_none_or(|schema| self.holds(schema, member))
            }),
            ("propertyNames", Value::Object(members)) => members
                .keys()
                .all(|key| self.holds(argument, &Value::from(key.as_str()))),
            ("additionalProperties", Value::Object(members)) => {
                members.iter().all(|(key, member)| {
                    let is_known = schema
                        .get("properties")
                        .and_then(|known| known.get(key))
                        .is_some();
                    is_known || self.holds(argument, member)
                })
            }
            // Keywords about another type than the value's do not concern it.
            (
                "minimum"
                | "maximum"
                | "minLength"
                | "pattern"
                | "minItems"
                | "items"
                | "required"
                | "properties"
                | "propertyNames"
                | "additionalProperties",
                _,
            ) => true,
            _ if ANNOTATIONS.contains(&keyword) => true,
            _ => panic!("the keyword `{keyword}` is not known here"),
        }
    }

    fn definition(&self, reference: &Value) -> &Value {
        let pointer = reference.as_str().and_then(|text| text.strip_prefix('#'));
        let found = pointer.and_then(|pointer| self.0.pointer(pointer));
        found.unwrap_or_else(|| panic!("no definition {reference}"))
    }
}

fn list(value: &Value) -> &Vec<Value> {
    value.as_array().expect("a list")
}

fn is_of_type(names: &Value, value: &Value) -> bool {
    let is = |name: &Value| match name.as_str().expect("the name of a type") {
        "array" => value.is_array(),
        "boolean" => value.is_boolean(),
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "object" => value.is_object(),
        "string" => value.is_string(),
        other => panic!("the type `{other}` is not known here"),
    };
    names
        .as_array()
        .map_or_else(|| is(names), |names| names.iter().any(is))
}

/// The two patterns that the schema has: a character class, to be read as a set.
fn matches(pattern: Option<&str>, text: &str) -> bool {
    let is_token = |character: char| {
        character.is_ascii_alphanumeric() || "!#$%&'*+.^_`|~-".contains(character)
    };
    match pattern {
        Some("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$") => !text.is_empty() && text.chars().all(is_token),
        Some(r"^[^\u0000-\u001f\u007f-\u009f]*$") => !text.chars().any(char::is_control),
        other => panic!("the pattern {other:?} is not known here"),
    }
}
