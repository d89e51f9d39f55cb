//! A message as JSON to be filled in: each field once, with a value of its type.

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value, json};

/// The JSON, with a line break at its end. A message inside itself is left empty.
pub(super) fn of(message: &MessageDescriptor) -> String {
    let value = message_value(message, &mut Vec::new());
    format!("{:#}\n", value)
}

fn message_value(message: &MessageDescriptor, outer: &mut Vec<String>) -> Value {
    if let Some(value) = well_known(message.full_name()) {
        return value;
    }
    if outer.iter().any(|name| name == message.full_name()) {
        return json!({});
    }
    outer.push(message.full_name().to_owned());
    let fields = message
        .fields()
        .map(|field| (field.json_name().to_owned(), field_value(&field, outer)));
    let fields: Map<String, Value> = fields.collect();
    outer.pop();
    Value::Object(fields)
}

fn field_value(field: &FieldDescriptor, outer: &mut Vec<String>) -> Value {
    if let (true, Kind::Message(entry)) = (field.is_map(), field.kind()) {
        let key = match entry.map_entry_key_field().kind() {
            Kind::String => "",
            Kind::Bool => "false",
            _ => "0",
        };
        return json!({ key: kind_value(&entry.map_entry_value_field().kind(), outer) });
    }
    let value = kind_value(&field.kind(), outer);
    if field.is_list() {
        json!([value])
    } else {
        value
    }
}

fn kind_value(kind: &Kind, outer: &mut Vec<String>) -> Value {
    match kind {
        Kind::String | Kind::Bytes => json!(""),
        Kind::Bool => json!(false),
        Kind::Double | Kind::Float => json!(0.0),
        // 64 bits are strings in JSON.
        Kind::Int64 | Kind::Uint64 | Kind::Sint64 | Kind::Fixed64 | Kind::Sfixed64 => json!("0"),
        Kind::Int32 | Kind::Uint32 | Kind::Sint32 | Kind::Fixed32 | Kind::Sfixed32 => json!(0),
        Kind::Enum(one) => json!(one.default_value().name()),
        Kind::Message(message) => message_value(message, outer),
    }
}

/// Those that have a form of their own in JSON.
fn well_known(name: &str) -> Option<Value> {
    Some(match name.strip_prefix("google.protobuf.")? {
        "Timestamp" => json!("1970-01-01T00:00:00Z"),
        "Duration" => json!("0s"),
        "FieldMask" | "StringValue" | "BytesValue" => json!(""),
        "Any" => json!({"@type": "type.googleapis.com/google.protobuf.Empty"}),
        "Struct" => json!({}),
        "Value" => Value::Null,
        "ListValue" => json!([]),
        "BoolValue" => json!(false),
        "DoubleValue" | "FloatValue" | "Int32Value" | "UInt32Value" => json!(0),
        "Int64Value" | "UInt64Value" => json!("0"),
        _ => return None,
    })
}
