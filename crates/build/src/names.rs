//! Protobuf names as Rust names, by the same rules as prost-build, whose messages stand beside our services.

use heck::{ToShoutySnakeCase, ToSnakeCase, ToUpperCamelCase};

/// A function, a field or a module.
pub(crate) fn snake(name: &str) -> String {
    sanitize(name.to_snake_case())
}

/// A type.
pub(crate) fn camel(name: &str) -> String {
    sanitize(name.to_upper_camel_case())
}

/// A type before keywords are escaped, for names that get a suffix.
pub(crate) fn camel_stem(name: &str) -> String {
    let stem = name.to_upper_camel_case();
    if stem.starts_with(|c: char| c.is_numeric()) {
        format!("_{stem}")
    } else {
        stem
    }
}

/// A static.
pub(crate) fn shouty(name: &str) -> String {
    let name = name.to_shouty_snake_case();
    if name.starts_with(|c: char| c.is_numeric()) {
        format!("_{name}")
    } else {
        name
    }
}

/// The function of an RPC. Some names stay free for the client type itself: `new` makes one, `client.clone()` must clone,
/// and `client.into()` would always mean the conversion, which takes the client by value.
pub(crate) fn function(method: &str) -> String {
    let name = snake(method);
    if matches!(name.as_str(), "new" | "clone" | "into" | "try_into") {
        name + "_"
    } else {
        name
    }
}

/// The Rust modules of a Protobuf package.
pub(crate) fn modules(package: &str) -> Vec<String> {
    package
        .split('.')
        .filter(|part| !part.is_empty())
        .map(snake)
        .collect()
}

fn sanitize(name: String) -> String {
    if RAW.contains(&name.as_str()) {
        format!("r#{name}")
    } else if matches!(
        name.as_str(),
        "_" | "super" | "self" | "Self" | "extern" | "crate"
    ) {
        name + "_"
    } else if name.starts_with(|c: char| c.is_numeric()) {
        format!("_{name}")
    } else {
        name
    }
}

/// Keywords that may be raw identifiers (Rust Reference, "Keywords").
#[rustfmt::skip]
const RAW: [&str; 47] = [
    "as", "break", "const", "continue", "else", "enum", "false", "fn", "for", "if", "impl", "in", "let", "loop",
    "match", "mod", "move", "mut", "pub", "ref", "return", "static", "struct", "trait", "true", "type", "unsafe",
    "use", "where", "while", "dyn", "abstract", "become", "box", "do", "final", "macro", "override", "priv",
    "typeof", "unsized", "virtual", "yield", "async", "await", "try", "gen",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_rules_of_the_message_generator() {
        assert_eq!(snake("SayHello"), "say_hello");
        assert_eq!(snake("GetHTTPThing2"), "get_http_thing2");
        assert_eq!(camel("route_guide"), "RouteGuide");
        assert_eq!(shouty("SayHello"), "SAY_HELLO");
        assert_eq!(modules("grpc.health.v1"), ["grpc", "health", "v1"]);
        assert_eq!(modules(""), [""; 0]);
    }

    #[test]
    fn keywords_are_escaped() {
        assert_eq!(snake("Type"), "r#type");
        assert_eq!(snake("Gen"), "r#gen");
        assert_eq!(snake("Self"), "self_");
        assert_eq!(camel("self"), "Self_");
        assert_eq!(modules("a.match.crate"), ["a", "r#match", "crate_"]);
    }

    #[test]
    fn names_that_the_client_type_needs_itself_get_an_underscore() {
        assert_eq!(function("New"), "new_");
        assert_eq!(function("Clone"), "clone_");
        assert_eq!(function("TryInto"), "try_into_");
        assert_eq!(function("Drop"), "drop");
    }
}
