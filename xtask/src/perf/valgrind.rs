//! Runs under valgrind.

use std::{
    io,
    path::Path,
    process::{Command, Output, Stdio},
};

/// Whether there is a valgrind.
pub fn is_installed() -> bool {
    Command::new("valgrind")
        .arg("--version")
        .stdout(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Runs a command line under callgrind; the text of what it counted.
pub fn callgrind(run: &[String], file: &Path) -> io::Result<String> {
    let out = format!("--callgrind-out-file={}", file.display());
    valgrind(&["--tool=callgrind", &out], run)?;
    std::fs::read_to_string(file)
}

/// Runs a command line under memcheck; heap allocations (reallocations included), and their bytes.
pub fn allocations(run: &[String]) -> io::Result<(f64, f64)> {
    let options = [
        "--tool=memcheck",
        "--leak-check=no",
        "--undef-value-errors=no",
    ];
    let output = valgrind(&options, run)?;
    let text = String::from_utf8_lossy(&output.stderr);
    heap_usage(&text).ok_or_else(|| io::Error::other(format!("memcheck does not say:\n{text}")))
}

/// From `==1== total heap usage: 1,234 allocs, 1,134 frees, 56,789 bytes allocated`.
fn heap_usage(text: &str) -> Option<(f64, f64)> {
    let (_, usage) = text.split_once("total heap usage: ")?;
    let usage = usage.lines().next()?.replace(',', "");
    let words: Vec<&str> = usage.split(' ').collect();
    let [
        allocations,
        "allocs",
        _,
        "frees",
        bytes,
        "bytes",
        "allocated",
    ] = words[..]
    else {
        return None;
    };
    Some((allocations.parse().ok()?, bytes.parse().ok()?))
}

/// glibc copies large blocks with `rep movsb`, which valgrind counts once for each byte, and by where they happen to lie
/// chooses otherwise; this makes it a loop over vectors every time.
const TUNABLES: &str =
    "glibc.cpu.x86_rep_movsb_threshold=1000000000:glibc.cpu.x86_rep_stosb_threshold=1000000000";

fn valgrind(options: &[&str], run: &[String]) -> io::Result<Output> {
    let output = Command::new("valgrind")
        .args(options)
        .args(run)
        .env("GLIBC_TUNABLES", TUNABLES)
        .output()?;
    if output.status.success() {
        return Ok(output);
    }
    Err(io::Error::other(format!(
        "failed under valgrind: {}\n{}",
        run.join(" "),
        String::from_utf8_lossy(&output.stderr)
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heap_usage_is_read_from_memchecks_summary() {
        let text = "==9== HEAP SUMMARY:\n==9==   total heap usage: 2,817 allocs, 2,711 frees, 933,610 bytes allocated\n==9==";
        assert_eq!(heap_usage(text), Some((2817.0, 933_610.0)));
        assert_eq!(heap_usage("==9== All heap blocks were freed"), None);
    }
}
