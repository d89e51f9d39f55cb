//! The paths that code names: in `use` declarations, whose braces are expanded, and in expressions.

use super::lexer::Token;

/// One name that a `use` declaration brings in.
#[derive(Debug, Clone, PartialEq)]
pub struct Use {
    /// From the start of the declaration, for example `["crate", "config", "Config"]`;
    /// `["a", "*"]` for a glob, and `["a"]` for `a::{self}`.
    pub path: Vec<String>,
    /// The name it is known by here (`as`, or the last segment).
    pub name: String,
    pub is_pub: bool,
    pub line: u32,
}

/// A path in an expression, a type or a pattern.
#[derive(Debug, Clone, PartialEq)]
pub struct PathRef {
    pub path: Vec<String>,
    pub line: u32,
}

/// Reads the declaration whose `use` stands at `at`; also returns the index behind its `;`.
pub fn use_declaration(tokens: &[Token], at: usize) -> (Vec<Use>, usize) {
    let mut reader = Reader {
        tokens,
        at: at + 1,
        is_pub: is_pub(tokens, at),
        found: Vec::new(),
    };
    reader.skip("::");
    reader.tree(&[]);
    (reader.found, reader.at + 1)
}

/// Reads the path whose first segment stands at `at`; also returns the index behind it.
pub fn path(tokens: &[Token], at: usize) -> (PathRef, usize) {
    let mut segments = vec![tokens[at].text.clone()];
    let mut end = at + 1;
    while tokens.get(end).is_some_and(|t| t.is("::"))
        && tokens.get(end + 1).is_some_and(Token::is_ident)
    {
        segments.push(tokens[end + 1].text.clone());
        end += 2;
    }
    let line = tokens[at].line;
    let path = segments;
    (PathRef { path, line }, end)
}

/// Whether the item whose keyword stands at `at` is `pub` for everybody (not `pub(crate)`).
pub fn is_pub(tokens: &[Token], at: usize) -> bool {
    at > 0 && tokens[at - 1].is("pub")
}

struct Reader<'a> {
    tokens: &'a [Token],
    at: usize,
    is_pub: bool,
    found: Vec<Use>,
}

impl Reader<'_> {
    fn is(&self, text: &str) -> bool {
        self.tokens.get(self.at).is_some_and(|t| t.is(text))
    }

    fn skip(&mut self, text: &str) -> bool {
        let there = self.is(text);
        self.at += usize::from(there);
        there
    }

    fn tree(&mut self, prefix: &[String]) {
        let mut path = prefix.to_vec();
        while let Some(token) = self.tokens.get(self.at) {
            self.at += 1;
            let line = token.line;
            if token.is("{") {
                while !self.is("}") && self.at < self.tokens.len() {
                    self.tree(&path);
                    self.skip(",");
                }
                self.at += 1;
                return;
            }
            if token.text != "self" || path.is_empty() {
                path.push(token.text.clone());
            }
            if self.skip("::") {
                continue;
            }
            let mut name = path.last().cloned().unwrap_or_default();
            if self.skip("as") {
                name = self.tokens.get(self.at).map_or(name, |t| t.text.clone());
                self.at += 1;
            }
            let is_pub = self.is_pub;
            self.found.push(Use {
                path,
                name,
                is_pub,
                line,
            });
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::lexer::tokens, *};

    #[test]
    fn braces_aliases_globs_and_self_are_expanded() {
        let source = "pub use crate::{a::{self, B as C}, d::*, e};";
        let (found, end) = use_declaration(&tokens(source), 1);
        let found: Vec<_> = found
            .iter()
            .map(|u| (u.path.join("::"), u.name.as_str(), u.is_pub))
            .collect();
        assert_eq!(
            found,
            [
                ("crate::a".into(), "a", true),
                ("crate::a::B".into(), "C", true),
                ("crate::d::*".into(), "*", true),
                ("crate::e".into(), "e", true),
            ]
        );
        assert_eq!(end, tokens(source).len());
    }

    #[test]
    fn a_path_ends_where_its_segments_end() {
        let (found, end) = path(&tokens("crate::a::B::<u8>::new()"), 0);
        assert_eq!(found.path, ["crate", "a", "B"]);
        assert_eq!(end, 5);
    }
}
