//! The names of all tests of a crate, with their modules.

use std::{fs, io, path::Path};

use crate::rust::{
    lexer::{Token, tokens},
    tests_out::closing,
};

/// The tests of the crate in `dir`: `module::test` for those below `src`, and for each file below `tests` the same with its own
/// name in front (`main.rs` has none). Those that are ignored count if their reason ends with the path of a script that `ci` runs.
pub fn tests_of(dir: &Path, ci: &str) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    for root in ["src", "tests"] {
        let root = dir.join(root);
        if root.is_dir() {
            folder(&root, &[], ci, &mut found)?;
        }
    }
    found.sort();
    Ok(found)
}

fn folder(dir: &Path, path: &[String], ci: &str, found: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let file = entry?.path();
        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
        let inner = [path, &[stem.clone().into_owned()]].concat();
        if file.is_dir() {
            folder(&file, &inner, ci, found)?;
        } else if file.extension().is_some_and(|extension| extension == "rs") {
            let root = matches!(&*stem, "mod" | "lib" | "main");
            let module = if root { path } else { &inner };
            let source = fs::read_to_string(&file)?;
            let lines: Vec<_> = source.lines().collect();
            let is_run = |line: u32| {
                let reason = lines.get(line as usize - 1).unwrap_or(&"");
                let script = reason.trim_end_matches("\"]").rsplit(' ').next();
                script.is_some_and(|script| script.contains('/') && ci.contains(script))
            };
            tests_in(&tokens(&source), module, &is_run, found);
        }
    }
    Ok(())
}

/// Tests among these tokens, which are of `module`. `is_run` knows the lines of `ignore` attributes whose tests are run all the same.
fn tests_in(
    tokens: &[Token],
    module: &[String],
    is_run: &dyn Fn(u32) -> bool,
    found: &mut Vec<String>,
) {
    let mut at = 0;
    let mut test = Attributes::default();
    while let Some(token) = tokens.get(at) {
        let next = |ahead: usize, text| tokens.get(at + ahead).is_some_and(|t: &Token| t.is(text));
        if token.is("#") && next(1, "[") {
            let end = closing(tokens, at + 1);
            test.read(&tokens[at + 2..end], is_run);
            at = end + 1;
        } else if token.is("everywhere") && next(1, "!") && next(2, "[") {
            // The macro of `tests/e2e` that makes tests of functions, one for each way to a server.
            let end = closing(tokens, at + 2);
            let names = tokens[at + 3..end].iter().filter(|token| token.is_ident());
            for name in names {
                found.push(path(module, name));
                for way in ["over_a_socket", "in_process", "mounted"] {
                    found.push(path(&[module, &[way.to_owned()]].concat(), name));
                }
            }
            at = end + 1;
        } else if token.is("mod") && next(2, "{") {
            let end = closing(tokens, at + 2);
            let inner = [module, &[tokens[at + 1].text.clone()]].concat();
            tests_in(&tokens[at + 3..end], &inner, is_run, found);
            at = end + 1;
        } else if token.is("fn") {
            if std::mem::take(&mut test).are_of_a_test()
                && let Some(name) = tokens.get(at + 1)
            {
                found.push(path(module, name));
            }
            at += 2;
        } else {
            at += 1;
        }
    }
}

fn path(module: &[String], name: &Token) -> String {
    let module = module.iter().map(String::as_str);
    module.chain([&*name.text]).collect::<Vec<_>>().join("::")
}

/// What the attributes in front of an item say.
#[derive(Default)]
struct Attributes {
    test: bool,
    ignored: bool,
}

impl Attributes {
    fn read(&mut self, words: &[Token], is_run: &dyn Fn(u32) -> bool) {
        let path: Vec<_> = words.iter().take_while(|t| !t.is("(")).collect();
        self.test |= path.last().is_some_and(|word| word.is("test"));
        let ignored = path.first().filter(|word| word.is("ignore"));
        self.ignored |= ignored.is_some_and(|word| !is_run(word.line));
    }

    fn are_of_a_test(&self) -> bool {
        self.test && !self.ignored
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_known_by_module_and_name_and_ignored_ones_do_not_count() {
        let source = r#"
            #[test] fn at_the_top() {}
            fn helper() {}
            mod tests {
                #[tokio::test(start_paused = true)]
                #[should_panic]
                async fn inside() { let x = "mod y { #[test] fn z() {} }"; }
                #[test]
                #[ignore]
                fn never_run() {}
                #[test]
                #[ignore = "needs something: tests/run"]
                fn run_by_a_script() {}
                mod deeper { #[test] fn far() {} }
            }
            #[cfg(test)] fn only_compiled() {}
            everywhere![made_by_a_macro,];
        "#;
        let mut found = Vec::new();
        let is_run = |line| {
            source
                .lines()
                .nth(line as usize - 1)
                .is_some_and(|text| text.contains("tests/run"))
        };
        tests_in(&tokens(source), &["a".into()], &is_run, &mut found);
        assert_eq!(
            found,
            [
                "a::at_the_top",
                "a::tests::inside",
                "a::tests::run_by_a_script",
                "a::tests::deeper::far",
                "a::made_by_a_macro",
                "a::over_a_socket::made_by_a_macro",
                "a::in_process::made_by_a_macro",
                "a::mounted::made_by_a_macro"
            ]
        );
    }
}
