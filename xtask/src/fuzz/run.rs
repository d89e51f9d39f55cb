//! One target, for some seconds.

use super::options::Options;
use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// Inputs that take longer are findings, and so is a process that needs more memory.
const TIMEOUT_SECS: u32 = 10;
const MEMORY_MIB: u32 = 2048;

/// Where a target's inputs are.
pub(super) struct Folders {
    /// What this machine has gathered; not committed.
    pub(super) gathered: PathBuf,
    /// Committed: seeds, minimised.
    pub(super) corpus: PathBuf,
    /// Committed: each input that once failed.
    pub(super) findings: PathBuf,
}

impl Folders {
    pub(super) fn of(root: &Path, target: &str) -> io::Result<Folders> {
        let folders = Folders {
            gathered: root.join("target/fuzz/corpus").join(target),
            corpus: root.join("fuzz/corpus").join(target),
            findings: root.join("fuzz/findings").join(target),
        };
        fs::create_dir_all(&folders.gathered)?;
        fs::create_dir_all(&folders.corpus)?;
        Ok(folders)
    }
}

/// Runs `jobs` processes, which share what they gather; true: no finding.
pub(super) fn target(
    root: &Path,
    program: &Path,
    name: &str,
    options: &Options,
) -> io::Result<bool> {
    let folders = Folders::of(root, name)?;
    let logs = root.join("target/fuzz/logs");
    fs::create_dir_all(&logs)?;
    fs::create_dir_all(&folders.findings)?;
    let children: Vec<(PathBuf, Child)> = (0..options.jobs)
        .map(|job| {
            let log = logs.join(format!("{name}.{job}"));
            Ok((log.clone(), start(program, name, &folders, &log, options)?))
        })
        .collect::<io::Result<_>>()?;
    let mut clean = true;
    for (log, mut child) in children {
        let good = child.wait()?.success();
        let text = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
        println!("fuzz: {name}: {}", summary(&text, options.seconds));
        if !good {
            println!(
                "fuzz: {name}: FINDING, see {}:\n{}",
                log.display(),
                excerpt(&text)
            );
        }
        clean &= good;
    }
    // Only folders with something in them are of use to anybody.
    let _ = fs::remove_dir(&folders.findings);
    Ok(clean)
}

fn start(
    program: &Path,
    name: &str,
    folders: &Folders,
    log: &Path,
    options: &Options,
) -> io::Result<Child> {
    let mut artifacts = folders.findings.as_os_str().to_owned();
    artifacts.push("/");
    let mut prefix = std::ffi::OsString::from("-artifact_prefix=");
    prefix.push(artifacts);
    let output = fs::File::create(log)?;
    let mut command = Command::new(program);
    command
        .env("FARCALL_FUZZ_TARGET", name)
        .arg(&folders.gathered)
        .arg(&folders.corpus)
        .arg(prefix)
        .arg(format!("-max_total_time={}", options.seconds))
        .arg(format!("-timeout={TIMEOUT_SECS}"))
        .arg(format!("-rss_limit_mb={MEMORY_MIB}"))
        .args(["-print_final_stats=1", "-reload=1"])
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output);
    command.spawn()
}

/// Edges, executions and inputs of libFuzzer's own report.
fn summary(log: &str, seconds: u64) -> String {
    let last = |key: &str| {
        let words: Vec<&str> = log.split_whitespace().collect();
        let at = words.iter().rposition(|word| *word == key)?;
        words.get(at + 1).map(|word| (*word).to_owned())
    };
    let stat = |key: &str| last(&format!("stat::{key}:")).unwrap_or_else(|| "?".to_owned());
    format!(
        "{seconds} s, edges {}, executions {}, per second {}, peak memory {} MiB",
        last("cov:").unwrap_or_else(|| "?".to_owned()),
        stat("number_of_executed_units"),
        stat("average_exec_per_sec"),
        stat("peak_rss_mb"),
    )
}

/// From the panic on, some lines.
fn excerpt(log: &str) -> String {
    let mut lines = log
        .lines()
        .skip_while(|line| !line.contains("panicked") && !line.contains("ERROR"));
    let head: Vec<&str> = lines.by_ref().take(12).collect();
    let kept = log
        .lines()
        .filter(|line| line.contains("Test unit written"));
    head.into_iter()
        .chain(kept)
        .map(|line| format!("  {line}\n"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
#2\tINITED cov: 5 ft: 6 corp: 1/1b exec/s: 0 rss: 30Mb
#90\tDONE   cov: 512 ft: 900 corp: 10/20b lim: 43 exec/s: 10 rss: 40Mb
stat::number_of_executed_units: 90
stat::average_exec_per_sec:     9
stat::peak_rss_mb:              41
";

    #[test]
    fn the_last_figures_count() {
        let expected = "9 s, edges 512, executions 90, per second 9, peak memory 41 MiB";
        assert_eq!(summary(LOG, 9), expected);
    }

    #[test]
    fn a_finding_is_shown_from_its_panic_on() {
        let log = format!("{LOG}thread panicked at x.rs\nleft: 1\nTest unit written to crash-1\n");
        let shown = excerpt(&log);
        assert!(shown.starts_with("  thread panicked at x.rs\n"), "{shown}");
        assert!(shown.contains("crash-1") && !shown.contains("INITED"));
    }
}
