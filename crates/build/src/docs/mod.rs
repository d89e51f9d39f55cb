//! Comments of a `.proto` file as rustdoc that cannot break: no code that would run as a doctest, no links to nowhere,
//! no HTML.
//!
//! Authors of `.proto` files write for people, in Markdown or in something like it. What is surely harmless stays:
//! paragraphs, lists, headings, emphasis, code spans, fenced code, links to web pages. Everything else is shown as it
//! was written.

mod inline;

use inline::escape;

/// The lines of a comment as Markdown, without the `///`.
///
/// `comment` is the text between the comment marks, as in `SourceCodeInfo.Location.leading_comments`.
pub(crate) fn markdown(comment: &str) -> Vec<String> {
    let raw = prepare(comment);
    let mut page = Page::default();
    for line in &raw {
        page.line(line);
    }
    page.finish()
}

/// Removes what may not stand in a Rust comment, tabs, and the indentation that all lines share.
fn prepare(comment: &str) -> Vec<String> {
    // rustc refuses a bare CR and (as a lint that is denied) marks that change the direction of text.
    let forbidden = |c: char| {
        (c.is_control() && c != '\t')
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let lines: Vec<String> = comment
        .lines()
        .map(|line| {
            line.replace('\t', "    ")
                .replace(forbidden, "")
                .trim_end()
                .to_owned()
        })
        .collect();
    let shared = lines
        .iter()
        .filter(|line| !line.is_empty())
        .map(|line| indentation(line))
        .min()
        .unwrap_or(0);
    lines
        .into_iter()
        .map(|line| line.get(shared..).unwrap_or_default().to_owned())
        .collect()
}

/// What the line before was, as far as it decides about the next.
#[derive(Default, PartialEq)]
enum Before {
    /// Nothing or a blank line: an indented line begins a block of code.
    #[default]
    Blank,
    /// A line of text: an indented line goes on with its paragraph.
    Text,
    /// A line after which a paragraph may go on or not, such as `---`.
    Unsure,
    /// Code by indentation.
    Indented,
}

/// An open fence: its character, its length, and the column where its content begins.
struct Fence {
    mark: char,
    length: usize,
    column: usize,
}

/// The page while it is written.
#[derive(Default)]
struct Page {
    out: Vec<String>,
    before: Before,
    fence: Option<Fence>,
    item: Option<Item>,
}

/// The current item of a list.
struct Item {
    /// Where its mark stands.
    start: usize,
    /// Where its text begins.
    column: usize,
    /// `-`, `*`, `+`, or what follows the number: `.` or `)`.
    kind: Option<char>,
}

impl Page {
    fn line(&mut self, line: &str) {
        let indent = indentation(line);
        if let Some(fence) = &self.fence {
            if closes(fence, line) {
                self.close_fence();
            } else {
                let column = fence.column;
                let text = &line[indent.min(column)..];
                self.push(column, text);
            }
            return;
        }
        if line.is_empty() {
            // A blank line inside a block of code belongs to it if more code follows.
            self.out.push(String::new());
            if self.before != Before::Indented {
                self.before = Before::Blank;
            }
            return;
        }
        if self.item.as_ref().is_some_and(|item| indent < item.column)
            && self.before != Before::Text
        {
            self.item = None;
        }
        let code = self.item.is_none() && indent >= 4 && self.before != Before::Text;
        if code {
            self.indented(line);
        } else {
            self.leave_indented();
            self.text(line, indent);
        }
    }

    /// A line of code by indentation becomes a line of a block that says that it is text.
    fn indented(&mut self, line: &str) {
        if self.before != Before::Indented {
            self.out.push("```text".into());
        }
        // Indented by four, what looks like a fence does not close ours.
        let fence = opens(line.trim_start()).is_some();
        self.out.push(if fence {
            format!("    {}", line.trim_start())
        } else {
            line[4..].to_owned()
        });
        self.before = Before::Indented;
    }

    fn leave_indented(&mut self) {
        if self.before != Before::Indented {
            return;
        }
        let blanks = self
            .out
            .iter()
            .rev()
            .take_while(|line| line.is_empty())
            .count();
        let end = self.out.len() - blanks;
        self.out.insert(end, "```".into());
        self.before = Before::Blank;
    }

    fn text(&mut self, line: &str, indent: usize) {
        let (marks, rest) = list_marks(&line[indent..]);
        let column = self.item.as_ref().map_or(0, |item| item.column);
        let inside = if indent >= column { column } else { 0 };
        // Never four columns more than the surrounding block: that would be code.
        let mut start = if marks.is_empty() {
            inside
        } else {
            indent.min(inside + 3)
        };
        if self.before != Before::Blank && !self.may_follow_text(&marks, start) {
            self.out.push(String::new());
            self.before = Before::Blank;
        }
        if self.before != Before::Text {
            // Whatever a reader of Markdown thinks where the list ended.
            start = start.min(3);
        }
        if !marks.is_empty() {
            self.item = Some(Item {
                start,
                column: start + marks.len(),
                kind: kind(&marks),
            });
        }
        if let Some((mark, length)) = opens(rest) {
            return self.open_fence(
                &marks,
                start,
                Fence {
                    mark,
                    length,
                    column: start + marks.len(),
                },
            );
        }
        self.push(start, &format!("{marks}{}", escape(rest)));
        self.before = Before::Text;
        if may_end_paragraph(rest) {
            self.before = Before::Unsure;
            if marks.is_empty() && start < column {
                self.item = None;
            }
        }
    }

    /// Up to column 3 a fence is a fence wherever the list ended.
    fn open_fence(&mut self, marks: &str, start: usize, mut fence: Fence) {
        let line = format!("{}text", fence.mark.to_string().repeat(fence.length));
        if fence.column <= 3 {
            self.push(start, &format!("{marks}{line}"));
        } else {
            if !marks.is_empty() {
                self.push(start, marks);
            }
            fence.column = 3;
            self.push(3, &line);
            self.item = None;
        }
        self.fence = Some(fence);
    }

    /// Of ordered lists only one that begins with 1 interrupts a paragraph (CommonMark §5.3); its next items do too.
    fn may_follow_text(&self, marks: &str, start: usize) -> bool {
        let number = marks.split(['.', ')']).next().unwrap_or_default();
        let ordered = marks.starts_with(|c: char| c.is_ascii_digit());
        let sibling = |item: &Item| item.start == start && item.kind == kind(marks);
        !ordered || number == "1" || self.item.as_ref().is_some_and(sibling)
    }

    fn close_fence(&mut self) {
        if let Some(fence) = self.fence.take() {
            let text = fence.mark.to_string().repeat(fence.length);
            self.push(fence.column, &text);
            self.before = Before::Blank;
        }
    }

    fn push(&mut self, column: usize, text: &str) {
        let line = format!("{:column$}{text}", "");
        self.out.push(line.trim_end().to_owned());
    }

    fn finish(mut self) -> Vec<String> {
        self.close_fence();
        self.leave_indented();
        while self.out.last().is_some_and(String::is_empty) {
            self.out.pop();
        }
        let first = self
            .out
            .iter()
            .position(|line| !line.is_empty())
            .unwrap_or(self.out.len());
        self.out.split_off(first)
    }
}

fn kind(marks: &str) -> Option<char> {
    marks.chars().find(|c| !c.is_ascii_digit())
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// Whether perhaps no paragraph is open after a line: headings, lines across the page, list items without text.
fn may_end_paragraph(text: &str) -> bool {
    text.starts_with('#')
        || text
            .chars()
            .all(|c| matches!(c, '-' | '=' | '*' | '_' | '+' | ' '))
        || text
            .strip_suffix(['.', ')'])
            .is_some_and(|number| number.bytes().all(|b| b.is_ascii_digit()))
}

/// The marks of list items at the beginning of a text, each with one space, and what follows them.
fn list_marks(text: &str) -> (String, &str) {
    let mut marks = String::new();
    let mut rest = text;
    loop {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let mark = match rest.as_bytes().get(digits) {
            Some(b'-' | b'*' | b'+') if digits == 0 => 1,
            Some(b'.' | b')') if (1..=9).contains(&digits) => digits + 1,
            _ => return (marks, rest),
        };
        let after = &rest[mark..];
        let follows = after.trim_start_matches(' ');
        if follows.len() == after.len() || follows.is_empty() {
            return (marks, rest);
        }
        marks.push_str(&rest[..mark]);
        marks.push(' ');
        rest = follows;
    }
}

/// The mark and length of the fence that a text opens.
fn opens(text: &str) -> Option<(char, usize)> {
    let mark = text.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let length = text.chars().take_while(|c| *c == mark).count();
    let info = &text[length..];
    // CommonMark §4.5: backticks in the info string make it a code span.
    (length >= 3 && !(mark == '`' && info.contains('`'))).then_some((mark, length))
}

fn closes(fence: &Fence, line: &str) -> bool {
    let text = line.trim();
    text.len() >= fence.length && text.chars().all(|c| c == fence.mark)
}

#[cfg(test)]
mod tests;
