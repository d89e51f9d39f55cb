//! Names that differ in Protobuf and would be one in Rust.

use super::types::Types;
use crate::{
    descriptor::Files,
    error::{Diagnostic, Error, Location},
    names::{camel, function, modules, snake},
};
use prost_types::{DescriptorProto, EnumDescriptorProto, FileDescriptorProto};
use std::collections::{HashMap, HashSet};

/// # Errors
/// One complaint for each name that is taken already, or that has no letter to make a Rust name of.
pub(crate) fn check(files: &Files, types: &Types) -> Result<(), Error> {
    let mut check = Check {
        files,
        types,
        taken: HashMap::new(),
        complaints: Vec::new(),
    };
    for file in files.iter() {
        check.file(file);
    }
    if check.complaints.is_empty() {
        Ok(())
    } else {
        Err(Error::from_all(check.complaints))
    }
}

struct Check<'a> {
    files: &'a Files,
    types: &'a Types,
    /// Who has a name, by scope and name.
    taken: HashMap<(String, String), (String, Location)>,
    complaints: Vec<Diagnostic>,
}

/// Where an element stands: its file, its path in the descriptor, and the full name of what it stands in.
struct Place<'a> {
    file: &'a FileDescriptorProto,
    path: Vec<i32>,
    scope: String,
}

impl<'a> Place<'a> {
    fn inside(&self, field: i32, index: usize, name: &str) -> Place<'a> {
        let path = [self.path.as_slice(), &[field, index as i32]].concat();
        Place {
            file: self.file,
            path,
            scope: format!("{}.{name}", self.scope),
        }
    }
}

impl Check<'_> {
    fn file(&mut self, file: &FileDescriptorProto) {
        let scope = if file.package().is_empty() {
            String::new()
        } else {
            format!(".{}", file.package())
        };
        let place = Place {
            file,
            path: Vec::new(),
            scope,
        };
        let module = modules(file.package()).join("::");
        for (index, message) in file.message_type.iter().enumerate() {
            self.message(&place.inside(4, index, message.name()), &module, message);
        }
        for (index, enumeration) in file.enum_type.iter().enumerate() {
            self.enumeration(
                &place.inside(5, index, enumeration.name()),
                &module,
                enumeration,
            );
        }
        for (index, service) in file.service.iter().enumerate() {
            let place = place.inside(6, index, service.name());
            self.nameable(&place, service.name(), &camel(service.name()));
            for (number, method) in service.method.iter().enumerate() {
                let scope = format!("service {}", place.scope);
                self.claim(
                    &place.inside(2, number, method.name()),
                    &scope,
                    method.name(),
                    function(method.name()),
                );
            }
        }
    }

    fn message(&mut self, place: &Place<'_>, module: &str, message: &DescriptorProto) {
        let map_entry = message
            .options
            .as_ref()
            .is_some_and(|options| options.map_entry());
        if map_entry || self.types.external(&place.scope).is_some() {
            return;
        }
        self.claim(place, module, message.name(), camel(message.name()));
        let fields = format!("message {}", place.scope);
        for (index, field) in message.field.iter().enumerate() {
            self.claim(
                &place.inside(2, index, field.name()),
                &fields,
                field.name(),
                snake(field.name()),
            );
        }
        let module = format!(
            "{module}{}{}",
            if module.is_empty() { "" } else { "::" },
            snake(message.name())
        );
        let nested = message
            .nested_type
            .iter()
            .map(|nested| camel(nested.name()));
        let nested: HashSet<String> = nested
            .chain(message.enum_type.iter().map(|e| camel(e.name())))
            .collect();
        for (index, oneof) in message.oneof_decl.iter().enumerate() {
            let members = message
                .field
                .iter()
                .filter(|field| field.oneof_index == Some(index as i32));
            if members.into_iter().all(|field| field.proto3_optional()) {
                continue;
            }
            let place = place.inside(8, index, oneof.name());
            self.claim(&place, &fields, oneof.name(), snake(oneof.name()));
            let name = camel(oneof.name());
            let name = if nested.contains(&name) {
                name + "OneOf"
            } else {
                name
            };
            self.claim(&place, &module, oneof.name(), name);
        }
        for (index, nested) in message.nested_type.iter().enumerate() {
            self.message(&place.inside(3, index, nested.name()), &module, nested);
        }
        for (index, nested) in message.enum_type.iter().enumerate() {
            self.enumeration(&place.inside(4, index, nested.name()), &module, nested);
        }
    }

    fn enumeration(&mut self, place: &Place<'_>, module: &str, enumeration: &EnumDescriptorProto) {
        if self.types.external(&place.scope).is_some() {
            return;
        }
        let name = camel(enumeration.name());
        self.claim(place, module, enumeration.name(), name.clone());
        let mut numbers = HashSet::new();
        for (index, value) in enumeration.value.iter().enumerate() {
            // Of aliases only the first becomes a variant.
            if numbers.insert(value.number()) {
                let scope = format!("enum {}", place.scope);
                self.claim(
                    &place.inside(2, index, value.name()),
                    &scope,
                    value.name(),
                    variant(&name, value.name()),
                );
            }
        }
    }

    /// Notes that an element has a name in a scope, or complains.
    fn claim(&mut self, place: &Place<'_>, scope: &str, proto: &str, rust: String) {
        if !self.nameable(place, proto, &rust) {
            return;
        }
        let location = self.files.location(place.file, &place.path);
        match self.taken.get(&(scope.to_owned(), rust.clone())) {
            Some((first, at)) => {
                let message = format!(
                    "`{proto}` would be `{rust}` in Rust, as `{first}` ({at}) is; rename one of them"
                );
                self.complaints.push(Diagnostic {
                    location: Some(location),
                    message,
                });
            }
            None => {
                self.taken
                    .insert((scope.to_owned(), rust), (proto.to_owned(), location));
            }
        }
    }

    fn nameable(&mut self, place: &Place<'_>, proto: &str, rust: &str) -> bool {
        if !rust.is_empty() && rust != "_" {
            return true;
        }
        let location = Some(self.files.location(place.file, &place.path));
        let message = format!("`{proto}` has no letter or digit that a Rust name could be made of");
        self.complaints.push(Diagnostic { location, message });
        false
    }
}

/// A variant: without the name of the enum in front, where what remains still begins with a capital.
fn variant(enumeration: &str, value: &str) -> String {
    let value = camel(value);
    match value.strip_prefix(enumeration) {
        Some(rest) if rest.starts_with(char::is_uppercase) => rest.to_owned(),
        _ => value,
    }
}
