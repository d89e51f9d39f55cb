//! What the guide's chapter on the tool shows is what comes out.

use crate::running::{self, Showcase};
use std::{path::Path, process::Command};

const CHAPTER: &str = include_str!("../../../farcall/docs/tool.md");

/// A line that was typed, and what was seen.
struct Typed {
    line: &'static str,
    seen: Vec<&'static str>,
}

fn typed() -> Vec<Typed> {
    let mut all: Vec<Typed> = Vec::new();
    let mut inside = false;
    for line in CHAPTER.lines() {
        match (inside, line) {
            (false, "```console") => inside = true,
            (true, "```") => inside = false,
            (true, line) => match line.strip_prefix("$ ") {
                Some(line) => all.push(Typed { line, seen: vec![] }),
                None => all.last_mut().unwrap().seen.push(line),
            },
            _ => {}
        }
    }
    all
}

#[test]
fn the_chapter_shows_what_the_command_prints() {
    let server = Showcase::start();
    server.reporter.set_serving("routeguide.RouteGuide");
    let port = server.target.rsplit_once(':').unwrap().1;
    let out = running::scratch();
    let binary = Path::new(env!("CARGO_BIN_EXE_farcall")).parent().unwrap();
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
    let mut code = 0;
    let typed = typed();
    assert!(typed.len() > 10, "the blocks are found");
    for Typed { line, seen } in typed {
        if line == "echo $?" {
            assert_eq!(seen, [code.to_string()]);
            continue;
        }
        let line = line.replace("50051", port);
        let real = line.replace("generated", out.path());
        let output = Command::new("sh")
            .args(["-c", &format!("exec 2>&1; {real}")])
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples"))
            .env("PATH", &path)
            .output()
            .unwrap();
        code = output.status.code().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        let printed = printed
            .replace(port, "50051")
            .replace(out.path(), "generated");
        assert_eq!(printed.lines().collect::<Vec<_>>(), seen, "{line}");
    }
}
