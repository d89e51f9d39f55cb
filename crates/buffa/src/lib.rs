//! Protobuf through [buffa] in place of prost: messages, and views of them, which borrow text and bytes from what was received.
//!
//! `farcall-build` generates services for buffa's messages when it is told where those are; buffa's own generator makes them, from
//! descriptors that `farcall-build` has compiled, so that no protoc is needed. A build script that does both is `examples/buffa/build.rs`;
//! `lib.rs` takes in what it has written:
//!
//! ```ignore
//! pub mod messages {
//!     include!(concat!(env!("OUT_DIR"), "/messages.rs"));
//! }
//! farcall::include_protos!();
//! ```
//!
//! Everything else is as with prost's messages, and each end may have either: what travels is the same.

mod codec;
mod view;

pub use codec::Buffa;
pub use view::View;
