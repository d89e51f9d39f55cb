//! Files of an edition as files of proto3, for a message generator that knows no editions.
//!
//! proto3 can say everything that matters on the wire: presence (`proto3_optional`, required), packing, groups.

use super::features::{Descriptor, Features, File};
use prost_types::{
    DescriptorProto, FieldDescriptorProto, FieldOptions, FileDescriptorProto,
    field_descriptor_proto::{Label, Type},
};

/// Edition 2024; what a later one changes cannot be known.
pub(crate) const NEWEST: i32 = 1001;
/// proto2, the oldest "edition".
pub(crate) const OLDEST: i32 = 998;
/// The first that is written `edition = "2023";`.
const FIRST: i32 = 1000;

/// Rewrites a file of an edition.
///
/// # Errors
/// With the edition's number if it is unknown.
pub(super) fn lower(file: &mut FileDescriptorProto, shadow: &File) -> Result<(), i32> {
    let edition = shadow.edition.unwrap_or_default();
    if !(FIRST..=NEWEST).contains(&edition) {
        return Err(edition);
    }
    let features =
        Features::DEFAULTS.overridden(shadow.options.as_ref().and_then(|options| options.features));
    for (message, shadow) in file.message_type.iter_mut().zip(&shadow.messages) {
        lower_message(message, shadow, features);
    }
    file.syntax = Some("proto3".into());
    Ok(())
}

fn lower_message(message: &mut DescriptorProto, shadow: &Descriptor, outer: Features) {
    let features = outer.overridden(shadow.options.as_ref().and_then(|options| options.features));
    let map_entry = message
        .options
        .as_ref()
        .is_some_and(|options| options.map_entry());
    let maps: Vec<String> = message
        .nested_type
        .iter()
        .filter(|nested| {
            nested
                .options
                .as_ref()
                .is_some_and(|options| options.map_entry())
        })
        .map(|nested| nested.name().to_owned())
        .collect();
    for (field, own) in message.field.iter_mut().zip(&shadow.fields) {
        let oneof = field
            .oneof_index
            .and_then(|index| shadow.oneofs.get(index as usize));
        let features = features
            .overridden(oneof.and_then(|oneof| oneof.options.as_ref()?.features))
            .overridden(own.options.as_ref().and_then(|options| options.features));
        let is_map = maps
            .iter()
            .any(|map| field.type_name().rsplit('.').next() == Some(map));
        if !map_entry && !is_map {
            lower_field(field, features);
        }
    }
    for (nested, shadow) in message.nested_type.iter_mut().zip(&shadow.nested) {
        lower_message(nested, shadow, features);
    }
}

fn lower_field(field: &mut FieldDescriptorProto, features: Features) {
    if field.r#type() == Type::Message && features.message_encoding == Some(Features::DELIMITED) {
        field.set_type(Type::Group);
    }
    if field.label() == Label::Repeated {
        if packable(field.r#type()) {
            let packed = features.repeated_encoding == Some(Features::PACKED);
            field
                .options
                .get_or_insert_with(FieldOptions::default)
                .packed = Some(packed);
        }
    } else if field.oneof_index.is_none() {
        match features.field_presence {
            Some(Features::REQUIRED) => field.set_label(Label::Required),
            Some(Features::IMPLICIT) if field.r#type() != Type::Group => {}
            _ if field.r#type() == Type::Message => {}
            _ => field.proto3_optional = Some(true),
        }
    }
}

/// In proto3 a repeated field is packed unless it says otherwise, also if it has other options.
pub(super) fn say_packed(message: &mut DescriptorProto) {
    for field in &mut message.field {
        let repeated = field.label() == Label::Repeated && packable(field.r#type());
        if let Some(options) = field
            .options
            .as_mut()
            .filter(|options| repeated && options.packed.is_none())
        {
            options.packed = Some(true);
        }
    }
    message.nested_type.iter_mut().for_each(say_packed);
}

fn packable(kind: Type) -> bool {
    !matches!(
        kind,
        Type::String | Type::Bytes | Type::Message | Type::Group
    )
}
