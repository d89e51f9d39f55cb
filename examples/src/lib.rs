//! What the example programs share: the generated code, and the pieces of `hello` and `route-guide`.

#[cfg(doctest)]
mod documentation;
pub mod features;
pub mod greeter;
pub mod local;

farcall::include_protos!();
