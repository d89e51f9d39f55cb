//! What the author of a file says about an element, if the descriptors have it: those that servers tell have not.

use prost_types::FileDescriptorProto;

/// The comment before the element at `path`, as lines with `//`, indented.
pub(super) fn before(file: &FileDescriptorProto, path: &[i32], indent: &str) -> String {
    let locations = file.source_code_info.iter().flat_map(|info| &info.location);
    let comment = locations
        .filter(|location| location.path == path)
        .find_map(|location| location.leading_comments.as_deref());
    let lines = comment.unwrap_or_default().trim_end().lines();
    lines
        .map(|line| format!("{indent}//{}\n", line.trim_end()))
        .collect()
}
