//! The client's preface as a server reads it, RFC 9113 §3.4.

use super::{Connection, Life};
use crate::{error::PeerMisbehaved, frame::PREFACE};
use bytes::{Buf, BytesMut};

impl Connection {
    /// Compares what has come, so that another protocol is noticed at its first wrong octet.
    pub(super) fn read_preface(
        &mut self,
        seen: usize,
        input: &mut BytesMut,
    ) -> Result<(), PeerMisbehaved> {
        let expected = &PREFACE[seen..];
        let len = expected.len().min(input.len());
        if input[..len] != expected[..len] {
            return Err(PeerMisbehaved::BadPreface);
        }
        input.advance(len);
        let seen = seen + len;
        self.life = if seen == PREFACE.len() {
            Life::FirstSettings
        } else {
            Life::Preface(seen)
        };
        Ok(())
    }
}
