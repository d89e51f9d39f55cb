//! What interceptors may look at and change of a call, on either end.

use super::super::{extensions::Extensions, hooks::Hooks, payload::Payload};
use farcall_core::Metadata;
use std::time::Instant;

/// See the module.
pub(crate) struct Parts {
    pub(crate) metadata: Metadata,
    /// On a client what the caller or an interceptor has said, without that of the call being handled.
    pub(crate) deadline: Option<Instant>,
    /// The message of a call with one request.
    pub(crate) message: Option<Payload>,
    /// Boxed: most calls have none.
    pub(crate) rare: Option<Box<Rare>>,
    /// How many interceptors stand inside the one that is at work.
    pub(crate) inside: usize,
    /// The metadata may have been changed.
    pub(crate) touched: bool,
    /// (client) The request will be needed again.
    pub(crate) kept: bool,
}

/// What most calls do not have.
#[derive(Default)]
pub(crate) struct Rare {
    pub(crate) hooks: Hooks,
    pub(crate) extensions: Extensions,
    /// (server, interceptors that never wait) A deadline that was brought forward.
    pub(crate) deadline: Option<Instant>,
}

impl Parts {
    #[inline]
    pub(crate) fn new(
        metadata: Metadata,
        deadline: Option<Instant>,
        message: Option<Payload>,
        extensions: Extensions,
    ) -> Parts {
        let rare = (!extensions.is_empty()).then(|| {
            Box::new(Rare {
                extensions,
                ..Rare::default()
            })
        });
        Parts {
            metadata,
            deadline,
            message,
            rare,
            inside: 0,
            touched: false,
            kept: false,
        }
    }

    pub(crate) fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }
}
