//! What the example programs share: the generated code, and the pieces of `hello` and `route-guide`.
#![forbid(unsafe_code)]

pub mod by_tenant;
#[cfg(doctest)]
mod documentation;
pub mod features;
pub mod greeter;
pub mod guide;
pub mod in_zone;
pub mod local;
pub mod numbered;
pub mod showcase;

farcall::include_protos!();
