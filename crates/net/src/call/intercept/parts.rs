//! What interceptors may look at and change of a call, on either end.

use super::super::{extensions::Extensions, hooks::Hooks, payload::Payload};
use farcall_core::{Metadata, MethodDescriptor};
use std::time::Instant;

/// See the module.
pub(crate) struct Parts {
    pub(crate) method: MethodDescriptor,
    pub(crate) metadata: Metadata,
    pub(crate) deadline: Option<Instant>,
    /// The message of a call with one request.
    pub(crate) message: Option<Payload>,
    /// Boxed: most calls have none.
    pub(crate) hooks: Option<Box<Hooks>>,
    pub(crate) extensions: Extensions,
    /// How many interceptors stand inside the one that is at work.
    pub(crate) inside: usize,
    /// The metadata may have been changed.
    pub(crate) touched: bool,
    /// (client) The request will be needed again.
    pub(crate) kept: bool,
}

impl Parts {
    pub(crate) fn new(
        method: MethodDescriptor,
        metadata: Metadata,
        deadline: Option<Instant>,
        message: Option<Payload>,
    ) -> Parts {
        Parts {
            method,
            metadata,
            deadline,
            message,
            hooks: None,
            extensions: Extensions::default(),
            inside: 0,
            touched: false,
            kept: false,
        }
    }
}
