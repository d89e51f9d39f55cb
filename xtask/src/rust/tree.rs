//! The modules of a crate, and where the paths in them lead.

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    lexer::tokens,
    module::{Module, modules},
    tests_out::without_tests,
};

/// All modules of a library crate that are not for its tests alone.
#[derive(Debug, Default)]
pub struct Tree {
    pub modules: Vec<Module>,
    /// Declarations without a file: where they stand, and the name.
    pub missing: Vec<(PathBuf, u32, String)>,
    index: HashMap<Vec<String>, usize>,
}

impl Tree {
    /// Follows the `mod` declarations from `src/lib.rs`, or from `src/main.rs` of a program without one. `dir` is the crate's folder below `root`;
    /// files are named relative to `root`.
    pub fn load(root: &Path, dir: &Path) -> io::Result<Self> {
        let mut tree = Tree::default();
        let src = dir.join("src");
        let mut first = src.join("lib.rs");
        let program = src.join("main.rs");
        if !root.join(&first).exists() && root.join(&program).exists() {
            first = program;
        }
        tree.load_file(root, first, &src, Vec::new())?;
        Ok(tree)
    }

    /// Reads one file; `children` is the folder in which its modules lie.
    fn load_file(
        &mut self,
        root: &Path,
        file: PathBuf,
        children: &Path,
        path: Vec<String>,
    ) -> io::Result<()> {
        let source = fs::read_to_string(root.join(&file))
            .map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", file.display())))?;
        let kept = without_tests(&tokens(&source));
        for module in modules(path.clone(), &file, kept) {
            // An inline module's children lie in a folder of its name.
            let inside: PathBuf = module.path[path.len()..].iter().collect();
            let folder = children.join(inside);
            for (name, line) in &module.declared {
                let flat = folder.join(format!("{name}.rs"));
                let nested = folder.join(name).join("mod.rs");
                let found = [flat, nested].into_iter().find(|f| root.join(f).exists());
                let Some(found) = found else {
                    self.missing.push((file.clone(), *line, name.clone()));
                    continue;
                };
                let child = [module.path.clone(), vec![name.clone()]].concat();
                self.load_file(root, found, &folder.join(name), child)?;
            }
            self.index.insert(module.path.clone(), self.modules.len());
            self.modules.push(module);
        }
        Ok(())
    }

    fn module(&self, path: &[String]) -> Option<&Module> {
        self.index.get(path).map(|&i| &self.modules[i])
    }

    /// The module of this crate that `path`, written in `from`, leads to: where the named item is
    /// defined, through re-exports. `None`: it leads out of the crate.
    pub fn target(&self, from: &Module, path: &[String]) -> Option<Vec<String>> {
        self.resolve(&from.path, path, 16)
    }

    /// `hops` bounds the re-exports followed, against declarations that name each other.
    fn resolve(&self, from: &[String], path: &[String], hops: u32) -> Option<Vec<String>> {
        let mut module = from.to_vec();
        let mut rest = path;
        match path.first()?.as_str() {
            "crate" => {
                module.clear();
                rest = &path[1..];
            }
            "self" => rest = &path[1..],
            "super" => {
                while rest.first().is_some_and(|s| s == "super") {
                    module.pop()?;
                    rest = &rest[1..];
                }
            }
            first => {
                let mut child = module.clone();
                child.push(first.into());
                let known = self.module(&child).is_some();
                let imported = self.import(&module, first);
                if !known && (imported.is_none() || hops == 0) {
                    return None;
                }
            }
        }
        self.walk(module, rest, hops)
    }

    fn walk(&self, mut module: Vec<String>, path: &[String], hops: u32) -> Option<Vec<String>> {
        for (i, segment) in path.iter().enumerate() {
            module.push(segment.clone());
            if self.module(&module).is_some() {
                continue;
            }
            module.pop();
            if self.module(&module)?.defined.contains(segment) || hops == 0 {
                return Some(module);
            }
            if let Some(import) = self.import(&module, segment) {
                let onward = [import, &path[i + 1..]].concat();
                return self.resolve(&module, &onward, hops - 1);
            }
            return Some(
                self.through_globs(&module, &path[i..], hops)
                    .unwrap_or(module),
            );
        }
        Some(module)
    }

    /// The path by which `module` imports (or re-exports) `name`.
    fn import(&self, module: &[String], name: &str) -> Option<&[String]> {
        let uses = &self.module(module)?.uses;
        let found = uses.iter().find(|u| u.name == name && u.path.len() > 1)?;
        Some(&found.path)
    }

    fn through_globs(&self, module: &[String], path: &[String], hops: u32) -> Option<Vec<String>> {
        let globs = self.module(module)?.uses.iter().filter(|u| u.name == "*");
        for glob in globs {
            let prefix = &glob.path[..glob.path.len() - 1];
            let Some(target) = self.resolve(module, prefix, hops - 1) else {
                continue;
            };
            let there = self.module(&target)?;
            if target != module
                && (there.defined.contains(&path[0]) || self.import(&target, &path[0]).is_some())
            {
                return self.walk(target, path, hops - 1);
            }
        }
        None
    }
}
