//! Violations planted on purpose in a small workspace: each must be found.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering::Relaxed},
};

/// A workspace in a temporary folder that is sound before something is planted.
struct Workspace(PathBuf);

impl Workspace {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let n = COUNT.fetch_add(1, Relaxed);
        let name = format!("farcall-xtask-{}-{n}", std::process::id());
        let workspace = Workspace(std::env::temp_dir().join(name));
        for (name, dependencies) in [
            ("http2", "bytes = \"1\"\n"),
            ("core", "farcall-http2.workspace = true\n"),
            ("lb", "farcall-core = { path = \"../core\" }\n"),
            ("net", "farcall-lb = \"0\"\n[dependencies.farcall-http2]\n"),
            ("build", ""),
            ("testkit", "farcall-net.workspace = true\n"),
            ("farcall", "farcall-net.workspace = true\n"),
        ] {
            let manifest =
                format!("[package]\nname = \"farcall-{name}\"\n[dependencies]\n{dependencies}");
            workspace.write(&format!("crates/{name}/Cargo.toml"), &manifest);
            workspace.write(&format!("crates/{name}/src/lib.rs"), "//! A crate.\n");
        }
        workspace
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().expect("below the root")).unwrap();
        fs::write(path, text).unwrap();
    }

    fn append(&self, path: &str, text: &str) {
        let before = fs::read_to_string(self.0.join(path)).unwrap();
        self.write(path, &(before + text));
    }

    /// But for files without a sentence in front: most of those planted here have none.
    fn findings(&self) -> Vec<String> {
        let mut findings = self.all_findings();
        findings.retain(|finding| !finding.contains("does not begin with a sentence"));
        findings
    }

    fn all_findings(&self) -> Vec<String> {
        let report = super::check(Path::new(&self.0)).unwrap();
        report.findings().to_vec()
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

#[test]
fn a_sound_workspace_passes() {
    let workspace = Workspace::new();
    workspace.append(
        "crates/net/Cargo.toml",
        "[dev-dependencies]\nfarcall-testkit.workspace = true\n",
    );
    assert_eq!(workspace.findings(), Vec::<String>::new());
}

#[test]
fn an_arrow_that_points_up_is_found() {
    for (from, line) in [
        ("http2", "farcall-core.workspace = true"),
        ("core", "farcall-net = \"0\""),
        ("lb", "farcall-http2.workspace = true"),
        (
            "net",
            "hidden = { package = \"farcall-testkit\", version = \"0\" }",
        ),
        (
            "net",
            "[target.'cfg(unix)'.dependencies]\nfarcall.workspace = true",
        ),
        (
            "net",
            "[build-dependencies]\nfarcall-build.workspace = true",
        ),
        ("build", "[dependencies.x]\npackage = \"farcall-core\""),
        ("testkit", "farcall-build.workspace = true"),
    ] {
        let workspace = Workspace::new();
        workspace.append(&format!("crates/{from}/Cargo.toml"), &format!("{line}\n"));
        // In `net` the long form stands last, so the line goes into a table of its own.
        if from == "net" && line.starts_with("hidden") {
            let text = format!("[package]\nname = \"n\"\n[dependencies]\n{line}\n");
            workspace.write("crates/net/Cargo.toml", &text);
        }
        let found = workspace.findings();
        assert_eq!(found.len(), 1, "{from} {line}: {found:?}");
        assert!(
            found[0].starts_with(&format!("crates/{from}/Cargo.toml:")),
            "{found:?}"
        );
    }
}

#[test]
fn crates_of_one_layer_do_not_know_each_other() {
    let workspace = Workspace::new();
    let manifest = "[dependencies]\nfarcall-net = \"0\"\nfarcall-otel = \"0\"\n";
    workspace.write("crates/xds/Cargo.toml", manifest);
    workspace.write("crates/xds/src/lib.rs", "");
    assert_eq!(
        workspace.findings(),
        ["crates/xds/Cargo.toml:3: `xds` must not depend on `otel`: arrows point down only"]
    );
}

#[test]
fn a_crate_without_a_layer_is_found() {
    let workspace = Workspace::new();
    workspace.write("crates/shed/Cargo.toml", "[dependencies]\n");
    workspace.write("crates/shed/src/lib.rs", "");
    assert_eq!(workspace.findings().len(), 1);
}

#[test]
fn a_cycle_between_modules_is_found_at_every_edge() {
    let workspace = Workspace::new();
    workspace.write("crates/net/src/lib.rs", "mod a;\nmod b;\nmod c;\nmod d;\n");
    workspace.write("crates/net/src/a.rs", "use crate::b::B;\npub struct A;\n");
    workspace.write("crates/net/src/b.rs", "\nuse super::c;\npub struct B;\n");
    workspace.write("crates/net/src/c/mod.rs", "mod deep;\nuse crate::d::D;\n");
    workspace.write("crates/net/src/c/deep.rs", "fn f() { crate::a::f(); }\n");
    workspace.write("crates/net/src/d.rs", "pub struct D;\n");
    assert_eq!(
        workspace.findings(),
        [
            "crates/net/src/a.rs:1: `a` -> `b` is part of a cycle (`crate::b::B`)",
            "crates/net/src/b.rs:2: `b` -> `c` is part of a cycle (`super::c`)",
            "crates/net/src/c/deep.rs:1: `c` -> `a` is part of a cycle (`crate::a::f`)",
        ]
    );
}

#[test]
fn a_cycle_through_re_exports_and_globs_is_found() {
    let workspace = Workspace::new();
    let root =
        "pub mod a;\nmod b;\nmod c;\npub use a::A;\npub use self::b::*;\npub use c::C as D;\n";
    workspace.write("crates/net/src/lib.rs", root);
    workspace.write("crates/net/src/a.rs", "use crate::{B, X};\npub struct A;\n");
    workspace.write("crates/net/src/b.rs", "use crate::D;\npub struct B;\n");
    workspace.write("crates/net/src/c.rs", "use crate::A;\npub struct C;\n");
    let found = workspace.findings();
    assert_eq!(found.len(), 3, "{found:?}");
}

#[test]
fn a_cycle_inside_a_folder_is_found() {
    let workspace = Workspace::new();
    workspace.write("crates/net/src/lib.rs", "pub mod a;\n");
    let parent = "mod x;\nmod y;\npub use x::X;\npub struct Own;\n";
    workspace.write("crates/net/src/a/mod.rs", parent);
    workspace.write(
        "crates/net/src/a/x.rs",
        "use super::{Own, y::Y};\npub struct X;\n",
    );
    workspace.write("crates/net/src/a/y.rs", "use super::X;\npub struct Y;\n");
    assert_eq!(
        workspace.findings(),
        [
            "crates/net/src/a/x.rs:1: `x` -> `y` in `a` is part of a cycle (`super::y::Y`)",
            "crates/net/src/a/y.rs:1: `y` -> `x` in `a` is part of a cycle (`super::X`)",
        ]
    );
}

#[test]
fn imports_of_tests_and_words_in_comments_are_no_edges() {
    let workspace = Workspace::new();
    workspace.write("crates/net/src/lib.rs", "mod a;\nmod b;\npub use a::A;\n");
    workspace.write("crates/net/src/a.rs", "use crate::b::B;\npub struct A;\n");
    let b =
        "// use crate::a::A;\npub struct B;\n#[cfg(test)]\nmod tests {\n    use crate::a::A;\n}\n";
    workspace.write("crates/net/src/b.rs", b);
    assert_eq!(workspace.findings(), Vec::<String>::new());
}

#[test]
fn what_a_sans_io_crate_must_not_contain_is_found() {
    for planted in [
        "use tokio::sync::mpsc;",
        "use std::net::TcpStream;",
        "use std::{net::{SocketAddr, UdpSocket}, sync::Arc};",
        "fn f() { std::thread::spawn(g); }",
        "use std::thread;",
        "fn f() -> Instant { Instant::now() }",
        "fn f() { x.unwrap_or_else(std::time::Instant::now) }",
        "fn f() { SystemTime::now(); }",
        "fn f(at: Instant) { at.elapsed(); }",
        "fn f() { rand::thread_rng(); }",
        "fn f() { fastrand::u32(..); }",
        "fn f() { fastrand::Rng::new(); }",
        "fn f() { unsafe { g() } }",
        "mod inner { fn f() { std::fs::read(x); } }",
    ] {
        for name in ["http2", "core", "lb"] {
            let workspace = Workspace::new();
            let file = format!("crates/{name}/src/lib.rs");
            workspace.append(&file, planted);
            let found = workspace.findings();
            assert_eq!(found.len(), 1, "{planted}: {found:?}");
            assert!(found[0].starts_with(&format!("{file}:2: ")), "{found:?}");
        }
    }
    let workspace = Workspace::new();
    workspace.append("crates/lb/Cargo.toml", "rand = \"0.9\"\n");
    assert_eq!(workspace.findings().len(), 1);
}

#[test]
fn addresses_seeds_and_instants_are_fine_in_a_sans_io_crate() {
    let workspace = Workspace::new();
    let fine = "//! let now = Instant::now();\nuse std::net::{IpAddr, SocketAddr};\n\
        use std::time::{Duration, Instant};\nfn f(seed: u64) { fastrand::Rng::with_seed(seed); }\n\
        #[cfg(test)]\nmod tests { fn g() { std::time::Instant::now(); } }\n";
    workspace.write("crates/lb/src/lib.rs", fine);
    workspace.append(
        "crates/net/src/lib.rs",
        "fn f() { tokio::spawn(Instant::now()); }",
    );
    assert_eq!(workspace.findings(), Vec::<String>::new());
}

#[test]
fn core_takes_header_types_from_http2_and_nothing_else() {
    let workspace = Workspace::new();
    let fine = "use farcall_http2::{Field, headers::Name};\n";
    workspace.write("crates/core/src/lib.rs", fine);
    assert_eq!(workspace.findings(), Vec::<String>::new());
    workspace.append(
        "crates/core/src/lib.rs",
        "fn f(c: farcall_http2::Connection) {}",
    );
    let found = workspace.findings();
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].starts_with("crates/core/src/lib.rs:2: "),
        "{found:?}"
    );
}

#[test]
fn a_declared_module_without_a_file_is_found() {
    let workspace = Workspace::new();
    workspace.write("crates/net/src/lib.rs", "mod gone;\n");
    assert_eq!(
        workspace.findings(),
        ["crates/net/src/lib.rs:1: there is no file for `mod gone`"]
    );
}

#[test]
fn a_file_without_a_sentence_in_front_is_found() {
    let workspace = Workspace::new();
    workspace.append(
        "crates/core/src/lib.rs",
        "mod said;\nmod silent;\nmod made;\n",
    );
    workspace.write("crates/core/src/said.rs", "//! What it holds.\n");
    workspace.write("crates/core/src/made.rs", "// @generated by a tool\n");
    workspace.write(
        "crates/core/src/silent.rs",
        "use std::fmt;\n\n/// A type.\n",
    );
    let found = workspace.all_findings();
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("crates/core/src/silent.rs:1: "));
}
