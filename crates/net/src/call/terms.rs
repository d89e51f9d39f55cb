//! What every call of a server has in common.

use farcall_core::{call::server::ResponseTemplate, message::Compressors};

/// What every call of a server gets.
pub(crate) struct Terms {
    pub(crate) limits: Limits,
    pub(crate) compressors: Compressors,
    pub(crate) template: ResponseTemplate,
}

/// Sizes of one message, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) receive: usize,
    pub(crate) send: usize,
}
