//! Rust source to tokens with line numbers. Comments (documentation too) and the insides of
//! literals are gone afterwards, so that nothing below mistakes them for code.

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    Ident,
    Lifetime,
    Literal,
    Punct,
}

/// One token. Punctuation is one character each, but for `::`.
#[derive(Debug, Clone, PartialEq)]
pub struct Token {
    pub kind: Kind,
    pub text: String,
    pub line: u32,
}

impl Token {
    /// Whether this is the word or sign `text` (never a literal).
    pub fn is(&self, text: &str) -> bool {
        self.kind != Kind::Literal && self.text == text
    }

    pub fn is_ident(&self) -> bool {
        self.kind == Kind::Ident
    }
}

/// Splits source code that rustc accepts into tokens.
pub fn tokens(source: &str) -> Vec<Token> {
    let mut lexer = Lexer {
        chars: source.chars().collect(),
        at: 0,
        line: 1,
        tokens: Vec::new(),
    };
    while lexer.at < lexer.chars.len() {
        lexer.next();
    }
    lexer.tokens
}

struct Lexer {
    chars: Vec<char>,
    at: usize,
    line: u32,
    tokens: Vec<Token>,
}

impl Lexer {
    fn peek(&self, ahead: usize) -> char {
        self.chars.get(self.at + ahead).copied().unwrap_or('\0')
    }

    fn advance(&mut self, n: usize) {
        for _ in 0..n {
            if self.peek(0) == '\n' {
                self.line += 1;
            }
            self.at += 1;
        }
    }

    fn push(&mut self, kind: Kind, text: impl Into<String>, line: u32) {
        let text = text.into();
        self.tokens.push(Token { kind, text, line });
    }

    fn next(&mut self) {
        let line = self.line;
        match (self.peek(0), self.peek(1)) {
            (c, _) if c.is_whitespace() => self.advance(1),
            ('/', '/') => {
                while self.at < self.chars.len() && self.peek(0) != '\n' {
                    self.advance(1);
                }
            }
            ('/', '*') => self.block_comment(),
            ('"', _) => self.string(),
            ('\'', _) => self.quote(),
            (':', ':') => {
                self.advance(2);
                self.push(Kind::Punct, "::", line);
            }
            (c, _) if c.is_ascii_digit() => {
                self.word();
                self.push(Kind::Literal, "0", line);
            }
            (c, _) if is_word(c) => self.ident_or_literal(),
            (c, _) => {
                self.advance(1);
                self.push(Kind::Punct, c, line);
            }
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0;
        loop {
            match (self.peek(0), self.peek(1)) {
                ('/', '*') => depth += 1,
                ('*', '/') => depth -= 1,
                ('\0', '\0') => return,
                _ => {
                    self.advance(1);
                    continue;
                }
            }
            self.advance(2);
            if depth == 0 {
                return;
            }
        }
    }

    fn word(&mut self) -> String {
        let start = self.at;
        while is_word(self.peek(0)) {
            self.advance(1);
        }
        self.chars[start..self.at].iter().collect()
    }

    fn string(&mut self) {
        let line = self.line;
        self.advance(1);
        while self.at < self.chars.len() && self.peek(0) != '"' {
            self.advance(if self.peek(0) == '\\' { 2 } else { 1 });
        }
        self.advance(1);
        self.push(Kind::Literal, "\"", line);
    }

    /// A character literal or a lifetime.
    fn quote(&mut self) {
        let line = self.line;
        if self.peek(1) != '\\' && self.peek(2) != '\'' {
            self.advance(1);
            let name = self.word();
            return self.push(Kind::Lifetime, format!("'{name}"), line);
        }
        self.advance(1);
        while self.at < self.chars.len() && self.peek(0) != '\'' {
            self.advance(if self.peek(0) == '\\' { 2 } else { 1 });
        }
        self.advance(1);
        self.push(Kind::Literal, "'", line);
    }

    /// An identifier, or a literal with a prefix: `b".."`, `b'.'`, `r#".."#`, `r#ident`.
    fn ident_or_literal(&mut self) {
        let line = self.line;
        let word = self.word();
        let raw = matches!(word.as_str(), "r" | "br" | "cr");
        let hashes = (0..).take_while(|&i| self.peek(i) == '#').count();
        match (word.as_str(), self.peek(hashes)) {
            (_, '"') if raw => {
                self.advance(hashes + 1);
                let end: String = std::iter::once('"')
                    .chain("#".repeat(hashes).chars())
                    .collect();
                while self.at < self.chars.len() && !self.starts_with(&end) {
                    self.advance(1);
                }
                self.advance(end.len());
                self.push(Kind::Literal, "\"", line);
            }
            ("b" | "c", '"') if hashes == 0 => self.string(),
            ("b", '\'') if hashes == 0 => self.quote(),
            ("r", c) if hashes == 1 && is_word(c) => {
                self.advance(1);
                let name = self.word();
                self.push(Kind::Ident, name, line);
            }
            _ => self.push(Kind::Ident, word, line),
        }
    }

    fn starts_with(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(i, c)| self.peek(i) == c)
    }
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(source: &str) -> Vec<String> {
        tokens(source).into_iter().map(|t| t.text).collect()
    }

    #[test]
    fn comments_and_insides_of_literals_are_no_code() {
        let source = r####"
/// unsafe
/* a /* nested */ unsafe */ f("unsafe \" unsafe", r#"unsafe " "#, b'\'', '"', 'u', b"\\", br"unsafe");
"####;
        assert!(!texts(source).contains(&"unsafe".into()));
        let strings = tokens(source)
            .iter()
            .filter(|t| t.kind == Kind::Literal)
            .count();
        assert_eq!(strings, 7);
    }

    #[test]
    fn lifetimes_characters_and_raw_identifiers_are_told_apart() {
        let kinds: Vec<_> = tokens("'a 'x' '\\n' r#type b'c'")
            .iter()
            .map(|t| t.kind)
            .collect();
        use Kind::*;
        assert_eq!(kinds, [Lifetime, Literal, Literal, Ident, Literal]);
    }

    #[test]
    fn lines_are_counted_through_comments_and_strings() {
        let all = tokens("/*\n*/ \"\n\n\" x // y\nz::w");
        assert_eq!((all[1].text.as_str(), all[1].line), ("x", 4));
        assert_eq!((all[3].text.as_str(), all[3].line), ("::", 5));
    }
}
