//! Sans-IO crates: time, seeds and ids are arguments; nothing waits, nothing touches the world.

use crate::{
    manifest::Kind,
    report::Report,
    rust::{lexer::Token, module::Module, tree::Tree},
    workspace::Crate,
};

/// Packages that do input and output, run tasks or make random numbers by themselves.
const PACKAGES: [&str; 12] = [
    "tokio",
    "tokio-util",
    "tokio-rustls",
    "rustls",
    "mio",
    "socket2",
    "rand",
    "getrandom",
    "async-io",
    "async-std",
    "smol",
    "libc",
];

/// Beginnings of paths, with the reason. `std::net` is fine for addresses.
const PATHS: [(&[&str], &str); 21] = [
    (&["tokio"], "runtime"),
    (&["mio"], "input and output"),
    (&["socket2"], "socket"),
    (&["rand"], "global randomness"),
    (&["getrandom"], "global randomness"),
    (&["std", "thread"], "thread"),
    (&["std", "fs"], "file system"),
    (&["std", "process"], "process"),
    (&["std", "env"], "environment"),
    (&["std", "os", "unix", "net"], "socket"),
    (&["std", "os", "fd"], "file descriptor"),
    (&["std", "net", "TcpStream"], "socket"),
    (&["std", "net", "TcpListener"], "socket"),
    (&["std", "net", "UdpSocket"], "socket"),
    (&["std", "net", "ToSocketAddrs"], "name lookup"),
    (&["std", "net", "*"], "socket"),
    (&["thread", "spawn"], "thread"),
    (&["thread", "sleep"], "thread"),
    (&["thread", "scope"], "thread"),
    (&["net", "TcpStream"], "socket"),
    (&["net", "TcpListener"], "socket"),
];

/// Ends of paths.
const ENDS: [(&[&str], &str); 5] = [
    (&["Instant", "now"], "clock"),
    (&["SystemTime", "now"], "clock"),
    (&["SystemTime", "UNIX_EPOCH"], "clock"),
    (&["Rng", "new"], "global randomness (give it a seed)"),
    (&["thread_rng"], "global randomness"),
];

/// Methods that read a clock.
const METHODS: [&str; 1] = ["elapsed"];

/// Reports what a sans-IO crate must not contain, outside its tests.
pub fn check(krate: &Crate, tree: &Tree, report: &mut Report) {
    let name = &krate.name;
    for dependency in &krate.manifest.dependencies {
        if dependency.kind == Kind::Normal && PACKAGES.contains(&dependency.package.as_str()) {
            let text = format!(
                "sans-IO `{name}` must not depend on `{}`",
                dependency.package
            );
            report.violation(&krate.dir.join("Cargo.toml"), dependency.line, text);
        }
    }
    for module in &tree.modules {
        check_paths(name, module, report);
        check_tokens(name, module, report);
    }
}

fn check_paths(name: &str, module: &Module, report: &mut Report) {
    let uses = module.uses.iter().map(|u| (&u.path, u.line));
    let paths = module.paths.iter().map(|p| (&p.path, p.line));
    for (path, line) in uses.chain(paths) {
        // `core` is also one of our crates, but never written so: it is `farcall_core`.
        let words: Vec<&str> = path.iter().map(String::as_str).collect();
        if let Some(reason) = forbidden(&words) {
            let text = format!("sans-IO `{name}` uses `{}`: {reason}", words.join("::"));
            report.violation(&module.file, line, text);
        }
    }
}

fn forbidden(path: &[&str]) -> Option<&'static str> {
    let starts = PATHS.iter().find(|(start, _)| path.starts_with(start));
    let ends = ENDS.iter().find(|(end, _)| path.ends_with(end));
    if let ["fastrand", rest, ..] = path
        && *rest != "Rng"
    {
        return Some("global randomness");
    }
    starts.or(ends).map(|(_, reason)| *reason)
}

fn check_tokens(name: &str, module: &Module, report: &mut Report) {
    for pair in module.tokens.windows(3) {
        let [dot, method, open] = pair else { continue };
        let is_call = dot.is(".") && open.is("(");
        if is_call && METHODS.iter().any(|m| method.is(m)) {
            let text = format!("sans-IO `{name}` calls `{}()`: clock", method.text);
            report.violation(&module.file, method.line, text);
        }
    }
    let is_unsafe = |t: &&Token| t.is_ident() && t.is("unsafe");
    for token in module.tokens.iter().filter(is_unsafe) {
        let text = format!("sans-IO `{name}` has `unsafe`");
        report.violation(&module.file, token.line, text);
    }
}
