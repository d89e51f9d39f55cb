//! What a table says its rows are shown by.

/// One claim of a row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Claim {
    /// A test, or several (`*` stands for anything), of a crate.
    Test {
        /// The crate's short name.
        krate: String,
        /// Its path.
        path: String,
    },
    /// A file of the repository.
    File(String),
    /// The runnable example of an item.
    Doctest(String),
}

/// A row of a table whose last column is headed `shown by`.
#[derive(Debug)]
pub struct Row {
    /// Where it stands.
    pub line: u32,
    /// What it says.
    pub claims: Vec<Claim>,
    /// Whether it says that something is absent.
    pub absent: bool,
}

/// The rows of all such tables in a document.
pub fn rows(document: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut inside = false;
    for (line, text) in (1..).zip(document.lines()) {
        let Some(text) = text
            .strip_prefix('|')
            .and_then(|t| t.trim_end().strip_suffix('|'))
        else {
            inside = false;
            continue;
        };
        let last = text.rsplit(" | ").next().unwrap_or_default().trim();
        if last == "shown by" {
            inside = true;
        } else if inside && !text.starts_with("---") {
            rows.push(Row {
                line,
                claims: claims(last),
                absent: last.contains("absent"),
            });
        }
    }
    rows
}

/// Reads a cell: pieces of code, after the name of a crate and a dot, or after `doctest of`.
fn claims(cell: &str) -> Vec<Claim> {
    let mut claims = Vec::new();
    let (mut krate, mut module) = (String::new(), String::new());
    let mut pieces = cell.split('`');
    while let (Some(words), Some(code)) = (pieces.next(), pieces.next()) {
        if let Some(name) = words.trim_end().strip_suffix('·') {
            let name = name.trim_end().rsplit([' ', ';', ',']).next();
            krate = name.unwrap_or_default().to_owned();
            module.clear();
        }
        if words.trim_end().ends_with("doctest of") {
            claims.push(Claim::Doctest(code.to_owned()));
        } else if code.contains('/') && code.ends_with(".rs") {
            claims.push(Claim::File(code.to_owned()));
        } else if !krate.is_empty() && is_test(code) {
            let path = match code.rsplit_once("::") {
                Some((place, _)) => {
                    module = place.to_owned();
                    code.to_owned()
                }
                // In the same module as the one before.
                None if module.is_empty() => code.to_owned(),
                None => format!("{module}::{code}"),
            };
            let krate = krate.clone();
            claims.push(Claim::Test { krate, path });
        }
    }
    // Links to other documents: `](../path)`.
    for link in cell.split("](").skip(1) {
        if let Some((path, _)) = link.split_once([')', '#']) {
            claims.push(Claim::File(format!("docs/{path}")));
        }
    }
    claims
}

/// Whether it can be the path of a test, and not an item's, a field's or a number.
fn is_test(code: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_:*".contains(c);
    code.chars().all(allowed)
        && (code.contains("::") || code.contains('*') || code.matches('_').count() > 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test(krate: &str, path: &str) -> Claim {
        Claim::Test {
            krate: krate.into(),
            path: path.into(),
        }
    }

    #[test]
    fn a_cell_names_tests_of_crates_files_examples_and_links() {
        let cell = "lb · `a::tests::it_is_a_test`, `so_is_this_one`, `b::*`; e2e · `*wait*`; doctest of `Thing::new`; \
            `Thing`, `maxTokens`; `examples/tests/plugins.rs`; [more](../x/y.md)";
        assert_eq!(
            claims(cell),
            [
                test("lb", "a::tests::it_is_a_test"),
                test("lb", "a::tests::so_is_this_one"),
                test("lb", "b::*"),
                test("e2e", "*wait*"),
                Claim::Doctest("Thing::new".into()),
                Claim::File("examples/tests/plugins.rs".into()),
                Claim::File("docs/../x/y.md".into()),
            ]
        );
    }

    #[test]
    fn only_tables_that_say_what_shows_them_are_read() {
        let document = "| a | b |\n|---|---|\n| c | lb · `d::e` |\n\n| feature | shown by |\n|---|---|\n| f | absent |\n| g | nothing |\n";
        let rows = rows(document);
        let seen: Vec<_> = rows.iter().map(|row| (row.line, row.absent)).collect();
        assert_eq!(seen, [(7, true), (8, false)]);
    }
}
