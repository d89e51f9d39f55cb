//! What is ready to be written.

use bytes::{Buf, Bytes};

/// Bytes ready for the wire, in order. Read it as a [`Buf`]; `chunks_vectored` gives everything for one `writev`.
#[derive(Debug, Default)]
pub struct Output {
    bytes: Bytes,
}

impl Output {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

impl Buf for Output {
    fn remaining(&self) -> usize {
        self.bytes.remaining()
    }
    fn chunk(&self) -> &[u8] {
        self.bytes.chunk()
    }
    fn advance(&mut self, cnt: usize) {
        self.bytes.advance(cnt);
    }
}
