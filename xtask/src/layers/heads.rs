//! Each file of a library begins with a sentence that says which concept it holds.

use std::{collections::BTreeSet, fs, io, path::Path};

use crate::{report::Report, rust::tree::Tree};

/// What a file may begin with: its sentence, attributes of a crate (one of which may bring a document), or the mark of a
/// generator.
const BEGINNINGS: [&str; 3] = ["//! ", "#![", "// @generated"];

/// Reports files that begin otherwise.
pub fn check(root: &Path, tree: &Tree, report: &mut Report) -> io::Result<()> {
    let files: BTreeSet<_> = tree.modules.iter().map(|module| &module.file).collect();
    for file in files {
        let text = fs::read_to_string(root.join(file))?;
        if !BEGINNINGS.iter().any(|begin| text.starts_with(begin)) {
            let text = "the file does not begin with a sentence (`//! …`) that says what it holds";
            report.violation(file, 1, text);
        }
    }
    Ok(())
}
