//! What one module contains: its children, the names it defines and the paths it names.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

use super::{
    lexer::Token,
    paths::{self, PathRef, Use},
    tests_out::closing,
};

/// A module, with or without a file of its own.
#[derive(Debug, Default)]
pub struct Module {
    /// From the root of the crate; empty for the root itself.
    pub path: Vec<String>,
    pub file: PathBuf,
    /// Children that have a file of their own (`mod name;`), with the line.
    pub declared: Vec<(String, u32)>,
    /// Names of items defined here.
    pub defined: HashSet<String>,
    pub uses: Vec<Use>,
    pub paths: Vec<PathRef>,
    pub tokens: Vec<Token>,
}

const DEFINING: [&str; 9] = [
    "struct",
    "enum",
    "union",
    "trait",
    "type",
    "fn",
    "const",
    "static",
    "macro_rules",
];

/// Reads a file's tokens (tests are already out) into its module and the modules inside it.
pub fn modules(path: Vec<String>, file: &Path, tokens: Vec<Token>) -> Vec<Module> {
    let mut found = Vec::new();
    let mut module = Module {
        path,
        file: file.into(),
        tokens,
        ..Module::default()
    };
    let mut at = 0;
    let mut depth = 0;
    while at < module.tokens.len() {
        let next = module.tokens.get(at + 1);
        let token = &module.tokens[at];
        let next_is = |text| next.is_some_and(|t| t.is(text));
        if token.is("{") {
            depth += 1;
        } else if token.is("}") {
            depth -= 1;
        }
        if token.is("mod") && next.is_some_and(Token::is_ident) && depth == 0 {
            let (name, line) = (module.tokens[at + 1].text.clone(), token.line);
            if module.tokens.get(at + 2).is_some_and(|t| t.is("{")) {
                let end = closing(&module.tokens, at + 2);
                let inside = module.tokens.drain(at..=end).skip(3);
                let inside: Vec<Token> = inside.take(end - at - 3).collect();
                let path = [module.path.clone(), vec![name]].concat();
                found.extend(modules(path, file, inside));
            } else {
                module.declared.push((name, line));
                at += 3;
            }
            continue;
        }
        if token.is("use") && !next_is("<") {
            let (uses, end) = paths::use_declaration(&module.tokens, at);
            module.uses.extend(uses);
            at = end;
            continue;
        }
        if token.is_ident() && next_is("::") && !(at > 0 && module.tokens[at - 1].is("::")) {
            let (path, end) = paths::path(&module.tokens, at);
            module.paths.push(path);
            at = end;
            continue;
        }
        if depth == 0 && DEFINING.iter().any(|word| token.is(word)) {
            let name = if next_is("!") { at + 2 } else { at + 1 };
            let name = module.tokens.get(name).filter(|t| t.is_ident());
            module.defined.extend(name.map(|t| t.text.clone()));
        }
        at += 1;
    }
    found.push(module);
    found
}

#[cfg(test)]
mod tests {
    use super::{super::lexer::tokens, *};

    #[test]
    fn inline_modules_stand_beside_the_module_that_holds_them() {
        let source =
            "mod a; pub mod b { use super::X; fn f() {} } struct S; fn g() { crate::a::h(); }";
        let found = modules(vec!["m".into()], Path::new("m.rs"), tokens(source));
        let [b, m] = &found[..] else {
            panic!("{found:?}")
        };
        assert_eq!(b.path, ["m", "b"]);
        assert_eq!(b.uses[0].path, ["super", "X"]);
        assert!(b.defined.contains("f"));
        assert_eq!(m.declared, [("a".to_string(), 1)]);
        assert!(m.defined.contains("S") && m.defined.contains("g") && !m.defined.contains("f"));
        assert_eq!(m.paths[0].path, ["crate", "a", "h"]);
    }
}
