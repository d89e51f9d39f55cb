//! The library crates of the workspace, as the checks see them.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::manifest::Manifest;

/// A library crate: a folder of `crates/`.
#[derive(Debug)]
pub struct Crate {
    /// The folder's name, for example `http2`.
    pub name: String,
    /// The folder, relative to the root of the workspace.
    pub dir: PathBuf,
    pub manifest: Manifest,
}

/// Reads the crates below `root/crates`, by name.
pub fn crates(root: &Path) -> io::Result<Vec<Crate>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root.join("crates"))? {
        let entry = entry?;
        let path = entry.path().join("Cargo.toml");
        if !path.exists() {
            continue;
        }
        let name = entry.file_name().to_string_lossy().into_owned();
        found.push(Crate {
            dir: Path::new("crates").join(&name),
            manifest: Manifest::parse(&fs::read_to_string(path)?),
            name,
        });
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}
