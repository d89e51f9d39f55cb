//! What a call is made of, on either end: requests, responses, the halves of streams, the context.

mod arrival;
mod awaited;
mod context;
mod draining;
mod encoding;
mod extensions;
pub(crate) mod handler;
mod hooks;
pub(crate) mod intercept;
mod knobs;
mod machine;
mod message;
mod payload;
pub(crate) mod reply;
mod sender;
mod streaming;
mod terms;

pub(crate) use arrival::{Accepted, Arrival, Changed, IncomingCall};
pub(crate) use awaited::Awaited;
pub use context::Context;
pub(crate) use draining::Draining;
pub use encoding::Encoding;
pub use extensions::Extensions;
pub(crate) use knobs::Knobs;
pub use message::{IntoRequest, Request, Response};
pub use payload::Payload;
pub(crate) use reply::Reply;
pub use sender::Sender;
pub use streaming::Streaming;
pub(crate) use terms::{Limits, Terms};
