//! A complete set of descriptors, ready for the generators.

use super::{
    editions::{self, say_packed},
    features, wire,
};
use crate::error::{Diagnostic, Error, Location};
use prost::Message;
use prost_types::{DescriptorProto, FileDescriptorProto, FileDescriptorSet, source_code_info};
use std::{
    collections::{HashMap, HashSet},
    path::PathBuf,
};

/// The files to generate code from, with all that they import.
///
/// Files of an edition have become files of proto3 that mean the same; `packed` is explicit where prost-build would guess.
pub(crate) struct Files {
    files: Vec<FileDescriptorProto>,
    /// The set as it came, without source information.
    bare: Vec<u8>,
    /// Where files lie, by the name under which they are imported.
    disk: HashMap<String, PathBuf>,
}

impl Files {
    /// # Errors
    /// If `set` is not an encoded `FileDescriptorSet`, if an import or a type is missing, if an edition is not known.
    pub(crate) fn decode(set: &[u8], disk: HashMap<String, PathBuf>) -> Result<Files, Error> {
        let broken =
            || Error::new("the descriptor set is not an encoded google.protobuf.FileDescriptorSet");
        let decoded = FileDescriptorSet::decode(set).map_err(|_| broken())?;
        let shadow = features::Set::decode(set).map_err(|_| broken())?;
        let bare = wire::without_source_info(set).ok_or_else(broken)?;
        let mut files = Files {
            files: decoded.file,
            bare,
            disk,
        };
        files.complete()?;
        for index in 0..files.files.len() {
            files.normalize(index, &shadow.file[index])?;
        }
        Ok(files)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &FileDescriptorProto> {
        self.files.iter()
    }

    /// The encoded set for reflection: as the compiler wrote it, without comments and positions.
    pub(crate) fn encoded(&self) -> &[u8] {
        &self.bare
    }

    /// Where the files lie that were read from disk.
    pub(crate) fn on_disk(&self) -> impl Iterator<Item = &PathBuf> {
        self.disk.values()
    }

    /// Where an element is defined. `path` is that of `SourceCodeInfo.Location`.
    pub(crate) fn location(&self, file: &FileDescriptorProto, path: &[i32]) -> Location {
        let name = match self.disk.get(file.name()) {
            Some(path) => path.display().to_string(),
            None => file.name().to_owned(),
        };
        let position = |value: i32| u32::try_from(value).unwrap_or(0).saturating_add(1);
        match info(file, path).map(|info| info.span.as_slice()) {
            Some(&[line, column, ..]) => Location {
                file: name,
                line: position(line),
                column: position(column),
            },
            _ => Location {
                file: name,
                line: 0,
                column: 0,
            },
        }
    }

    /// What the author says about an element: the comment before it and the one behind it.
    pub(crate) fn comment(file: &FileDescriptorProto, path: &[i32]) -> String {
        info(file, path).map(comment_of).unwrap_or_default()
    }

    fn normalize(&mut self, index: usize, shadow: &features::File) -> Result<(), Error> {
        let file = &mut self.files[index];
        match file.syntax() {
            "editions" => {
                if let Err(edition) = editions::lower(file, shadow) {
                    let at = self.location(&self.files[index], &[]);
                    return Err(Error::at(
                        at,
                        format!(
                            "edition {edition} is newer than this generator, which knows 2023 and 2024"
                        ),
                    ));
                }
            }
            "proto3" => file.message_type.iter_mut().for_each(say_packed),
            "" | "proto2" => {}
            other => {
                let message = format!("syntax {other:?} is not known");
                return Err(Error::at(self.location(&self.files[index], &[12]), message));
            }
        }
        Ok(())
    }

    /// Message generators need every type that is named, imported ones too.
    fn complete(&self) -> Result<(), Error> {
        let names: HashSet<&str> = self.iter().map(FileDescriptorProto::name).collect();
        let mut types = HashSet::new();
        for file in self.iter() {
            let scope = if file.package().is_empty() {
                String::new()
            } else {
                format!(".{}", file.package())
            };
            declared(&scope, &file.message_type, &mut types);
            types.extend(
                file.enum_type
                    .iter()
                    .map(|enumeration| format!("{scope}.{}", enumeration.name())),
            );
        }
        let mut missing = Vec::new();
        for file in self.iter() {
            let mut complain = |path: &[i32], message: String| {
                missing.push(Diagnostic {
                    location: Some(self.location(file, path)),
                    message,
                });
            };
            let absent = file
                .dependency
                .iter()
                .enumerate()
                .filter(|(_, import)| !names.contains(import.as_str()));
            for (index, import) in absent {
                let hint = "make the descriptor set with its imports (protoc --include_imports; buf build does)";
                complain(
                    &[3, index as i32],
                    format!("{import} is imported but not in the descriptor set; {hint}"),
                );
            }
            used(file, &mut |path, name| {
                if !types.contains(name) {
                    complain(
                        path,
                        format!("{name:?} is not the full name of a type in the descriptor set"),
                    );
                }
            });
        }
        if missing.is_empty() {
            Ok(())
        } else {
            Err(Error::from_all(missing))
        }
    }
}

fn info<'a>(file: &'a FileDescriptorProto, path: &[i32]) -> Option<&'a source_code_info::Location> {
    file.source_code_info
        .as_ref()?
        .location
        .iter()
        .find(|location| location.path == path)
}

/// Both comments of a place.
pub(crate) fn comment_of(info: &source_code_info::Location) -> String {
    match (info.leading_comments(), info.trailing_comments()) {
        (leading, "") => leading.to_owned(),
        ("", trailing) => trailing.to_owned(),
        (leading, trailing) => format!("{}\n\n{trailing}", leading.trim_end()),
    }
}

fn declared(scope: &str, messages: &[DescriptorProto], types: &mut HashSet<String>) {
    for message in messages {
        let name = format!("{scope}.{}", message.name());
        declared(&name, &message.nested_type, types);
        types.extend(
            message
                .enum_type
                .iter()
                .map(|enumeration| format!("{name}.{}", enumeration.name())),
        );
        types.insert(name);
    }
}

/// Calls `each` with the place and the name of every type that a file uses.
fn used(file: &FileDescriptorProto, each: &mut impl FnMut(&[i32], &str)) {
    for (index, message) in file.message_type.iter().enumerate() {
        used_in(message, &mut vec![4, index as i32], each);
    }
    for (index, service) in file.service.iter().enumerate() {
        for (number, method) in service.method.iter().enumerate() {
            let path = [6, index as i32, 2, number as i32];
            each(&path, method.input_type());
            each(&path, method.output_type());
        }
    }
}

fn used_in(message: &DescriptorProto, path: &mut Vec<i32>, each: &mut impl FnMut(&[i32], &str)) {
    for (index, field) in message.field.iter().enumerate() {
        let primitive = field
            .r#type
            .is_some_and(|kind| !matches!(kind, 10 | 11 | 14));
        if !primitive {
            path.extend([2, index as i32]);
            each(path, field.type_name());
            path.truncate(path.len() - 2);
        }
    }
    for (index, nested) in message.nested_type.iter().enumerate() {
        path.extend([3, index as i32]);
        used_in(nested, path, each);
        path.truncate(path.len() - 2);
    }
}
