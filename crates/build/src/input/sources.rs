//! `.proto` files on disk.

use super::roots;
use std::{collections::HashMap, path::PathBuf};

/// An encoded set and where its files lie.
pub(super) type Compiled = (Vec<u8>, HashMap<String, PathBuf>);

/// Where a file lies that was imported as `name`.
pub(super) fn find(includes: &[PathBuf], name: &str) -> Option<PathBuf> {
    includes
        .iter()
        .map(|include| roots::join(include, name))
        .find(|path| path.is_file())
}
