use super::markdown;

fn page(comment: &str) -> String {
    markdown(comment).join("\n")
}

#[test]
fn the_space_after_the_slashes_is_removed_and_blank_lines_at_the_ends_too() {
    assert_eq!(page("\n Says hello.\n   Twice.\n\n"), "Says hello.\nTwice.");
    assert_eq!(page(""), "");
}

#[test]
fn code_blocks_of_every_kind_become_text() {
    assert_eq!(
        page(" ```rust\n let x = 1;\n ```\n after"),
        "```text\nlet x = 1;\n```\nafter"
    );
    assert_eq!(page(" ```\n fn f() {}"), "```text\nfn f() {}\n```");
    assert_eq!(page(" ~~~~\n ```\n ~~~~"), "~~~~text\n```\n~~~~");
    assert_eq!(
        page(" Like:\n\n     a [b] <c>\n\n     d\n\n after"),
        "Like:\n\n```text\na [b] <c>\n\nd\n```\n\nafter"
    );
    assert_eq!(
        page(" # Title\n     code\n text"),
        "# Title\n```text\ncode\n```\ntext"
    );
}

#[test]
fn an_indented_line_of_a_paragraph_or_of_a_list_is_not_code() {
    assert_eq!(page(" One\n         two"), "One\ntwo");
    assert_eq!(
        page(" - item\n\n           more\n\n end"),
        "- item\n\n  more\n\nend"
    );
    assert_eq!(page(" -       item"), "- item");
    assert_eq!(page(" 1. a\n    - b\n      c"), "1. a\n   - b\n     c");
}

#[test]
fn a_fence_in_a_list_item_stays_in_the_item_to_its_end() {
    assert_eq!(
        page(" - ```rust\n panic!()\n   ```\n after"),
        "- ```text\n  panic!()\n  ```\nafter"
    );
}

#[test]
fn html_links_to_items_and_quotations_are_shown_as_written() {
    assert_eq!(
        page(" map<string, Foo> of [Foo] or [a][b]"),
        "map\\<string, Foo> of \\[Foo\\] or \\[a\\]\\[b\\]"
    );
    assert_eq!(page(" > quoted"), "\\> quoted");
    assert_eq!(
        page(" already \\[escaped\\] and \\<b> and a\\b"),
        "already \\[escaped\\] and \\<b> and a\\b"
    );
}

#[test]
fn code_spans_stay_and_lonely_backticks_are_escaped() {
    assert_eq!(
        page(" `map<a, b>[0]` and ``x`y``"),
        "`map<a, b>[0]` and ``x`y``"
    );
    assert_eq!(page(" a ` b < c"), "a \\` b \\< c");
}

#[test]
fn urls_become_links_without_the_punctuation_around_them() {
    assert_eq!(
        page(" See https://a.b/c?d=e_f. Or (http://x)!"),
        "See <https://a.b/c?d=e_f>. Or (<http://x>)!"
    );
    assert_eq!(
        page(" <https://a.b> and [text](https://a.b)"),
        "<https://a.b> and [text](https://a.b)"
    );
    assert_eq!(
        page(" [text](other.md) ahttp http:// end"),
        "\\[text\\](other.md) ahttp http:// end"
    );
}

#[test]
fn what_rustc_refuses_in_comments_is_removed() {
    assert_eq!(page(" a\rb\u{202e}c\u{0}d"), "abcd");
}
