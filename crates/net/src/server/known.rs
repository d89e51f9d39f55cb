//! Request heads that a connection has seen: a caller that repeats a header block is parsed and routed once.

use super::handler::Route;
use crate::call::Accepted;
use farcall_core::Status;
use farcall_http2::Headers;
use std::sync::Arc;

/// A request head with its method.
pub(super) type Parsed = (Arc<Accepted>, Result<Arc<Route>, Status>);

/// The last few, by the address of the header list: HTTP/2 hands over the same one for a repeated block.
#[derive(Default)]
pub(super) struct Known {
    recent: Vec<(Arc<Headers>, Parsed)>,
    next: usize,
}

impl Known {
    const SIZE: usize = 8;

    pub(super) fn find(&self, headers: &Arc<Headers>) -> Option<&Parsed> {
        self.recent
            .iter()
            .find(|(known, _)| Arc::ptr_eq(known, headers))
            .map(|(_, parsed)| parsed)
    }

    pub(super) fn remember(&mut self, headers: Arc<Headers>, parsed: Parsed) {
        if self.recent.len() < Known::SIZE {
            self.recent.push((headers, parsed));
        } else {
            self.recent[self.next] = (headers, parsed);
            self.next = (self.next + 1) % Known::SIZE;
        }
    }
}
