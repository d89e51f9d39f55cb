//! One line of text, outside of code blocks.

/// Escapes what rustdoc would take for HTML, for a link to an item, or for a quotation, and makes links of bare URLs.
pub(super) fn escape(line: &str) -> String {
    let mut out = String::with_capacity(line.len() + 8);
    let mut rest = line;
    // `>` at the beginning would begin a quotation, in which indented text is code again.
    if line.starts_with('>') {
        out.push('\\');
    }
    while let Some(c) = rest.chars().next() {
        let used = special(rest, &mut out).unwrap_or_else(|| {
            out.push(c);
            c.len_utf8()
        });
        rest = &rest[used..];
    }
    out
}

/// Writes what stands at the beginning of `rest` if it needs care; returns how many bytes that were.
fn special(rest: &str, out: &mut String) -> Option<usize> {
    match rest.as_bytes()[0] {
        b'\\' => Some(backslash(rest, out)),
        b'`' => Some(code_span(rest, out)),
        b'[' => Some(bracket(rest, out)),
        b']' => {
            out.push_str("\\]");
            Some(1)
        }
        b'<' => Some(angle(rest, out)),
        b'h' => url(rest).map(|url| {
            out.push('<');
            out.push_str(url);
            out.push('>');
            url.len()
        }),
        _ => None,
    }
}

/// `\[` stays escaped; a backslash before anything else is a backslash.
fn backslash(rest: &str, out: &mut String) -> usize {
    let next = rest[1..].chars().next().filter(char::is_ascii_punctuation);
    out.push('\\');
    match next {
        Some(next) => {
            out.push(next);
            2
        }
        None => 1,
    }
}

/// A code span that ends in this line stays; other backticks are escaped.
fn code_span(rest: &str, out: &mut String) -> usize {
    let length = rest.bytes().take_while(|b| *b == b'`').count();
    let mut end = length;
    while let Some(start) = rest[end..].find('`').map(|at| at + end) {
        let run = rest[start..].bytes().take_while(|b| *b == b'`').count();
        end = start + run;
        if run == length {
            out.push_str(&rest[..end]);
            return end;
        }
    }
    out.push_str(&"\\`".repeat(length));
    length
}

/// `[text](https://…)` stays a link; other brackets are escaped.
fn bracket(rest: &str, out: &mut String) -> usize {
    let link = || {
        let text = &rest[1..1 + rest[1..].find(['[', ']', '`', '<', '\\'])?];
        let target = rest[1 + text.len()..].strip_prefix("](")?;
        let target = &target[..target.find(')')?];
        (url(target)? == target && !text.contains("://")).then_some((text, target))
    };
    match link() {
        Some((text, target)) => {
            out.push_str(&format!("[{text}]({target})"));
            text.len() + target.len() + 4
        }
        None => {
            out.push_str("\\[");
            1
        }
    }
}

/// `<https://…>` stays a link; other angle brackets are escaped.
fn angle(rest: &str, out: &mut String) -> usize {
    let inside = rest[1..].split('>').next().unwrap_or_default();
    if rest.len() > inside.len() + 1 && url(inside) == Some(inside) {
        out.push_str(&rest[..inside.len() + 2]);
        inside.len() + 2
    } else {
        out.push_str("\\<");
        1
    }
}

/// The URL at the beginning of a text, without the punctuation of the sentence around it.
fn url(text: &str) -> Option<&str> {
    let after = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))?;
    let stop =
        |c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"' | '`' | '[' | ']' | '\\' | ')');
    let length = after.find(stop).unwrap_or(after.len());
    let length = after[..length]
        .trim_end_matches(['.', ',', ';', ':', '!', '?', '\'', '*', '_'])
        .len();
    (length > 0).then(|| &text[..text.len() - after.len() + length])
}
