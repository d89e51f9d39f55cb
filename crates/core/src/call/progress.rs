//! What both machines have in common: what they are told and what they say.

use crate::{
    message::{Compressors, DEFAULT_MAX_RECEIVE_MESSAGE_SIZE},
    metadata::Metadata,
    method::MethodKind,
    status::Status,
};
use bytes::Bytes;

/// How many messages one direction of a call has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// Exactly one.
    One,
    /// Any number, none included.
    Many,
}

impl Shape {
    /// From client to server.
    pub const fn of_requests(kind: MethodKind) -> Shape {
        if kind.client_streams() {
            Shape::Many
        } else {
            Shape::One
        }
    }

    /// From server to client.
    pub const fn of_responses(kind: MethodKind) -> Shape {
        if kind.server_streams() {
            Shape::Many
        } else {
            Shape::One
        }
    }
}

/// What a side accepts.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ReceiveOptions {
    /// Largest message in bytes, before and after decompression; a larger one ends the call with
    /// RESOURCE_EXHAUSTED before memory is taken for it. Default 4 MiB.
    pub max_message_size: usize,
    /// Compressions that are understood (and announced). Default: those whose features are on (gzip, deflate, zstd, snappy).
    pub compressors: Compressors,
}

impl ReceiveOptions {
    /// These limits and compressions.
    pub fn new(max_message_size: usize, compressors: Compressors) -> ReceiveOptions {
        ReceiveOptions {
            max_message_size,
            compressors,
        }
    }
}

impl Default for ReceiveOptions {
    fn default() -> ReceiveOptions {
        ReceiveOptions {
            max_message_size: DEFAULT_MAX_RECEIVE_MESSAGE_SIZE,
            compressors: Compressors::default(),
        }
    }
}

/// Where a machine stands.
#[derive(Clone, PartialEq, Debug)]
pub enum Progress {
    /// Nothing to hand out before more input comes.
    Pending {
        /// Bytes that are missing to the message whose prefix has arrived, 0 if there is none: the stream
        /// may be granted that much window, for the size has been checked.
        missing: usize,
    },
    /// A whole message, decompressed. A side that has exactly one message gets it only when it is known to be the
    /// only one and the call (client) or the request (server) is complete.
    Message(Bytes),
    /// No more messages. Said again if asked again.
    Done {
        /// On a client the call's status; on a server OK when the client has half-closed, else why the
        /// request did not become complete.
        status: Status,
        /// The metadata of the trailers.
        trailers: Metadata,
    },
}
