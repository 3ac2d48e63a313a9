//! A configuration as `google.protobuf.Struct` or `Value` on the wire: what Envoy 1.40 hands over when it is
//! configured with one, whatever its documentation says.

use super::json::Json;
use prost::Message;
use prost_types::value::Kind;
use prost_types::{ListValue, Struct, Value};

/// Whether this may be a `Struct` or a `Value`: the octet that such a message begins with, which no JSON
/// text begins with but for the line feed.
pub(super) fn parse(octets: &[u8]) -> Option<Json> {
    match octets.first()? {
        // Field 1, `fields`, of `Struct`.
        0x0a => Some(object(Struct::decode(octets).ok()?)),
        // Fields 5 and 6, `struct_value` and `list_value`, of `Value`.
        0x2a | 0x32 => Some(value(Value::decode(octets).ok()?)),
        _ => None,
    }
}

fn object(message: Struct) -> Json {
    let members = message.fields.into_iter();
    Json::Object(members.map(|(key, member)| (key, value(member))).collect())
}

fn value(message: Value) -> Json {
    match message.kind {
        None | Some(Kind::NullValue(_)) => Json::Null,
        Some(Kind::BoolValue(value)) => Json::Bool(value),
        Some(Kind::NumberValue(number)) => Json::number(number),
        Some(Kind::StringValue(text)) => Json::Text(text),
        Some(Kind::StructValue(object_value)) => object(object_value),
        Some(Kind::ListValue(ListValue { values })) => {
            Json::List(values.into_iter().map(value).collect())
        }
    }
}
