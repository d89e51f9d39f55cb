//! Descriptors from `.proto` files or a descriptor set.

use super::set;
use crate::{arguments::SchemaFiles, failure::Failure};
use prost_reflect::DescriptorPool;

/// `None` if no files are named.
pub(super) fn load(files: &SchemaFiles) -> Result<Option<DescriptorPool>, Failure> {
    let mut config = farcall_build::Config::new();
    match &files.descriptor_set {
        Some(file) => config = config.descriptor_set_file(file),
        None if files.proto.is_empty() => return Ok(None),
        None => config = config.protos(&files.proto).includes(&files.includes),
    }
    set::pool(config).map(Some)
}
