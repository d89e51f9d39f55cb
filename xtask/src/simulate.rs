//! `cargo xtask simulate`: builds and runs the program of `tests/simulation`.

use std::{io, path::Path, process::Command};

/// Passes everything on; true: no seed failed.
pub fn command(root: &Path, args: &[&str]) -> io::Result<bool> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .args(["run", "--quiet", "--release", "-p", "farcall-simulation"])
        .args(["--bin", "simulate", "--manifest-path"])
        .arg(root.join("Cargo.toml"))
        .arg("--")
        .args(args);
    Ok(cargo.status()?.success())
}
