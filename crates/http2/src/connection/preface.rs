//! The client's preface as a server reads it, and the first octets of peers that do not speak HTTP/2 (RFC 9113 §3.4).

use super::{Connection, Life};
use crate::{
    error::PeerMisbehaved,
    frame::{HEAD_LEN, PREFACE},
};
use bytes::{Buf, BytesMut};

impl Connection {
    /// Compares what has come, so that another protocol is noticed at its first wrong octet.
    #[cold]
    pub(super) fn read_preface(
        &mut self,
        seen: usize,
        input: &mut BytesMut,
    ) -> Result<(), PeerMisbehaved> {
        let expected = &PREFACE[seen..];
        let len = expected.len().min(input.len());
        if input[..len] != expected[..len] {
            let said = [&PREFACE[..seen], input].concat();
            return Err(other_protocol(&said).unwrap_or(PeerMisbehaved::BadPreface));
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
    /// not whole or those of another one.
    #[cold]
    pub(super) fn refuse_other_protocols(&self, input: &[u8]) -> Result<(), PeerMisbehaved> {
        match other_protocol(input) {
            Some(crime) if self.life == Life::FirstSettings => Err(crime),
            _ => Ok(()),
        }
    }
}

/// What others say first: this end hears it when a port or a target is wrong.
#[cold]
fn other_protocol(said: &[u8]) -> Option<PeerMisbehaved> {
    let begins = |words: &[&str]| words.iter().any(|word| said.starts_with(word.as_bytes()));
    // "PRI" is HTTP/2's own.
    let requests = [
        "GET ", "POST ", "HEAD ", "PUT ", "DELETE ", "OPTIONS ", "CONNECT ", "PATCH ", "TRACE ",
    ];
    Some(match said {
        _ if begins(&["HTTP/"]) || begins(&requests) => PeerMisbehaved::SpeaksHttp1,
        // An alert, or a handshake message (RFC 8446 §5.1).
        [0x15, 3, ..] => PeerMisbehaved::AnswersWithTlsAlert,
        [0x16, 3, ..] => PeerMisbehaved::SpeaksTls,
        _ if begins(&["SSH-"]) => PeerMisbehaved::SpeaksSsh,
        // "220 ready", "421 too busy", "554 no service here" (RFC 5321 §4.2, RFC 959 §4.2).
        [
            b'2' | b'4' | b'5',
            b'0'..=b'9',
            b'0'..=b'9',
            b' ' | b'-',
            ..,
        ] => PeerMisbehaved::SpeaksSmtp,
        // SETTINGS has a 4 among them.
        _ => {
            let head = said.get(..HEAD_LEN)?;
            return head
                .iter()
                .all(is_text)
                .then_some(PeerMisbehaved::SpeaksText);
        }
    })
}

fn is_text(octet: &u8) -> bool {
    matches!(octet, b' '..=b'~' | b'\t' | b'\r' | b'\n')
}
