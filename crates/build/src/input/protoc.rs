//! An external compiler: protoc, for editions or by wish.

use super::sources::{Compiled, find};
use crate::error::{Diagnostic, Error, Location};
use prost::Message;
use prost_types::FileDescriptorSet;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

pub(super) fn compile(
    program: &Path,
    protos: &[PathBuf],
    includes: &[PathBuf],
) -> Result<Compiled, Error> {
    let output = Scratch::new();
    let mut command = Command::new(program);
    command
        .args([
            "--include_imports",
            "--include_source_info",
            "--descriptor_set_out",
        ])
        .arg(&output.0);
    // The well-known types, where protoc does not find them beside itself.
    let well_known = std::env::var_os("PROTOC_INCLUDE").map(PathBuf::from);
    for include in includes.iter().chain(&well_known) {
        command.arg("-I").arg(include);
    }
    let result = command
        .args(protos)
        .output()
        .map_err(|error| Error::io("run", program, error))?;
    if !result.status.success() {
        return Err(complaints(
            &String::from_utf8_lossy(&result.stderr),
            program,
            includes,
        ));
    }
    let set = fs::read(&output.0).map_err(|error| Error::io("read", &output.0, error))?;
    let names = FileDescriptorSet::decode(&*set)
        .map_err(|_| Error::new("protoc wrote no descriptor set"))?;
    let disk = names
        .file
        .iter()
        .filter_map(|file| Some((file.name().to_owned(), find(includes, file.name())?)));
    let disk = disk.collect();
    Ok((set, disk))
}

/// What protoc printed, `file:line:column: message` by line, with the paths of the files.
fn complaints(stderr: &str, program: &Path, includes: &[PathBuf]) -> Error {
    let diagnostics: Vec<Diagnostic> = stderr
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| {
            let mut parts = line.splitn(4, ':');
            let (file, at, column, message) =
                (parts.next(), parts.next(), parts.next(), parts.next());
            let number = |part: Option<&str>| part.and_then(|part| part.parse().ok());
            match (file, number(at), number(column), message) {
                (Some(file), Some(line), Some(column), Some(message)) => {
                    let path = find(includes, file).unwrap_or_else(|| file.into());
                    let location = Location {
                        file: path.display().to_string(),
                        line,
                        column,
                    };
                    Diagnostic {
                        location: Some(location),
                        message: message.trim().to_owned(),
                    }
                }
                _ => Diagnostic {
                    location: None,
                    message: line.to_owned(),
                },
            }
        })
        .collect();
    match diagnostics.is_empty() {
        true => Error::new(format!("{} failed without saying why", program.display())),
        false => Error::from_all(diagnostics),
    }
}

/// A name for a file that is removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Scratch {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("farcall-build-{}-{number}.binpb", std::process::id());
        // OUT_DIR belongs to this build alone; elsewhere the process id keeps names apart.
        Scratch(
            std::env::var_os("OUT_DIR")
                .map_or_else(std::env::temp_dir, PathBuf::from)
                .join(name),
        )
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // It is not there if protoc failed.
        let _ = fs::remove_file(&self.0);
    }
}
