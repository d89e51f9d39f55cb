//! The dependencies that a `Cargo.toml` names: as much TOML as that takes, and no more.

/// A dependency as written.
#[derive(Debug, Clone, PartialEq)]
pub struct Dependency {
    /// The package's name (after `package = "…"`, if there is one).
    pub package: String,
    /// The name that the source code uses.
    pub alias: String,
    pub kind: Kind,
    pub line: u32,
}

/// The table that a dependency stands in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    Normal,
    Build,
    Dev,
}

/// The dependencies of one package.
#[derive(Debug, Default)]
pub struct Manifest {
    pub dependencies: Vec<Dependency>,
}

impl Manifest {
    /// Reads `[dependencies]`, `[build-dependencies]`, `[dev-dependencies]`, the same below
    /// `[target.….]`, and the long form `[dependencies.name]`.
    pub fn parse(toml: &str) -> Self {
        let mut dependencies: Vec<Dependency> = Vec::new();
        let mut table = None;
        for (line, text) in (1..).zip(toml.lines()) {
            let text = text.trim();
            if let Some(header) = text.strip_prefix('[').and_then(|t| t.split(']').next()) {
                // `[target.'cfg(unix)'.dependencies]`; a `]` inside the quotes does not occur here.
                table = Table::of(header);
                if let Some((kind, Some(name))) = table.clone().map(|t| (t.kind, t.name)) {
                    dependencies.push(Dependency::new(name, kind, line));
                }
                continue;
            }
            let Some(Table { kind, name }) = &table else {
                continue;
            };
            let Some((key, value)) = text.split_once('=') else {
                continue;
            };
            let key = key.trim();
            if text.starts_with('#') || key.contains(['"', ' ', '[', '{', ',']) {
                continue;
            }
            if name.is_some() {
                if key == "package" {
                    let dependency = dependencies.last_mut().expect("pushed by its header");
                    dependency.package = unquoted(value);
                }
                continue;
            }
            let (alias, rest) = key.split_once('.').unwrap_or((key, ""));
            let mut dependency = Dependency::new(alias.into(), *kind, line);
            if rest == "package" {
                dependency.package = unquoted(value);
            } else if let Some((_, package)) = value.split_once("package") {
                dependency.package = unquoted(package.trim_start().trim_start_matches('='));
            }
            dependencies.push(dependency);
        }
        Manifest { dependencies }
    }
}

impl Dependency {
    fn new(name: String, kind: Kind, line: u32) -> Self {
        Dependency {
            package: name.clone(),
            alias: name,
            kind,
            line,
        }
    }
}

/// A table of dependencies, or (with a name) of one dependency.
#[derive(Clone)]
struct Table {
    kind: Kind,
    name: Option<String>,
}

impl Table {
    fn of(header: &str) -> Option<Self> {
        let kinds = [
            ("dev-dependencies", Kind::Dev),
            ("build-dependencies", Kind::Build),
            ("dependencies", Kind::Normal),
        ];
        for (word, kind) in kinds {
            let Some(at) = header.find(word) else {
                continue;
            };
            let before = &header[..at];
            if !(before.is_empty() || before.starts_with("target.")) {
                return None;
            }
            let name = header[at + word.len()..].strip_prefix('.');
            return Some(Table {
                kind,
                name: name.map(|n| n.trim_matches('"').into()),
            });
        }
        None
    }
}

/// The text between the first two quotes.
fn unquoted(value: &str) -> String {
    value.split('"').nth(1).unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_a_dependency_is_understood() {
        let manifest = Manifest::parse(
            r#"
[package]
name = "farcall-net" # [dependencies]
[dependencies]
# commented = "1"
bytes.workspace = true
renamed = { package = "farcall-core", path = "../core" }
many = { version = "1", features = [
    "a",
] }
[dependencies.farcall-lb]
path = "../lb"
[dependencies.other]
package = "farcall-http2"
[target.'cfg(unix)'.dependencies]
libc = "1"
[build-dependencies]
cc = "1"
[dev-dependencies]
farcall-testkit.workspace = true
[features]
x = ["bytes"]
[workspace.dependencies]
nothing = "1"
"#,
        );
        let found: Vec<_> = manifest
            .dependencies
            .iter()
            .map(|d| (d.package.as_str(), d.kind))
            .collect();
        assert_eq!(
            found,
            [
                ("bytes", Kind::Normal),
                ("farcall-core", Kind::Normal),
                ("many", Kind::Normal),
                ("farcall-lb", Kind::Normal),
                ("farcall-http2", Kind::Normal),
                ("libc", Kind::Normal),
                ("cc", Kind::Build),
                ("farcall-testkit", Kind::Dev),
            ]
        );
        assert_eq!(manifest.dependencies[1].alias, "renamed");
        assert_eq!(manifest.dependencies[1].line, 7);
    }
}
