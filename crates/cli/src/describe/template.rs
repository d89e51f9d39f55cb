//! A message as JSON to be filled in: each field once, with a value of its type.

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

/// The JSON, with a line break at its end. A message inside itself is left empty.
pub(super) fn of(message: &MessageDescriptor) -> String {
    let mut text = String::new();
    write_message(&mut text, message, 0, &mut Vec::new());
    text + "\n"
}

/// Fields stand in the order of the file, which maps of JSON libraries do not keep.
fn write_message(
    text: &mut String,
    message: &MessageDescriptor,
    depth: usize,
    outer: &mut Vec<String>,
) {
    if let Some(value) = well_known(message.full_name()) {
        *text += value;
        return;
    }
    let inside_itself = outer.iter().any(|name| name == message.full_name());
    if inside_itself || message.fields().len() == 0 {
        *text += "{}";
        return;
    }
    outer.push(message.full_name().to_owned());
    *text += "{";
    for (index, field) in message.fields().enumerate() {
        *text += if index > 0 { ",\n" } else { "\n" };
        *text += &format!("{}\"{}\": ", "  ".repeat(depth + 1), field.json_name());
        write_field(text, &field, depth + 1, outer);
    }
    *text += &format!("\n{}}}", "  ".repeat(depth));
    outer.pop();
}

fn write_field(text: &mut String, field: &FieldDescriptor, depth: usize, outer: &mut Vec<String>) {
    if let (true, Kind::Message(entry)) = (field.is_map(), field.kind()) {
        let key = match entry.map_entry_key_field().kind() {
            Kind::String => "",
            Kind::Bool => "false",
            _ => "0",
        };
        *text += &format!("{{\"{key}\": ");
        write_value(text, &entry.map_entry_value_field().kind(), depth, outer);
        *text += "}";
        return;
    }
    let (open, close) = if field.is_list() {
        ("[", "]")
    } else {
        ("", "")
    };
    *text += open;
    write_value(text, &field.kind(), depth, outer);
    *text += close;
}

fn write_value(text: &mut String, kind: &Kind, depth: usize, outer: &mut Vec<String>) {
    *text += match kind {
        Kind::String | Kind::Bytes => "\"\"",
        Kind::Bool => "false",
        Kind::Double | Kind::Float => "0.0",
        // 64 bits are strings in JSON.
        Kind::Int64 | Kind::Uint64 | Kind::Sint64 | Kind::Fixed64 | Kind::Sfixed64 => "\"0\"",
        Kind::Int32 | Kind::Uint32 | Kind::Sint32 | Kind::Fixed32 | Kind::Sfixed32 => "0",
        Kind::Enum(one) => {
            *text += &format!("\"{}\"", one.default_value().name());
            return;
        }
        Kind::Message(message) => return write_message(text, message, depth, outer),
    };
}

/// Those that have a form of their own in JSON.
fn well_known(name: &str) -> Option<&'static str> {
    Some(match name.strip_prefix("google.protobuf.")? {
        "Timestamp" => "\"1970-01-01T00:00:00Z\"",
        "Duration" => "\"0s\"",
        "FieldMask" | "StringValue" | "BytesValue" => "\"\"",
        "Any" => "{\"@type\": \"type.googleapis.com/google.protobuf.Empty\", \"value\": {}}",
        "Struct" | "Empty" => "{}",
        "Value" => "null",
        "ListValue" => "[]",
        "BoolValue" => "false",
        "DoubleValue" | "FloatValue" | "Int32Value" | "UInt32Value" => "0",
        "Int64Value" | "UInt64Value" => "\"0\"",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost_reflect::{DescriptorPool, DynamicMessage};

    #[test]
    fn a_template_of_everything_can_be_read_back() {
        let source = "syntax = \"proto3\";\nimport \"google/protobuf/any.proto\";\nimport \"google/protobuf/timestamp.proto\";\n\
            import \"google/protobuf/empty.proto\";\nenum E { NONE = 0; }\nmessage M {\n  int64 big = 1; repeated string names = 2; \
            map<int32, M> inner = 3; oneof one { bytes raw = 4; bool yes = 5; }\n  google.protobuf.Any any = 6; \
            google.protobuf.Timestamp at = 7; E e = 8; google.protobuf.Empty nothing = 9; double d = 10; map<string, E> es = 11; }";
        let folder = std::env::temp_dir().join(format!("farcall-template-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("m.proto");
        std::fs::write(&file, source).unwrap();
        let set = farcall_build::Config::new().proto(&file).descriptors();
        std::fs::remove_dir_all(&folder).unwrap();
        let pool = DescriptorPool::decode(&*set.unwrap()).unwrap();
        let message = pool.get_message_by_name("M").unwrap();
        // Of a oneof one field may be set.
        let text = of(&message).replace("  \"yes\": false,\n", "");
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["inner"]["0"], serde_json::json!({}));
        DynamicMessage::deserialize(message, json).unwrap();
    }
}
