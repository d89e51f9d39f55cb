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

    /// Names the protocol of a peer that does not begin with SETTINGS. Its first octets, read as a frame, are
    /// not whole or too large.
    #[cold]
    pub(super) fn refuse_other_protocols(&self, input: &[u8]) -> Result<(), PeerMisbehaved> {
        match input {
            _ if self.life != Life::FirstSettings => Ok(()),
            [b'H', b'T', b'T', b'P', b'/', ..] => Err(PeerMisbehaved::AnswersInHttp1),
            // An alert or a handshake message (RFC 8446 §5.1).
            [0x15 | 0x16, 3, ..] => Err(PeerMisbehaved::AnswersInTls),
            _ => Ok(()),
        }
    }
}
