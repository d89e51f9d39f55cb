//! Where imports are looked up when nobody says it.

use std::{
    fs,
    path::{Component, Path, PathBuf},
};

/// The roots of the files: each file's directory without the tail that equals its package. Shortest first, so that
/// a file that lies in several has its longest name, the one that others import.
pub(super) fn of(protos: &[PathBuf]) -> Vec<PathBuf> {
    let mut roots: Vec<PathBuf> = Vec::new();
    for proto in protos {
        // An unreadable file is reported when it is compiled.
        let source = fs::read_to_string(proto).unwrap_or_default();
        let root = root(proto, package(&source));
        if !roots.contains(&root) {
            roots.push(root);
        }
    }
    roots.sort_by_key(|root| root.components().count());
    roots
}

/// `include/name`, without a needless `./`.
pub(super) fn join(include: &Path, name: &str) -> PathBuf {
    if include == Path::new(".") {
        PathBuf::from(name)
    } else {
        include.join(name)
    }
}

fn root(proto: &Path, package: &str) -> PathBuf {
    let directory = proto.parent().unwrap_or(Path::new(""));
    let mut root = directory;
    let fits = !package.is_empty()
        && package.rsplit('.').all(|part| {
            let same = root.components().next_back() == Some(Component::Normal(part.as_ref()));
            root = root.parent().unwrap_or(Path::new(""));
            same
        });
    let root = if fits { root } else { directory };
    if root.as_os_str().is_empty() {
        PathBuf::from(".")
    } else {
        root.to_owned()
    }
}

/// The package that a source declares, found without parsing it.
fn package(source: &str) -> &str {
    let declared = |line: &'_ str| -> Option<(usize, usize)> {
        let rest = line.trim_start().strip_prefix("package")?;
        let name = rest.trim_start();
        let end = name.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.')))?;
        (name.len() < rest.len() && end > 0).then_some((line.len() - name.len(), end))
    };
    source
        .lines()
        .find_map(|line| declared(line).map(|(start, length)| &line[start..start + length]))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_that_is_the_package_is_taken_away() {
        let root = |path: &str, package: &str| root(Path::new(path), package).display().to_string();
        assert_eq!(root("proto/acme/v1/a.proto", "acme.v1"), "proto");
        assert_eq!(root("acme/v1/a.proto", "acme.v1"), ".");
        assert_eq!(root("proto/a.proto", "acme.v1"), "proto");
        assert_eq!(root("proto/other/v1/a.proto", "acme.v1"), "proto/other/v1");
        assert_eq!(root("a.proto", ""), ".");
        assert_eq!(root("../proto/a.proto", "proto"), "..");
        assert_eq!(root("v1/a.proto", "acme.v1"), "v1");
    }

    #[test]
    fn the_package_is_read_from_its_line() {
        assert_eq!(
            package("syntax = \"proto3\";\n  package  acme.v1 ;\n"),
            "acme.v1"
        );
        assert_eq!(package("// package x;\nmessage packaged {}"), "");
    }
}
