//! From what a machine has gathered to the small set that is committed.

use super::run::Folders;
use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Of one target: enough for a good start, and for the replay to say something.
const MAX_BYTES: u64 = 96 << 10;
const MAX_FILES: usize = 250;
/// An input above this is not worth its place.
const MAX_INPUT: u64 = 4 << 10;

/// Replaces the committed corpus by a set that covers what the gathered and the committed inputs cover together, as far as
/// it fits: libFuzzer picks the set, greedily, and of that the smallest inputs are kept.
pub(super) fn minimise(root: &Path, program: &Path, target: &str) -> io::Result<()> {
    let folders = Folders::of(root, target)?;
    let merged = root.join("target/fuzz/merged").join(target);
    if merged.exists() {
        fs::remove_dir_all(&merged)?;
    }
    fs::create_dir_all(&merged)?;
    let mut command = Command::new(program);
    command
        .env("FARCALL_FUZZ_TARGET", target)
        .args(["-set_cover_merge=1", "-use_counters=0", "-use_cmp=0"])
        .args([&merged, &folders.gathered, &folders.corpus])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if !command.status()?.success() {
        return Err(io::Error::other(format!(
            "libFuzzer cannot merge the corpus of {target}"
        )));
    }
    let mut inputs = sizes(&merged)?;
    inputs.sort();
    let (mut bytes, mut kept) = (0, Vec::new());
    for (size, path) in inputs {
        if bytes + size > MAX_BYTES || kept.len() == MAX_FILES || size > MAX_INPUT {
            break;
        }
        bytes += size;
        kept.push(path);
    }
    fs::remove_dir_all(&folders.corpus)?;
    fs::create_dir_all(&folders.corpus)?;
    for path in &kept {
        fs::copy(
            path,
            folders.corpus.join(path.file_name().unwrap_or_default()),
        )?;
    }
    println!(
        "fuzz: {target}: {} inputs of {bytes} bytes are kept",
        kept.len()
    );
    Ok(())
}

fn sizes(folder: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let entries = fs::read_dir(folder)?;
    entries
        .map(|entry| {
            let entry = entry?;
            Ok((entry.metadata()?.len(), entry.path()))
        })
        .collect()
}
