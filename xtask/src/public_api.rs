//! `cargo xtask public-api`: foreign types in public signatures come from an allow-list, so that a
//! new major version of a dependency is not one of ours.
//!
//! This reads text, not types. It sees, in the library crates and outside tests: `pub use` of a
//! foreign item; the signatures of `pub fn`; `pub type`, `pub const` and `pub static`; the fields of
//! `pub struct` that are `pub`, the variants of `pub enum`, and the signatures in `pub trait`. It does
//! not see types behind a macro, type parameters' defaults given elsewhere, nor foreign traits that a
//! public type implements (`impl From<foreign::Error> for Ours`); review looks for those.
//! `pub(crate)` is not public; `pub` in a module that is not reachable is a warning of rustc here
//! (`unreachable_pub`), so every `pub` counts.

use std::{collections::HashMap, io, path::Path};

use crate::{
    manifest::Kind,
    report::Report,
    rust::{
        lexer::Token,
        module::Module,
        paths::{self, PathRef},
        tests_out::closing,
        tree::Tree,
    },
    workspace::{self, Crate},
};

/// The crates whose API users see. `build` and `testkit` serve build scripts and tests.
const CHECKED: [&str; 9] = [
    "http2", "core", "lb", "net", "services", "xds", "otel", "buffa", "farcall",
];

/// Foreign items that may be named: crate, the path's next segments (empty: all of it), and the
/// folder below `crates/` that may name them (empty: everywhere).
const ALLOWED: [(&str, &[&str], &str); 16] = [
    ("bytes", &[], ""),
    ("http", &[], ""),
    // What a server is mounted with into the HTTP servers of others; behind features.
    ("http_body", &["Body"], "net/src/server/mount"),
    ("axum", &["Router"], "net/src/server/mount"),
    ("futures_core", &["Stream"], ""),
    ("futures_core", &["stream", "Stream"], ""),
    ("rustls", &["ClientConfig"], ""),
    ("rustls", &["ServerConfig"], ""),
    ("rustls", &["pki_types"], ""),
    ("tokio", &["io", "AsyncRead"], ""),
    ("tokio", &["io", "AsyncWrite"], ""),
    ("buffa", &[], "buffa/src"),
    ("prost", &["Message"], "core/src/codec"),
    ("prost", &["Message"], "core/src/status"),
    // The facade hands the runtime of the messages on, for generated code.
    ("prost", &[], "farcall/src"),
    ("prost_types", &[], "farcall/src"),
];

/// Checks the workspace at `root`.
pub fn check(root: &Path) -> io::Result<Report> {
    let mut report = Report::default();
    let crates = workspace::crates(root)?;
    for krate in crates.iter().filter(|c| CHECKED.contains(&c.name.as_str())) {
        let foreign = foreign(krate);
        let mut places = 0;
        for module in Tree::load(root, &krate.dir)?.modules {
            places += check_module(&module, &foreign, &mut report);
        }
        let names = foreign.join(", ");
        report.looked_at(format!(
            "{}: {places} public places, foreign crates: {names}",
            krate.dir.display()
        ));
    }
    Ok(report)
}

/// The foreign crates that the code of `krate` can name.
fn foreign(krate: &Crate) -> Vec<String> {
    let normal = krate.manifest.dependencies.iter();
    let normal = normal.filter(|d| d.kind == Kind::Normal && !d.package.starts_with("farcall"));
    normal.map(|d| d.alias.replace('-', "_")).collect()
}

fn check_module(module: &Module, foreign: &[String], report: &mut Report) -> usize {
    // A child module hides the crate of its name.
    let is_child = |name: &String| module.declared.iter().any(|(child, _)| child == name);
    let is_foreign = |path: &[String]| foreign.contains(&path[0]) && !is_child(&path[0]);
    let mut places = 0;
    // What the short names of this module stand for.
    let mut imports: HashMap<&str, &[String]> = HashMap::new();
    for import in module.uses.iter().filter(|u| is_foreign(&u.path)) {
        imports.insert(&import.name, &import.path);
        if import.is_pub {
            places += 1;
            judge(&import.path, import.line, module, report);
        }
    }
    for place in public_places(&module.tokens) {
        places += 1;
        for PathRef { path, line } in all_paths(place) {
            if is_foreign(&path) {
                judge(&path, line, module, report);
            } else if let Some(import) = imports.get(path[0].as_str()) {
                let full = [import, &path[1..]].concat();
                judge(&full, line, module, report);
            }
        }
    }
    places
}

fn judge(path: &[String], line: u32, module: &Module, report: &mut Report) {
    let file = module.file.to_string_lossy().replace('\\', "/");
    let allowed = ALLOWED.iter().any(|(krate, rest, folder)| {
        path[0] == *krate
            && path[1..].iter().zip(*rest).filter(|(a, b)| a == b).count() == rest.len()
            && file.starts_with(&format!("crates/{folder}"))
    });
    if !allowed {
        let text = format!(
            "`{}` is not on the list of foreign public types",
            path.join("::")
        );
        report.violation(&module.file, line, text);
    }
}

/// Words that begin an item; what begins otherwise is a field.
const ITEMS: [&str; 10] = [
    "fn", "async", "unsafe", "const", "static", "extern", "type", "struct", "enum", "trait",
];

/// The stretches of code that users of the crate see: from each `pub` to where its signature ends.
fn public_places(tokens: &[Token]) -> Vec<&[Token]> {
    let mut places = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let is = |i: usize, text: &str| tokens.get(i).is_some_and(|t| t.is(text));
        if !is(at, "pub") || is(at + 1, "(") {
            at += 1;
            continue;
        }
        if is(at + 1, "use") || is(at + 1, "mod") {
            at += 2;
            continue;
        }
        let start = at + 1;
        let is_item = ITEMS.iter().any(|item| is(start, item));
        let whole = is(start, "trait") || is(start, "enum");
        at = start;
        let mut angles = 0;
        while let Some(token) = tokens.get(at) {
            if token.is("<") {
                angles += 1;
            } else if token.is(">") && !is(at - 1, "-") {
                angles -= 1;
            }
            let is_value = token.is("=") && !is(start, "type") && angles <= 0;
            let field_ends = !is_item && token.is(",") && angles <= 0;
            if token.is(";") || token.is("}") || token.is(")") || is_value || field_ends {
                break;
            }
            if token.is("{") {
                if whole {
                    at = closing(tokens, at);
                }
                break;
            }
            let opens = token.is("(") || token.is("[");
            if opens && is(start, "struct") {
                // The fields of a tuple say `pub` themselves.
                break;
            }
            at = if opens { closing(tokens, at) } else { at } + 1;
        }
        let end = at.min(tokens.len());
        places.push(&tokens[start..end]);
    }
    places
}

/// Every path in a place, single names too. Bodies of provided methods in a trait are passed over.
fn all_paths(tokens: &[Token]) -> Vec<PathRef> {
    let mut found = Vec::new();
    let is_trait = tokens.first().is_some_and(|t| t.is("trait"));
    let mut at = 0;
    let mut bodies = 0;
    while at < tokens.len() {
        if tokens[at].is("#") {
            at = closing(tokens, at + 1) + 1; // an attribute
            continue;
        }
        if tokens[at].is("{") && is_trait {
            bodies += 1;
            if bodies > 1 {
                at = closing(tokens, at) + 1;
                continue;
            }
        }
        if !tokens[at].is_ident() {
            at += 1;
            continue;
        }
        let (path, end) = paths::path(tokens, at);
        found.push(path);
        at = end;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rust::{lexer::tokens, module::modules};

    fn findings(source: &str) -> Vec<String> {
        let mut report = Report::default();
        let file = Path::new("crates/net/src/x.rs");
        for module in modules(Vec::new(), file, tokens(source)) {
            check_module(&module, &["tokio".into(), "bytes".into()], &mut report);
        }
        report.findings().to_vec()
    }

    #[test]
    fn foreign_types_in_public_places_are_found() {
        for planted in [
            "pub use tokio::net::TcpStream;",
            "use tokio::net::TcpStream; pub fn f(s: TcpStream) {}",
            "use tokio::net; impl X { pub async fn f(&self) -> Result<net::TcpStream, E> { x } }",
            "pub fn f<T>(x: T) where u8: Into<T>, T: Into<tokio::net::TcpStream>;",
            "pub type T = tokio::time::Instant;",
            "pub const T: Option<tokio::time::Instant> = None;",
            "pub struct S { a: u8, pub b: HashMap<u8, tokio::time::Instant>, c: u8 }",
            "pub struct S(pub tokio::time::Instant);",
            "pub enum E { A { at: tokio::time::Instant }, B }",
            "pub trait T { fn a(&self) { b } fn f(&self) -> tokio::time::Instant; }",
        ] {
            assert_eq!(
                findings(planted).len(),
                1,
                "{planted}: {:?}",
                findings(planted)
            );
        }
    }

    #[test]
    fn private_code_and_listed_types_pass() {
        for fine in [
            "use tokio::net::TcpStream; fn f(s: TcpStream) {}",
            "use tokio::net::TcpStream; pub(crate) fn f(s: TcpStream) {}",
            "pub fn f() { tokio::spawn(x); } fn g() -> tokio::time::Instant { y }",
            "pub struct S { at: tokio::time::Instant, pub b: bytes::Bytes }",
            "pub struct S(tokio::time::Instant);",
            "pub trait T { fn f(&self) { tokio::spawn(x); } }",
            "pub fn f<T: tokio::io::AsyncRead>(b: bytes::Bytes) {}",
            "pub const N: usize = tokio::N;",
            "pub enum E { #[tokio(oneof)] A, B }",
            "mod tokio; pub use tokio::X;",
        ] {
            assert_eq!(findings(fine), Vec::<String>::new(), "{fine}");
        }
    }
}
