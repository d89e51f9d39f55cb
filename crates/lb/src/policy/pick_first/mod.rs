//! `pick_first`: one connection, to the first address that answers (gRFC A61, A62; RFC 8305).

mod addresses;
mod failure;
mod machine;
#[cfg(test)]
mod tests;

pub use failure::ConnectErrors;
pub use machine::{PickFirst, PickFirstConfig, PickFirstFactory};
