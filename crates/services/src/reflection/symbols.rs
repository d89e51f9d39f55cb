//! What a file declares.

use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto,
};

/// Where a file's declarations go.
pub(super) trait Declared {
    /// A service, method, message, field, oneof, enum, value or extension, by its full name.
    fn symbol(&mut self, name: String);
    /// An extension of the message with the full name `of`.
    fn extension(&mut self, of: &str, number: i32);
}

/// Tells everything that `file` declares.
pub(super) fn of(file: &FileDescriptorProto, to: &mut impl Declared) {
    let package = file.package();
    for message in &file.message_type {
        of_message(package, message, to);
    }
    for one in &file.enum_type {
        of_enum(package, one, to);
    }
    for extension in &file.extension {
        of_extension(package, extension, to);
    }
    for service in &file.service {
        let name = join(package, service.name());
        for method in &service.method {
            to.symbol(join(&name, method.name()));
        }
        to.symbol(name);
    }
}

fn of_message(scope: &str, message: &DescriptorProto, to: &mut impl Declared) {
    let name = join(scope, message.name());
    for nested in &message.nested_type {
        of_message(&name, nested, to);
    }
    for one in &message.enum_type {
        of_enum(&name, one, to);
    }
    for extension in &message.extension {
        of_extension(&name, extension, to);
    }
    for field in &message.field {
        to.symbol(join(&name, field.name()));
    }
    for oneof in &message.oneof_decl {
        to.symbol(join(&name, oneof.name()));
    }
    to.symbol(name);
}

/// The values of an enum are its siblings, not its children: `pkg.VALUE`.
fn of_enum(scope: &str, one: &EnumDescriptorProto, to: &mut impl Declared) {
    to.symbol(join(scope, one.name()));
    for value in &one.value {
        to.symbol(join(scope, value.name()));
    }
}

fn of_extension(scope: &str, extension: &FieldDescriptorProto, to: &mut impl Declared) {
    to.symbol(join(scope, extension.name()));
    // Compilers write full names with a leading dot.
    to.extension(
        extension.extendee().trim_start_matches('.'),
        extension.number(),
    );
}

fn join(scope: &str, name: &str) -> String {
    match scope {
        "" => name.to_owned(),
        _ => format!("{scope}.{name}"),
    }
}
