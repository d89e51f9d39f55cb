//! From encoded files to a pool.

use crate::failure::Failure;
use prost::Message;
use prost_reflect::DescriptorPool;
use prost_types::FileDescriptorProto;
use std::collections::BTreeMap;

/// Compiles or reads what `config` names. Files of an edition become files of proto3 that mean the same, since pools know no editions.
pub(super) fn pool(config: farcall_build::Config) -> Result<DescriptorPool, Failure> {
    let set = config.descriptors().map_err(Failure::local)?;
    DescriptorPool::decode(&*set).map_err(Failure::local)
}

/// Files that have come one by one.
#[derive(Default)]
pub(super) struct Gathered {
    /// Encoded, under their names; of files with the same name the first counts.
    files: BTreeMap<String, Encoded>,
    /// Whether one of them is of an edition.
    editions: bool,
}

struct Encoded {
    file: Vec<u8>,
    imports: Vec<String>,
}

impl Gathered {
    /// # Errors
    /// `file` is not an encoded `FileDescriptorProto`.
    pub(super) fn add(&mut self, file: Vec<u8>) -> Result<(), Failure> {
        let decoded = FileDescriptorProto::decode(&*file).map_err(|error| {
            Failure::local(format!("the server's descriptors cannot be read: {error}"))
        })?;
        self.editions |= decoded.syntax() == "editions";
        let imports = decoded.dependency;
        let name = decoded.name.unwrap_or_default();
        self.files.entry(name).or_insert(Encoded { file, imports });
        Ok(())
    }

    /// A file that others import and that has not come.
    pub(super) fn missing(&self) -> Option<String> {
        let mut imports = self.files.values().flat_map(|file| &file.imports);
        imports
            .find(|name| !self.files.contains_key(*name))
            .cloned()
    }

    /// # Errors
    /// The files contradict each other.
    pub(super) fn pool(&self) -> Result<DescriptorPool, Failure> {
        if self.files.is_empty() {
            return Ok(DescriptorPool::new());
        }
        #[derive(Clone, PartialEq, Message)]
        struct Set {
            #[prost(bytes = "vec", repeated, tag = "1")]
            file: Vec<Vec<u8>>,
        }
        let file = self.files.values().map(|file| file.file.clone()).collect();
        let set = Set { file }.encode_to_vec();
        match self.editions {
            true => pool(farcall_build::Config::new().descriptor_set(set)),
            // Servers of Node name types relative to where they are used; pools find them, generators do not.
            false => DescriptorPool::decode(&*set).map_err(Failure::local),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost_types::{DescriptorProto, FieldDescriptorProto};

    fn file(name: &str, imports: &[&str]) -> Vec<u8> {
        FileDescriptorProto {
            name: Some(name.into()),
            dependency: imports.iter().map(|import| import.to_string()).collect(),
            ..Default::default()
        }
        .encode_to_vec()
    }

    #[test]
    fn what_is_imported_and_has_not_come_is_missing() {
        let mut gathered = Gathered::default();
        gathered.add(file("a.proto", &["b.proto"])).unwrap();
        assert_eq!(gathered.missing().as_deref(), Some("b.proto"));
        gathered.add(file("b.proto", &[])).unwrap();
        assert_eq!(gathered.missing(), None);
        assert_eq!(gathered.pool().unwrap().files().len(), 2);
    }

    #[test]
    fn types_may_be_named_relative_to_their_package() {
        let mut file = FileDescriptorProto {
            name: Some("r.proto".into()),
            package: Some("route".into()),
            syntax: Some("proto3".into()),
            ..Default::default()
        };
        let field = FieldDescriptorProto {
            name: Some("at".into()),
            number: Some(1),
            label: Some(1),
            r#type: Some(11),
            type_name: Some("Point".into()),
            ..Default::default()
        };
        for (name, field) in [("Point", vec![]), ("Feature", vec![field])] {
            file.message_type.push(DescriptorProto {
                name: Some(name.into()),
                field,
                ..Default::default()
            });
        }
        let mut gathered = Gathered::default();
        gathered.add(file.encode_to_vec()).unwrap();
        let pool = gathered.pool().unwrap();
        let feature = pool.get_message_by_name("route.Feature").unwrap();
        let at = feature.get_field_by_name("at").unwrap().kind();
        assert_eq!(at.as_message().unwrap().full_name(), "route.Point");
    }

    #[test]
    fn files_of_an_edition_are_understood() {
        let mut file = FileDescriptorProto {
            name: Some("e.proto".into()),
            syntax: Some("editions".into()),
            message_type: vec![DescriptorProto {
                name: Some("M".into()),
                ..Default::default()
            }],
            ..Default::default()
        }
        .encode_to_vec();
        // `edition`, field 14, which is not in the generated type: 2023 is 1000.
        file.extend([14 << 3, 0xe8, 0x07]);
        let mut gathered = Gathered::default();
        gathered.add(file).unwrap();
        assert!(gathered.pool().unwrap().get_message_by_name("M").is_some());
    }

    #[test]
    fn what_is_no_descriptor_is_an_error() {
        assert!(Gathered::default().add(vec![0xff; 3]).is_err());
    }
}
