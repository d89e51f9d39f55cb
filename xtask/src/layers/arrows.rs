//! Which crate may depend on which.

use crate::{manifest::Kind, report::Report, workspace::Crate};

/// Each library crate and the crates it may name. Dev-dependencies are free: a test may use anything.
const ALLOWED: [(&str, &[&str]); 12] = [
    ("http2", &[]),
    ("core", &["http2"]),
    ("lb", &["core"]),
    ("net", &["http2", "core", "lb"]),
    ("services", &["http2", "core", "lb", "net"]),
    ("xds", &["http2", "core", "lb", "net"]),
    ("otel", &["http2", "core", "lb", "net"]),
    ("testkit", &["http2", "core", "lb", "net"]),
    (
        "farcall",
        &[
            "http2", "core", "lb", "net", "services", "xds", "otel", "testkit",
        ],
    ),
    ("buffa", &["core"]),
    ("build", &[]),
    ("cli", &["farcall", "build"]),
];

/// Reports arrows that point up or sideways, and crates that have no layer.
pub fn check(crates: &[Crate], report: &mut Report) {
    let mut arrows = 0;
    for krate in crates {
        let file = krate.dir.join("Cargo.toml");
        let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| *name == krate.name) else {
            let text = "has no layer; give it one in xtask/src/layers/arrows.rs";
            report.violation(&file, 0, text);
            continue;
        };
        let dependencies = krate.manifest.dependencies.iter();
        for dependency in dependencies.filter(|d| d.kind != Kind::Dev) {
            let name = dependency.package.as_str();
            let ours = match name.strip_prefix("farcall-") {
                Some(rest) => rest,
                None if name == "farcall" => name,
                None => continue,
            };
            arrows += 1;
            if !allowed.contains(&ours) {
                let from = &krate.name;
                let text = format!("`{from}` must not depend on `{ours}`: arrows point down only");
                report.violation(&file, dependency.line, text);
            }
        }
    }
    report.looked_at(format!("{} crates, {arrows} arrows", crates.len()));
}
