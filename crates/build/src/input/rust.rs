//! The built-in compiler: protox, in Rust, for proto2 and proto3.

use super::sources::{Compiled, find};
use crate::error::{Diagnostic, Error, Location};
use std::{fs, path::PathBuf};

/// Why compiling failed.
pub(super) struct Failure {
    pub(super) error: Error,
    /// Where a file says that it is of an edition, if that is the reason.
    pub(super) edition: Option<Location>,
}

pub(super) fn compile(protos: &[PathBuf], includes: &[PathBuf]) -> Result<Compiled, Failure> {
    let compiled = || -> Result<Compiled, protox::Error> {
        let mut compiler = protox::Compiler::new(includes)?;
        compiler
            .include_imports(true)
            .include_source_info(true)
            .open_files(protos)?;
        let disk = compiler.files().filter_map(|file| {
            let path = file.path()?;
            Some((
                file.name().to_owned(),
                path.strip_prefix(".").unwrap_or(path).to_owned(),
            ))
        });
        let disk = disk.collect();
        Ok((compiler.encode_file_descriptor_set(), disk))
    };
    compiled().map_err(|error| failure(&error, includes))
}

fn failure(error: &protox::Error, includes: &[PathBuf]) -> Failure {
    let name = error.file().unwrap_or_default();
    let path = find(includes, name);
    let shown = path
        .as_ref()
        .map_or(name.to_owned(), |path| path.display().to_string());
    let source = path
        .and_then(|path| fs::read_to_string(path).ok())
        .unwrap_or_default();
    let edition = if error.is_parse() {
        edition(shown.clone(), &source)
    } else {
        None
    };
    // Debug of protox's errors is `name:line:column: message`; the name is optional, and so is the position.
    let text = format!("{error:?}");
    let (position, message) = match text
        .strip_prefix(name)
        .and_then(|rest| rest.strip_prefix(':'))
    {
        Some(rest) if !name.is_empty() => split_position(rest),
        _ => (None, text.as_str()),
    };
    let location = (!name.is_empty()).then(|| {
        let (line, column) = position
            .or_else(|| text.contains("end of file").then(|| end(&source)))
            .unwrap_or((0, 0));
        Location {
            file: shown,
            line,
            column,
        }
    });
    let message = message.trim().to_owned();
    Failure {
        error: Error::from_all(vec![Diagnostic { location, message }]),
        edition,
    }
}

/// `12:5: message` or ` message`.
fn split_position(text: &str) -> (Option<(u32, u32)>, &str) {
    let mut parts = text.splitn(3, ':');
    let number = |part: Option<&str>| part.and_then(|part| part.parse().ok());
    match (number(parts.next()), number(parts.next()), parts.next()) {
        (Some(line), Some(column), Some(message)) => (Some((line, column)), message),
        _ => (None, text),
    }
}

/// The position behind the last character.
fn end(source: &str) -> (u32, u32) {
    let last = source.lines().last().unwrap_or_default();
    (
        source.lines().count() as u32,
        last.chars().count() as u32 + 1,
    )
}

/// Where a source says `edition = …`, if that is its first statement.
fn edition(file: String, source: &str) -> Option<Location> {
    let mut comment = false;
    for (line, text) in source.lines().enumerate() {
        let trimmed = text.trim_start();
        let column = text.len() - trimmed.len();
        let location = || Location {
            file: file.clone(),
            line: line as u32 + 1,
            column: column as u32 + 1,
        };
        match trimmed {
            _ if comment => comment = !trimmed.contains("*/"),
            _ if trimmed.starts_with("/*") => comment = !trimmed.contains("*/"),
            "" => {}
            _ if trimmed.starts_with("//") => {}
            _ => {
                let rest = trimmed.strip_prefix("edition").map(str::trim_start);
                return rest
                    .filter(|rest| rest.is_empty() || rest.starts_with('='))
                    .map(|_| location());
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edition_is_found_behind_comments() {
        let source = "// licence\n/* more\n edition = no */\n\n  edition = \"2023\";\n";
        assert_eq!(
            edition("a.proto".into(), source).unwrap().to_string(),
            "a.proto:5:3"
        );
        assert_eq!(
            edition("a.proto".into(), "syntax = \"proto3\";\nedition = 1"),
            None
        );
        assert_eq!(edition("a.proto".into(), "editions x"), None);
    }
}
