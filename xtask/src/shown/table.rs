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

/// What a document says whose tables name tests so.
const NOTATION: &str = "named as `crate · module::test`";

/// The rows of all such tables in a document; none if it names its tests in another way.
pub fn rows(document: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    if !document.contains(NOTATION) {
        return rows;
    }
    let (mut inside, mut krate) = (false, String::new());
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
                claims: claims(last, &mut krate),
                absent: last.contains("absent"),
            });
        }
    }
    rows
}

/// Reads a cell: pieces of code, after the name of a crate and a dot, or after `doctest of`. `krate` is that of the row before.
fn claims(cell: &str, krate: &mut String) -> Vec<Claim> {
    let mut claims = Vec::new();
    let (mut module, mut before) = (String::new(), "");
    if !cell.starts_with("the same") {
        krate.clear();
    }
    let mut pieces = cell.split('`');
    while let (Some(words), Some(code)) = (pieces.next(), pieces.next()) {
        if let Some(name) = words.trim_end().strip_suffix('·') {
            let name = name.trim_end().rsplit([' ', ';', ',']).next();
            let name = name.filter(|name| !name.is_empty()).unwrap_or(before);
            *krate = name.strip_prefix("farcall-").unwrap_or(name).to_owned();
            module.clear();
        }
        before = code;
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
            claims(cell, &mut String::new()),
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
    fn the_crate_may_be_in_code_or_that_of_the_row_before() {
        let mut krate = "e2e".to_owned();
        let path = "a::tests::it_is_a_test";
        let found = claims(&format!("the same, and `{path}`"), &mut krate);
        assert_eq!(found, [test("e2e", path)]);
        let found = claims(&format!("`farcall-build` · `{path}`"), &mut krate);
        assert_eq!(found, [test("build", path)]);
        assert_eq!(claims(&format!("`{path}`"), &mut krate), []);
    }

    #[test]
    fn only_tables_that_say_what_shows_them_are_read() {
        let document = "named as `crate · module::test`\n| a | b |\n|---|---|\n| c | lb · `d::e` |\n\n| feature | shown by |\n|---|---|\n| f | absent |\n| g | nothing |\n";
        let rows = rows(document);
        let seen: Vec<_> = rows.iter().map(|row| (row.line, row.absent)).collect();
        assert_eq!(seen, [(8, true), (9, false)]);
    }
}
