//! What a caller can say about one call.

use super::encoding::Encoding;
use crate::transport::mailbox::Preparation;
use farcall_core::{Metadata, Status, retry::RetryOptions};
use farcall_lb::Authority;
use std::time::{Duration, Instant};

/// What a caller says about one call; the channel's defaults fill what is left open.
#[derive(Debug, Default)]
pub(crate) struct Knobs {
    pub(crate) timeout: Option<Duration>,
    pub(crate) deadline: Option<Instant>,
    pub(crate) metadata: Metadata,
    pub(crate) wait_for_ready: Option<bool>,
    /// Boxed: most calls have none, and are moved several times.
    pub(crate) rare: Option<Box<RareKnobs>>,
}

/// What few calls say.
#[derive(Debug, Default)]
pub(crate) struct RareKnobs {
    pub(crate) encoding: Option<Encoding>,
    pub(crate) max_receive: Option<usize>,
    pub(crate) max_send: Option<usize>,
    /// About the attempts of the call.
    pub(crate) retry: Option<RetryOptions>,
    /// The call's own `:authority`, or why what was said is none.
    pub(crate) authority: Option<Result<Authority, Status>>,
    /// What has to be done before each attempt.
    pub(crate) preparation: Option<Box<dyn Preparation>>,
}

impl Knobs {
    /// What few calls say, to be said.
    pub(crate) fn rarely(&mut self) -> &mut RareKnobs {
        self.rare.get_or_insert_default()
    }

    #[inline]
    pub(crate) fn encoding(&self) -> Option<Encoding> {
        self.rare.as_ref()?.encoding
    }

    #[inline]
    pub(crate) fn max_receive(&self) -> Option<usize> {
        self.rare.as_ref()?.max_receive
    }

    #[inline]
    pub(crate) fn max_send(&self) -> Option<usize> {
        self.rare.as_ref()?.max_send
    }

    #[inline]
    pub(crate) fn retry(&self) -> Option<RetryOptions> {
        self.rare.as_ref()?.retry
    }

    #[inline]
    pub(crate) fn take_preparation(&mut self) -> Option<Box<dyn Preparation>> {
        self.rare.as_mut()?.preparation.take()
    }

    #[inline]
    pub(crate) fn authority(&self) -> Option<&Result<Authority, Status>> {
        self.rare.as_ref()?.authority.as_ref()
    }
}
