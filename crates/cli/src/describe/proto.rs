//! Descriptors as the text of a `.proto` file.

use super::comments;
use prost_reflect::{
    Cardinality, EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor,
    OneofDescriptor, ServiceDescriptor, Syntax,
};
use std::fmt::Write;

/// A service with its methods; types have their full names, so that they can be described in turn.
pub(super) fn service(service: &ServiceDescriptor) -> String {
    let file = service.parent_file_descriptor_proto();
    let mut text = comments::before(file, service.path(), "");
    let _ = writeln!(
        text,
        "// {}\nservice {} {{",
        service.full_name(),
        service.name()
    );
    for one in service.methods() {
        text += &comments::before(file, one.path(), "  ");
        let _ = writeln!(text, "  {}", method(&one));
    }
    text + "}\n"
}

/// A method without its service.
pub(super) fn method_alone(one: &MethodDescriptor) -> String {
    let file = one.parent_service().parent_file();
    let comment = comments::before(file.file_descriptor_proto(), one.path(), "");
    let path = format!("// {}/{}", one.parent_service().full_name(), one.name());
    format!("{comment}{path}\n{}\n", method(one))
}

/// A message with everything in it.
pub(super) fn message(message: &MessageDescriptor) -> String {
    let mut text = String::new();
    write_message(&mut text, message, "", Some(message.full_name()));
    text
}

/// An enum.
pub(super) fn enumeration(one: &EnumDescriptor) -> String {
    let mut text = String::new();
    write_enum(&mut text, one, "", Some(one.full_name()));
    text
}

fn method(method: &MethodDescriptor) -> String {
    let stream = |yes| if yes { "stream " } else { "" };
    let deprecated = deprecated(&method.options());
    let end = if deprecated {
        " { option deprecated = true; }"
    } else {
        ";"
    };
    format!(
        "rpc {}({}{}) returns ({}{}){end}",
        method.name(),
        stream(method.is_client_streaming()),
        method.input().full_name(),
        stream(method.is_server_streaming()),
        method.output().full_name(),
    )
}

fn write_message(text: &mut String, message: &MessageDescriptor, indent: &str, head: Option<&str>) {
    let file = message.parent_file_descriptor_proto();
    *text += &comments::before(file, message.path(), indent);
    if let Some(name) = head {
        let _ = writeln!(text, "{indent}// {name}");
    }
    let _ = writeln!(text, "{indent}message {} {{", message.name());
    let inner = format!("{indent}  ");
    let mut oneofs_told = Vec::new();
    for one in message.fields() {
        match one
            .containing_oneof()
            .filter(|oneof| !is_optional(&one, oneof))
        {
            Some(oneof) if oneofs_told.contains(&oneof.name().to_owned()) => {}
            Some(oneof) => {
                write_oneof(text, &oneof, &inner);
                oneofs_told.push(oneof.name().to_owned());
            }
            None => write_field(text, &one, &inner),
        }
    }
    for range in message.extension_ranges() {
        let _ = writeln!(text, "{inner}extensions {};", span(range.start, range.end));
    }
    for range in message.reserved_ranges() {
        let _ = writeln!(text, "{inner}reserved {};", span(range.start, range.end));
    }
    for name in message.reserved_names() {
        let _ = writeln!(text, "{inner}reserved \"{name}\";");
    }
    for nested in message
        .child_messages()
        .filter(|nested| !nested.is_map_entry())
    {
        write_message(text, &nested, &inner, None);
    }
    for nested in message.child_enums() {
        write_enum(text, &nested, &inner, None);
    }
    let _ = writeln!(text, "{indent}}}");
}

fn write_oneof(text: &mut String, oneof: &OneofDescriptor, indent: &str) {
    let _ = writeln!(text, "{indent}oneof {} {{", oneof.name());
    for one in oneof.fields() {
        write_field(text, &one, &format!("{indent}  "));
    }
    let _ = writeln!(text, "{indent}}}");
}

fn write_field(text: &mut String, field: &FieldDescriptor, indent: &str) {
    let message = field.parent_message();
    *text += &comments::before(message.parent_file_descriptor_proto(), field.path(), indent);
    let kind = match (field.is_map(), field.kind()) {
        (true, Kind::Message(entry)) => {
            let (key, value) = (entry.map_entry_key_field(), entry.map_entry_value_field());
            format!("map<{}, {}>", kind(&key.kind()), kind(&value.kind()))
        }
        (_, other) => kind(&other),
    };
    let deprecated = if deprecated(&field.options()) {
        " [deprecated = true]"
    } else {
        ""
    };
    let (label, name, number) = (label(field), field.name(), field.number());
    let _ = writeln!(text, "{indent}{label}{kind} {name} = {number}{deprecated};");
}

fn write_enum(text: &mut String, one: &EnumDescriptor, indent: &str, head: Option<&str>) {
    let file = one.parent_file_descriptor_proto();
    *text += &comments::before(file, one.path(), indent);
    if let Some(name) = head {
        let _ = writeln!(text, "{indent}// {name}");
    }
    let _ = writeln!(text, "{indent}enum {} {{", one.name());
    for value in one.values() {
        let inner = format!("{indent}  ");
        *text += &comments::before(file, value.path(), &inner);
        let _ = writeln!(text, "{inner}{} = {};", value.name(), value.number());
    }
    let _ = writeln!(text, "{indent}}}");
}

/// proto3's `optional` is a oneof of one field.
fn is_optional(field: &FieldDescriptor, oneof: &OneofDescriptor) -> bool {
    field.field_descriptor_proto().proto3_optional() && oneof.fields().count() == 1
}

fn label(field: &FieldDescriptor) -> &'static str {
    let proto2 = field.parent_message().parent_file().syntax() == Syntax::Proto2;
    let in_oneof = field
        .containing_oneof()
        .is_some_and(|oneof| !is_optional(field, &oneof));
    match field.cardinality() {
        Cardinality::Repeated if field.is_map() => "",
        Cardinality::Repeated => "repeated ",
        Cardinality::Required => "required ",
        Cardinality::Optional if in_oneof => "",
        Cardinality::Optional if proto2 || field.field_descriptor_proto().proto3_optional() => {
            "optional "
        }
        Cardinality::Optional => "",
    }
}

fn kind(kind: &Kind) -> String {
    match kind {
        Kind::Message(message) => message.full_name().to_owned(),
        Kind::Enum(one) => one.full_name().to_owned(),
        scalar => format!("{scalar:?}").to_lowercase(),
    }
}

/// `end` is not in it; the largest number of a field is 2^29 − 1.
fn span(start: u32, end: u32) -> String {
    match end {
        _ if end == start + 1 => start.to_string(),
        0x2000_0000 => format!("{start} to max"),
        _ => format!("{start} to {}", end - 1),
    }
}

fn deprecated(options: &prost_reflect::DynamicMessage) -> bool {
    let value = options.get_field_by_name("deprecated");
    value.is_some_and(|value| value.as_bool() == Some(true))
}
