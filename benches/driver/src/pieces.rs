//! A queue of byte pieces that allocates only for the second one.

use bytes::Bytes;
use std::collections::VecDeque;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    first: Option<Bytes>,
    rest: VecDeque<Bytes>,
}

impl Pieces {
    pub(crate) fn push(&mut self, piece: Bytes) {
        match self.first {
            None => self.first = Some(piece),
            Some(_) => self.rest.push_back(piece),
        }
    }

    pub(crate) fn pop(&mut self) -> Option<Bytes> {
        let piece = self.first.take();
        self.first = self.rest.pop_front();
        piece
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_none()
    }
}
