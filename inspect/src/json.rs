//! A value of a document as the JSON that the filter is handed.

use crate::document::{Node, Value};

/// Keys that are there twice stay twice: the filter refuses them.
pub(crate) fn to_json(node: &Node) -> String {
    let mut json = String::new();
    write(node, &mut json);
    json
}

fn write(node: &Node, json: &mut String) {
    match &node.value {
        Value::Null => json.push_str("null"),
        Value::Bool(value) => json.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) => json.push_str(number),
        Value::Text(text) => write_text(&text.content, json),
        Value::List(elements) => {
            json.push('[');
            for (index, element) in elements.iter().enumerate() {
                separate(index, json);
                write(element, json);
            }
            json.push(']');
        }
        Value::Map(members) => {
            json.push('{');
            for (index, (key, value)) in members.iter().enumerate() {
                separate(index, json);
                write_key(key, json);
                json.push(':');
                write(value, json);
            }
            json.push('}');
        }
    }
}

fn separate(index: usize, json: &mut String) {
    if index > 0 {
        json.push(',');
    }
}

fn write_key(key: &Node, json: &mut String) {
    match &key.value {
        Value::Text(text) => write_text(&text.content, json),
        Value::Number(number) => write_text(number, json),
        Value::Bool(value) => write_text(if *value { "true" } else { "false" }, json),
        Value::Null => write_text("null", json),
        // No JSON has such a key: the filter refuses it.
        Value::List(_) | Value::Map(_) => write_text("", json),
    }
}

fn write_text(text: &str, json: &mut String) {
    json.push_str(&serde_json::Value::from(text).to_string());
}
