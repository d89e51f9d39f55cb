//! The modules inside a crate form a DAG, on every floor.
//!
//! Siblings are compared: the top modules of the crate, and inside each folder its modules. A
//! folder counts as one room for those outside it. A module and its own `mod.rs` are one room too:
//! what a child takes from its parent's own items is not an edge. An edge is any path that starts
//! with `crate`, `self` or `super`, wherever it stands; re-exports are followed to where the item is
//! defined. What the root re-exports is no edge, and tests are left out.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use crate::{report::Report, rust::tree::Tree};

/// Where one room names another.
struct Place {
    file: PathBuf,
    line: u32,
    path: String,
}

/// Edges between the rooms of one folder.
type Floor = BTreeMap<(String, String), Vec<Place>>;

/// Reports every import that is part of a cycle; returns how many imports there are.
pub fn check(tree: &Tree, report: &mut Report) -> usize {
    let mut floors: BTreeMap<Vec<String>, Floor> = BTreeMap::new();
    let mut imports = 0;
    for module in &tree.modules {
        let uses = module.uses.iter().map(|u| (&u.path, u.line));
        let paths = module.paths.iter().map(|p| (&p.path, p.line));
        for (path, line) in uses.chain(paths) {
            // Other paths start at a name that a counted one has brought in, or at a child.
            if !["crate", "self", "super"].contains(&path[0].as_str()) {
                continue;
            }
            let target = match path.last().map(String::as_str) {
                Some("*") => tree.target(module, &path[..path.len() - 1]),
                _ => tree.target(module, path),
            };
            let Some(target) = target else { continue };
            let same = module.path.iter().zip(&target).take_while(|(a, b)| a == b);
            let depth = same.count();
            let (Some(from), Some(to)) = (module.path.get(depth), target.get(depth)) else {
                continue;
            };
            imports += 1;
            let floor = floors.entry(target[..depth].to_vec()).or_default();
            let edge = floor.entry((from.clone(), to.clone())).or_default();
            edge.push(Place {
                file: module.file.clone(),
                line,
                path: path.join("::"),
            });
        }
    }
    for (folder, floor) in &floors {
        report_cycles(folder, floor, report);
    }
    imports
}

fn report_cycles(folder: &[String], floor: &Floor, report: &mut Report) {
    let reachable = closure(floor);
    for ((from, to), places) in floor {
        if !reachable.contains(&(to, from)) {
            continue;
        }
        let inside = match folder {
            [] => String::new(),
            _ => format!(" in `{}`", folder.join("::")),
        };
        for Place { file, line, path } in places {
            let text = format!("`{from}` -> `{to}`{inside} is part of a cycle (`{path}`)");
            report.violation(file, *line, text);
        }
    }
}

/// All pairs (a, b) such that b can be reached from a.
fn closure(floor: &Floor) -> BTreeSet<(&String, &String)> {
    let mut pairs: BTreeSet<_> = floor.keys().map(|(a, b)| (a, b)).collect();
    loop {
        let mut longer = Vec::new();
        for &(a, b) in &pairs {
            let from_b = floor.keys().filter(|(from, _)| from == b);
            longer.extend(from_b.map(|(_, c)| (a, c)).filter(|p| !pairs.contains(p)));
        }
        if longer.is_empty() {
            return pairs;
        }
        pairs.extend(longer);
    }
}
