//! Which Rust type a Protobuf type is, seen from a package.

use crate::names::{camel, modules, snake};
use std::collections::BTreeMap;

/// A Rust type.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Type {
    /// A path that begins in the module of the package.
    Relative(String),
    /// A path that means the same everywhere.
    Absolute(String),
}

impl Type {
    /// The type, written in the module of the package.
    pub(crate) fn here(&self) -> &str {
        match self {
            Type::Relative(path) | Type::Absolute(path) => path,
        }
    }

    /// The type, written in a module inside that of the package.
    pub(crate) fn inside(&self) -> String {
        match self {
            Type::Relative(path) => format!("super::{path}"),
            Type::Absolute(path) => path.clone(),
        }
    }

    /// The type, written two modules inside that of the package.
    pub(crate) fn deeper(&self) -> String {
        match self {
            Type::Relative(path) => format!("super::super::{path}"),
            Type::Absolute(path) => path.clone(),
        }
    }
}

/// Types that are not generated, by the beginning of their full names.
#[derive(Debug)]
pub(crate) struct Types {
    elsewhere: BTreeMap<String, String>,
}

impl Types {
    /// `externs` map full names of packages or types (with a leading dot) to Rust paths. With `well_known`, the names of
    /// the crates that hold the well-known types: the runtime's path and prost's.
    pub(crate) fn new(externs: &[(String, String)], well_known: Option<(&str, &str)>) -> Types {
        let mut elsewhere = BTreeMap::new();
        if let Some((runtime, prost)) = well_known {
            let mut add = |name: &str, rust: String| {
                elsewhere.insert(format!(".google.protobuf{name}"), rust)
            };
            add("", format!("{runtime}::prost_types"));
            add(".StringValue", format!("{prost}::alloc::string::String"));
            add(".BytesValue", format!("{prost}::bytes::Bytes"));
            for (name, primitive) in PRIMITIVES {
                add(name, primitive.to_owned());
            }
        }
        elsewhere.extend(externs.iter().cloned());
        Types { elsewhere }
    }

    /// Every mapping, for the message generator.
    pub(crate) fn elsewhere(&self) -> impl Iterator<Item = (&String, &String)> {
        self.elsewhere.iter()
    }

    /// The Rust path of a type that is not generated. `name` begins with a dot.
    pub(crate) fn external(&self, name: &str) -> Option<String> {
        if let Some(path) = self.elsewhere.get(name) {
            return Some(path.clone());
        }
        // The root, of which all that has no other place is a part.
        let root = || Some((0, self.elsewhere.get(".")?));
        let dots = name
            .rmatch_indices('.')
            .map(|(index, _)| index)
            .filter(|index| *index > 0);
        let (index, path) = dots
            .filter_map(|index| Some((index, self.elsewhere.get(&name[..index])?)))
            .next()
            .or_else(root)?;
        let mut parts: Vec<&str> = name[index + 1..].split('.').collect();
        let last = parts.pop().map(camel)?;
        let escaped = path
            .split("::")
            .chain(parts)
            .enumerate()
            .map(|(index, part)| match part {
                "crate" if index == 0 => part.to_owned(),
                part => snake(part),
            });
        Some(escaped.chain([last]).collect::<Vec<_>>().join("::"))
    }

    /// The type with a full name, seen from a package.
    pub(crate) fn resolve(&self, name: &str, package: &str) -> Type {
        if let Some(path) = self.external(name) {
            return Type::Absolute(path);
        }
        let mut parts: Vec<&str> = name.trim_start_matches('.').split('.').collect();
        let last = parts.pop().map(camel).unwrap_or_default();
        let here: Vec<&str> = package.split('.').filter(|part| !part.is_empty()).collect();
        let common = here.iter().zip(&parts).take_while(|(a, b)| a == b).count();
        let up = here[common..].iter().map(|_| "super".to_owned());
        let down = modules(&parts[common..].join("."));
        Type::Relative(up.chain(down).chain([last]).collect::<Vec<_>>().join("::"))
    }
}

const PRIMITIVES: [(&str, &str); 8] = [
    (".BoolValue", "bool"),
    (".DoubleValue", "f64"),
    (".Empty", "()"),
    (".FloatValue", "f32"),
    (".Int32Value", "i32"),
    (".Int64Value", "i64"),
    (".UInt32Value", "u32"),
    (".UInt64Value", "u64"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_named_relative_to_the_package() {
        let types = Types::new(&[], None);
        let resolve = |name, package| types.resolve(name, package).here().to_owned();
        assert_eq!(resolve(".a.b.Msg", "a.b"), "Msg");
        assert_eq!(resolve(".a.b.Outer.Inner", "a.b"), "outer::Inner");
        assert_eq!(resolve(".a.c.Msg", "a.b"), "super::c::Msg");
        assert_eq!(resolve(".a.Msg", "a.b.c"), "super::super::Msg");
        assert_eq!(resolve(".Msg", "a"), "super::Msg");
        assert_eq!(resolve(".type.Msg", ""), "r#type::Msg");
    }

    #[test]
    fn everything_may_be_elsewhere() {
        let externs = [
            (".".into(), "crate::messages".into()),
            (".google.protobuf".into(), "::types".into()),
        ];
        let types = Types::new(&externs, None);
        let resolve = |name| types.resolve(name, "a").inside();
        assert_eq!(resolve(".a.b.M"), "crate::messages::a::b::M");
        assert_eq!(resolve(".M.N"), "crate::messages::m::N");
        assert_eq!(resolve(".google.protobuf.Empty"), "::types::Empty");
    }

    #[test]
    fn the_longest_external_path_wins() {
        let externs = [
            (".a".into(), "crate::x".into()),
            (".a.b".into(), "::y".into()),
            (".a.T".into(), "u8".into()),
        ];
        let types = Types::new(&externs, Some(("::farcall", "::farcall::prost")));
        let resolve = |name| types.resolve(name, "a").inside();
        assert_eq!(resolve(".a.M"), "crate::x::M");
        assert_eq!(resolve(".a.b.M.N"), "::y::m::N");
        assert_eq!(resolve(".a.T"), "u8");
        assert_eq!(
            resolve(".google.protobuf.Timestamp"),
            "::farcall::prost_types::Timestamp"
        );
        assert_eq!(resolve(".google.protobuf.Empty"), "()");
        assert_eq!(resolve(".other.M"), "super::super::other::M");
    }
}
