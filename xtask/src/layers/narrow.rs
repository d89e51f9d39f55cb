//! Arrows between crates that may carry some names only.

use crate::{report::Report, rust::tree::Tree, workspace::Crate};

/// From, to (as the code writes it), what may be named, and why no more.
const NARROW: [(&str, &str, &[&str], &str); 1] = [(
    "core",
    "farcall_http2",
    &[
        "headers",
        "Field",
        "Fields",
        "Headers",
        "KnownName",
        "Name",
        "Part",
        "Reason",
        "TimeoutValue",
    ],
    "core takes HTTP/2's header types and error codes, never its machine",
)];

/// Reports names taken through a narrow arrow that are not on its list.
pub fn check(krate: &Crate, tree: &Tree, report: &mut Report) {
    for (from, to, names, reason) in NARROW {
        if from != krate.name {
            continue;
        }
        for module in &tree.modules {
            let uses = module.uses.iter().map(|u| (&u.path, u.line));
            let paths = module.paths.iter().map(|p| (&p.path, p.line));
            for (path, line) in uses.chain(paths) {
                let [first, second, ..] = &path[..] else {
                    continue;
                };
                if first == to && !names.contains(&second.as_str()) {
                    let text = format!("`{from}` names `{}`: {reason}", path.join("::"));
                    report.violation(&module.file, line, text);
                }
            }
        }
    }
}
