//! HTTP/2 (RFC 9113) with HPACK (RFC 7541) as a machine without input and output.
//!
//! A [`Connection`] is one end of one HTTP/2 connection, in either role. It owns no socket, reads no
//! clock, spawns nothing and never blocks: bytes and instants go in, bytes and events come out. A
//! driver (one task that owns a socket) turns it:
//!
//! 1. **input**: put what was read into a buffer and call [`Connection::poll_event`] until it
//!    answers `None`; call [`Connection::handle_timeout`] when [`Connection::poll_timeout`] has passed;
//! 2. **commands**: [`open`](Connection::open), [`send_headers`](Connection::send_headers),
//!    [`send_data`](Connection::send_data), [`reset`](Connection::reset), [`release`](Connection::release) …;
//! 3. **output**: after any of the above, [`Connection::fill`] the [`Output`] and write it.
//!
//! The law of the house: *drain the outputs after every mutation*. A command or an input may queue
//! frames, raise events and move the timeout; a driver that forgets to look again stalls.
//!
//! ```
//! use std::time::Instant;
//! use bytes::{Buf, BytesMut};
//! use farcall_http2::{Config, Connection, Event};
//!
//! let now = Instant::now();
//! let (mut client, mut server) = (Connection::client(Config::default(), now), Connection::server(Config::default(), now));
//! // What the client has to say (its preface) goes to the server …
//! client.fill(now, usize::MAX);
//! let output = client.output();
//! let mut wire = BytesMut::from(output.copy_to_bytes(output.remaining()));
//! // … which learns the client's settings from it.
//! assert!(matches!(server.poll_event(now, &mut wire), Some(Event::Ready)));
//! ```
#![forbid(unsafe_code)]

mod budget;
pub mod config;
pub mod connection;
pub mod error;
pub mod event;
mod flow;
pub mod frame;
pub mod headers;
pub mod hpack;
mod later;
mod output;
mod schedule;
#[cfg(test)]
mod snapshot;
mod stream;

pub use budget::{Act, Budget, Budgets};
pub use config::Config;
pub use connection::{Connection, Role, Windows};
pub use error::{ConnectionError, Initiator, OpenError, PeerMisbehaved, Reason, SendError};
pub use event::{Event, ResetCause, StreamKey};
pub use headers::{Field, Fields, Headers, KnownName, Name, Part, TimeoutValue};
pub use output::Output;
