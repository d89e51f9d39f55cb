//! `cargo xtask deps`: what a user pays for building `farcall` with Channel and Server.

use std::{
    collections::BTreeSet,
    fs, io,
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

const PACKAGE: [&str; 5] = [
    "-p",
    "farcall",
    "--no-default-features",
    "--features",
    "prost,gzip",
];
/// Crates, ours and those of build scripts and macros included.
const MAX_CRATES: usize = 40;
/// CPU seconds of a release build from nothing: 56 on two quiet cores in November 2026, of which our largest crate's optimization
/// is 20. What a newcomer waits for is the wall time of a first build, half of that.
const MAX_CPU_SECS: f64 = 70.0;

/// Counts the crates and, if `build`, measures a build into an empty folder; true: within the limits.
pub fn check(root: &Path, build: bool) -> io::Result<bool> {
    let crates = crates(root)?;
    println!(
        "deps: {}",
        crates.iter().cloned().collect::<Vec<_>>().join(", ")
    );
    let mut good = verdict("crates", crates.len() as f64, MAX_CRATES as f64);
    if build {
        let (compiled, cpu_secs, wall_secs) = measure(root)?;
        println!("deps: {compiled} crates compiled in {wall_secs:.1} s");
        good &= verdict("crates compiled", compiled as f64, MAX_CRATES as f64);
        good &= verdict("CPU seconds", cpu_secs, MAX_CPU_SECS);
    }
    Ok(good)
}

fn verdict(what: &str, value: f64, limit: f64) -> bool {
    let good = value <= limit;
    let word = if good { "ok" } else { "OVER THE LIMIT" };
    let value = (value * 10.0).round() / 10.0;
    println!("deps: {what}: {value} (limit {limit}): {word}");
    good
}

fn cargo(root: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    command
}

/// Names and versions of all packages that the build takes on this machine.
fn crates(root: &Path) -> io::Result<BTreeSet<String>> {
    let mut tree = cargo(root);
    tree.arg("tree").args(PACKAGE);
    tree.args(["--edges", "no-dev", "--prefix", "none", "--format", "{p}"]);
    let output = tree.stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(io::Error::other("cargo tree failed"));
    }
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    let name = |line: &str| {
        let mut words = line.split_whitespace();
        Some(format!("{} {}", words.next()?, words.next()?))
    };
    Ok(lines.lines().filter_map(name).collect())
}

/// Builds from nothing; returns crates compiled, CPU seconds and seconds.
fn measure(root: &Path) -> io::Result<(usize, f64, f64)> {
    let target = std::env::temp_dir().join(format!("farcall-deps-{}", std::process::id()));
    let before = children_cpu_secs()?;
    let start = Instant::now();
    let mut build = cargo(root);
    build.arg("build").arg("--release").args(PACKAGE);
    let output = build.env("CARGO_TARGET_DIR", &target).output();
    let wall = start.elapsed().as_secs_f64();
    let cpu = children_cpu_secs()? - before;
    fs::remove_dir_all(&target).ok();
    let output = output?;
    let log = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(io::Error::other(format!("the build failed:\n{log}")));
    }
    let compiled = log
        .lines()
        .filter(|l| l.trim_start().starts_with("Compiling"));
    Ok((compiled.count(), cpu, wall))
}

/// User and system time of all children that have ended (Linux).
fn children_cpu_secs() -> io::Result<f64> {
    /// What `/proc/PID/stat` counts in, on every Linux that Rust runs on.
    const TICKS_PER_SEC: f64 = 100.0;
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The command's name stands in parentheses; cutime and cstime are fields 16 and 17.
    let after = stat.rsplit(')').next().unwrap_or_default();
    let fields = after.split_whitespace().skip(13).take(2);
    let ticks: f64 = fields.filter_map(|f| f.parse::<f64>().ok()).sum();
    Ok(ticks / TICKS_PER_SEC)
}
