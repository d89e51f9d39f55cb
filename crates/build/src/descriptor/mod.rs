//! Descriptors: what compilers for `.proto` files hand over.

mod editions;
mod features;
mod files;
mod wire;

pub(crate) use editions::{NEWEST, OLDEST};
pub(crate) use files::{Files, comment_of};
pub(crate) use wire::set_of_request;
