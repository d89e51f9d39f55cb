//! `cargo xtask shown`: what the tables of `docs/` say that their rows are shown by exists.
//!
//! In every table whose last column is headed `shown by`, in documents that say that tests are named as `crate · module::test`: each
//! named test must be a `#[test]` that is run (or is ignored for a reason that ends with a script of `.ci/run`), each named file and
//! link must be there, each item whose runnable example is named must have one; and a row that names none of these must say that
//! something is absent.

mod index;
mod table;

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
};

use crate::report::Report;
use table::{Claim, rows};

/// Checks the documents of the workspace at `root`.
pub fn check(root: &Path) -> io::Result<Report> {
    let mut report = Report::default();
    let mut known = Known::new(root)?;
    let mut documents: Vec<_> = fs::read_dir(root.join("docs"))?
        .map(|entry| Ok(entry?.path()))
        .collect::<io::Result<_>>()?;
    documents.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    documents.sort();
    for document in documents {
        let rows = rows(&fs::read_to_string(&document)?);
        let file = document.strip_prefix(root).unwrap_or(&document);
        let (mut claims, mut absent) = (0, 0);
        for row in &rows {
            for claim in &row.claims {
                claims += 1;
                if let Some(problem) = known.problem(claim)? {
                    report.violation(file, row.line, problem);
                }
            }
            absent += usize::from(row.absent);
            if row.claims.is_empty() && !row.absent {
                report.violation(file, row.line, "the row names nothing that shows it");
            }
        }
        if !rows.is_empty() {
            let (name, rows) = (file.display(), rows.len());
            let what =
                format!("{name}: {rows} rows, {claims} claims, {absent} rows that say `absent`");
            report.looked_at(what);
        }
    }
    Ok(report)
}

/// What has been looked up.
struct Known<'a> {
    root: &'a Path,
    /// The text of `.ci/run`.
    ci: String,
    tests: HashMap<String, Option<Vec<String>>>,
}

impl Known<'_> {
    fn new(root: &Path) -> io::Result<Known<'_>> {
        Ok(Known {
            root,
            ci: fs::read_to_string(root.join(".ci/run"))?,
            tests: HashMap::new(),
        })
    }

    /// What is wrong with a claim.
    fn problem(&mut self, claim: &Claim) -> io::Result<Option<String>> {
        match claim {
            Claim::File(path) => {
                let there = self.root.join(path).exists();
                Ok((!there).then(|| format!("there is no {path}")))
            }
            Claim::Doctest(item) => {
                let name = item.rsplit("::").next().unwrap_or(item);
                let found = has_example(&self.root.join("crates"), name)?;
                Ok((!found).then(|| format!("{item} has no runnable example")))
            }
            Claim::Test { krate, path } => {
                let tests = match self.tests.get(krate) {
                    Some(tests) => tests,
                    None => {
                        let tests = match folder(self.root, krate) {
                            Some(dir) => Some(index::tests_of(&dir, &self.ci)?),
                            None => None,
                        };
                        self.tests.entry(krate.clone()).or_insert(tests)
                    }
                };
                let Some(tests) = tests else {
                    return Ok(Some(format!("there is no crate {krate}")));
                };
                let found = tests.iter().any(|test| is_like(test, path));
                Ok((!found).then(|| format!("there is no test {krate} · {path}")))
            }
        }
    }
}

/// Where a crate is that the tables call so.
fn folder(root: &Path, name: &str) -> Option<PathBuf> {
    let example = name.strip_suffix("-example").unwrap_or(name);
    let places = [
        ("crates", name),
        ("tests", name),
        ("", name),
        ("examples", example),
    ];
    let places = places.map(|(place, name)| root.join(place).join(name));
    places
        .into_iter()
        .find(|dir| dir.join("Cargo.toml").exists())
}

/// Whether a test's path is as a claim has it, `*` for anything.
fn is_like(test: &str, claim: &str) -> bool {
    let mut parts = claim.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = test.strip_prefix(first) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        match (rest.find(part), parts.peek()) {
            (_, None) => return rest.ends_with(part),
            (Some(at), Some(_)) => rest = &rest[at + part.len()..],
            (None, Some(_)) => return false,
        }
    }
    true
}

/// Whether some item of this name has an example in its documentation.
fn has_example(dir: &Path, name: &str) -> io::Result<bool> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            if has_example(&path, name)? {
                return Ok(true);
            }
            continue;
        }
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let (mut example, source) = (false, fs::read_to_string(&path)?);
        for line in source.lines().map(str::trim_start) {
            if let Some(documentation) = line.strip_prefix("///") {
                example |= documentation.trim_start() == "```";
            } else if !line.starts_with("#[") {
                let named = ["fn ", "struct ", "enum ", "trait "]
                    .iter()
                    .filter_map(|kind| line.split_once(kind))
                    .any(|(_, rest)| {
                        let word = |c: char| c.is_alphanumeric() || c == '_';
                        rest.strip_prefix(name)
                            .is_some_and(|rest| !rest.starts_with(word))
                    });
                if example && named {
                    return Ok(true);
                }
                example = false;
            }
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        for (claim, like) in [
            ("a::b", true),
            ("a", false),
            ("a::*", true),
            ("*b", true),
            ("a*b", true),
            ("*::*", true),
            ("*c*", false),
            ("b*", false),
        ] {
            assert_eq!(is_like("a::b", claim), like, "{claim}");
        }
    }

    #[test]
    fn whatever_is_not_there_is_found() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let mut known = Known::new(root).unwrap();
        let test = |krate: &str, path: &str| Claim::Test {
            krate: krate.into(),
            path: path.into(),
        };
        let this = "shown::tests::whatever_is_not_there_is_found";
        for (claim, there) in [
            (test("xtask", this), true),
            (test("xtask", "shown::tests::whatever_*"), true),
            (test("xtask", "shown::tests::nothing_of_the_kind"), false),
            (test("no-such-crate", this), false),
            (Claim::File("xtask/src/shown/mod.rs".into()), true),
            (Claim::File("xtask/src/shown/gone.rs".into()), false),
            (Claim::Doctest("default_service_config".into()), true),
            (Claim::Doctest("no_such_function".into()), false),
        ] {
            let problem = known.problem(&claim).unwrap();
            assert_eq!(problem.is_none(), there, "{claim:?}: {problem:?}");
        }
    }
}
