//! Building the runner with coverage counters.

use std::{
    io,
    path::{Path, PathBuf},
    process::Command,
};

/// What cargo-fuzz needs a nightly compiler for can be had from LLVM's pass itself. It works with one unit of code
/// generation only (the profile of the runner says so), and with an explicit `--target`, lest build scripts get counters too.
const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

/// The program, up to date.
pub(super) fn runner(root: &Path) -> io::Result<PathBuf> {
    let host = host()?;
    let folder = root.join("target/fuzz");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .current_dir(root.join("fuzz/runner"))
        .args([
            "build",
            "--locked",
            "--quiet",
            "--release",
            "--target",
            &host,
        ])
        .env("CARGO_TARGET_DIR", &folder)
        .env("RUSTFLAGS", FLAGS);
    if !cargo.status()?.success() {
        return Err(io::Error::other("the fuzz runner does not build"));
    }
    Ok(folder.join(host).join("release/farcall-fuzz-runner"))
}

fn host() -> io::Result<String> {
    let output = Command::new("rustc").arg("-vV").output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned)
        .ok_or_else(|| io::Error::other("rustc -vV names no host"))
}
