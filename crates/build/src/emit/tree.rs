//! One module tree for all packages.

use std::collections::BTreeMap;

/// Lints are for people who can change the code.
const ALLOW: &str = "#[allow(clippy::all, clippy::nursery, clippy::pedantic, clippy::restriction, dead_code, deprecated, \
                     missing_copy_implementations, missing_debug_implementations, missing_docs, nonstandard_style, \
                     unreachable_pub, unused_qualifications)]";

/// A module: what stands in it and the modules of deeper packages.
#[derive(Default)]
pub(crate) struct Tree {
    text: String,
    children: BTreeMap<String, Tree>,
}

impl Tree {
    /// Adds code to the module of a package.
    pub(crate) fn add(&mut self, path: &[String], code: &str) {
        match path {
            _ if code.is_empty() => {}
            [] => {
                if !self.text.is_empty() {
                    self.text.push('\n');
                }
                self.text.push_str(code);
            }
            [first, rest @ ..] => self
                .children
                .entry(first.clone())
                .or_default()
                .add(rest, code),
        }
    }

    /// The whole as text.
    pub(crate) fn render(&self) -> String {
        let mut out = String::new();
        let (mut own, apart) = self.merged(&[]);
        // No module carries the attribute for what has no package.
        for line in std::mem::take(&mut own).lines() {
            if ["pub ", "impl ", "impl<"]
                .iter()
                .any(|start| line.starts_with(start))
            {
                out.push_str(&format!("{ALLOW}\n"));
            }
            out.push_str(&format!("{line}\n"));
        }
        for (name, child) in apart {
            if !out.is_empty() {
                out.push('\n');
            }
            out.push_str(&child.module(name, &[]));
        }
        out
    }

    fn module(&self, name: &str, parents: &[&str]) -> String {
        let path = [parents, &[name]].concat();
        let full: Vec<&str> = path
            .iter()
            .map(|part| part.trim_start_matches("r#"))
            .collect();
        let attributes = if parents.is_empty() {
            format!("{ALLOW}\n#[rustfmt::skip]\n")
        } else {
            String::new()
        };
        let body = indented(&self.body(&path));
        format!(
            "/// Package `{}`.\n{attributes}pub mod {name} {{\n{body}}}\n",
            full.join(".")
        )
    }

    fn body(&self, path: &[&str]) -> String {
        let (mut out, apart) = self.merged(path);
        for (name, child) in apart {
            if !out.is_empty() {
                out.push('\n');
            }
            out.push_str(&child.module(name, path));
        }
        out
    }

    /// The module's own text, and the children that are no part of it. Package `a.b` and the types inside of message
    /// `a.B` share the module `a::b`, so the package is written into the one that is there.
    fn merged(&self, path: &[&str]) -> (String, Vec<(&str, &Tree)>) {
        let mut apart: BTreeMap<String, (&str, &Tree)> = self
            .children
            .iter()
            .map(|(name, child)| (format!("pub mod {name} {{"), (name.as_str(), child)))
            .collect();
        let mut text = String::with_capacity(self.text.len());
        for line in self.text.lines() {
            text.push_str(line);
            text.push('\n');
            if let Some((name, child)) = apart.remove(line) {
                text.push_str(&indented(&child.body(&[path, &[name]].concat())));
            }
        }
        (text, apart.into_values().collect())
    }
}

fn indented(text: &str) -> String {
    text.lines()
        .map(|line| {
            if line.is_empty() {
                "\n".into()
            } else {
                format!("    {line}\n")
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(parts: &[(&[&str], &str)]) -> String {
        let mut tree = Tree::default();
        for (path, code) in parts {
            let path: Vec<String> = path.iter().map(|part| part.to_string()).collect();
            tree.add(&path, code);
        }
        let text = tree.render();
        text.lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| format!("{line}\n"))
            .collect()
    }

    #[test]
    fn packages_become_modules() {
        let text = tree(&[
            (&["a", "r#type"], "struct X;\n"),
            (&["a"], "struct Y;\n"),
            (&[], "pub struct Z;\n"),
        ]);
        let expected = "pub struct Z;\n\n/// Package `a`.\npub mod a {\n    struct Y;\n\n    \
                        /// Package `a.type`.\n    pub mod r#type {\n        struct X;\n    }\n}\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_package_joins_the_module_of_a_message() {
        let text = tree(&[
            (&["a"], "pub mod b {\n    struct X;\n}\n"),
            (&["a", "b"], "struct Y;\n"),
        ]);
        assert_eq!(
            text,
            "/// Package `a`.\npub mod a {\n    pub mod b {\n        struct Y;\n        struct X;\n    }\n}\n"
        );
    }
}
