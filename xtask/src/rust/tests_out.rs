//! Takes test code out of a file: `#[cfg(test)]` and `#[test]` items.

use super::lexer::Token;

/// The tokens without those of items that exist in tests only.
pub fn without_tests(tokens: &[Token]) -> Vec<Token> {
    let mut kept = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while at < tokens.len() {
        let Some(attribute) = Attribute::at(tokens, at) else {
            kept.push(tokens[at].clone());
            at += 1;
            continue;
        };
        if !attribute.is_test {
            kept.extend_from_slice(&tokens[at..attribute.end]);
            at = attribute.end;
        } else if attribute.is_inner {
            // `#![cfg(test)]`: nothing that follows is in the product.
            return kept;
        } else {
            at = item_end(tokens, attribute.end);
        }
    }
    kept
}

struct Attribute {
    is_inner: bool,
    is_test: bool,
    /// The index behind its `]`.
    end: usize,
}

impl Attribute {
    fn at(tokens: &[Token], at: usize) -> Option<Self> {
        let is = |i: usize, text| tokens.get(i).is_some_and(|t: &Token| t.is(text));
        if !is(at, "#") {
            return None;
        }
        let is_inner = is(at + 1, "!");
        let open = at + 1 + usize::from(is_inner);
        if !is(open, "[") {
            return None;
        }
        let words: Vec<&str> = tokens[open + 1..]
            .iter()
            .take(5)
            .map(|t| t.text.as_str())
            .collect();
        let is_test = words.starts_with(&["test", "]"])
            || words.starts_with(&["cfg", "(", "test", ")"])
            || words.starts_with(&["cfg", "(", "all", "(", "test"]);
        Some(Attribute {
            is_inner,
            is_test,
            end: closing(tokens, open) + 1,
        })
    }
}

/// The index of the bracket that closes the one at `open` (or of the last token).
pub fn closing(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0;
    for (i, token) in tokens.iter().enumerate().skip(open) {
        if token.is("(") || token.is("[") || token.is("{") {
            depth += 1;
        } else if token.is(")") || token.is("]") || token.is("}") {
            depth -= 1;
            if depth == 0 {
                return i;
            }
        }
    }
    tokens.len().saturating_sub(1)
}

/// The index behind the item (or field, variant, statement) that starts at `at`.
fn item_end(tokens: &[Token], mut at: usize) -> usize {
    while let Some(attribute) = Attribute::at(tokens, at) {
        at = attribute.end;
    }
    const ITEMS: [&str; 17] = [
        "pub",
        "fn",
        "mod",
        "struct",
        "enum",
        "union",
        "impl",
        "trait",
        "use",
        "const",
        "static",
        "type",
        "macro_rules",
        "unsafe",
        "async",
        "extern",
        "let",
    ];
    let is_item = tokens
        .get(at)
        .is_some_and(|t| ITEMS.iter().any(|i| t.is(i)));
    let mut braces_end = !tokens.get(at).is_some_and(|t| t.is("let"));
    while let Some(token) = tokens.get(at) {
        if token.is("use") {
            braces_end = false;
        }
        if token.is("(") || token.is("[") || token.is("{") {
            let is_body = token.is("{") && braces_end;
            at = closing(tokens, at) + 1;
            if is_body {
                return at;
            }
            continue;
        }
        if token.is(")") || token.is("]") || token.is("}") {
            return at;
        }
        at += 1;
        if token.is(";") || (token.is(",") && !is_item) {
            return at;
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::{super::lexer::tokens, *};

    fn left(source: &str) -> String {
        let kept = without_tests(&tokens(source));
        kept.iter()
            .map(|t| t.text.as_str())
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn test_modules_functions_imports_and_fields_are_taken_out() {
        assert_eq!(left("a; #[cfg(test)] mod tests { b!{} } c"), "a ; c");
        assert_eq!(left("#[cfg(test)] mod tests; c"), "c");
        assert_eq!(left("#[cfg(test)] use a::{b, c}; d"), "d");
        assert_eq!(
            left("#[test] #[ignore] fn f<A, B>(a: [u8; 2]) -> C { d } e"),
            "e"
        );
        assert_eq!(
            left("struct S { #[cfg(test)] a: A, b: B }"),
            "struct S { b : B }"
        );
        assert_eq!(left("x { a, #[cfg(all(test, unix))] b }"), "x { a , }");
        assert_eq!(left("#[cfg(test)] let a = B { c }; d"), "d");
        assert_eq!(left("a #![cfg(test)] b"), "a");
    }

    #[test]
    fn code_that_is_also_in_the_product_stays() {
        assert_eq!(left("#[cfg(not(test))] a"), "# [ cfg ( not ( test ) ) ] a");
        assert_eq!(
            left("#[cfg(any(test, unix))] a"),
            "# [ cfg ( any ( test , unix ) ) ] a"
        );
    }
}
