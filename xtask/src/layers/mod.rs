//! `cargo xtask layers`: the walls of ARCHITECTURE.md, checked.

mod arrows;
mod heads;
mod narrow;
#[cfg(test)]
mod planted;
mod purity;
mod rooms;

use std::{io, path::Path};

use crate::{report::Report, rust::tree::Tree, workspace};

/// Crates that read no clock and do no input or output.
const SANS_IO: [&str; 3] = ["http2", "core", "lb"];

/// Checks the workspace at `root`.
pub fn check(root: &Path) -> io::Result<Report> {
    let crates = workspace::crates(root)?;
    let mut report = Report::default();
    arrows::check(&crates, &mut report);
    for krate in &crates {
        let tree = Tree::load(root, &krate.dir)?;
        for (file, line, name) in &tree.missing {
            report.violation(file, *line, format!("there is no file for `mod {name}`"));
        }
        let imports = rooms::check(&tree, &mut report);
        narrow::check(krate, &tree, &mut report);
        if krate.dir.starts_with("crates") {
            heads::check(root, &tree, &mut report)?;
        }
        let mut checked = format!(
            "{}: {} modules, {imports} imports between siblings",
            krate.dir.display(),
            tree.modules.len()
        );
        if SANS_IO.contains(&krate.name.as_str()) {
            purity::check(krate, &tree, &mut report);
            checked += ", sans-IO";
        }
        report.looked_at(checked);
    }
    Ok(report)
}
