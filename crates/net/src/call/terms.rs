//! What the calls of one connection to a server have in common.

use super::{draining::Draining, encoding::Encoding};
use crate::peer::Peer;
use farcall_core::{call::server::ResponseTemplate, message::Compressors};

/// What every call of a connection gets.
pub(crate) struct Terms {
    pub(crate) peer: Peer,
    pub(crate) compressors: Compressors,
    pub(crate) template: ResponseTemplate,
    /// How responses are compressed where nobody says so; `None`: as the request was.
    pub(crate) compression: Option<Encoding>,
    /// For handlers that would go on for long.
    pub(crate) draining: Draining,
}

/// Sizes of one message, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) receive: usize,
    pub(crate) send: usize,
}
