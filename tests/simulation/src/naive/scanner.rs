//! Frames out of a stream of octets.

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A whole frame, as RFC 9113 §4.1 has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Frame {
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
    pub(super) payload: Vec<u8>,
}

impl Frame {
    pub(super) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// The four octets from `at` on, without the reserved bit.
    pub(super) fn word(&self, at: usize) -> u32 {
        let octets = self.payload.get(at..at + 4).unwrap_or(&[0; 4]);
        u32::from_be_bytes([octets[0], octets[1], octets[2], octets[3]]) & 0x7fff_ffff
    }

    /// The payload of DATA or HEADERS without padding and priority; `None` if there is more of them than payload.
    pub(super) fn content(&self) -> Option<&[u8]> {
        let mut content = &self.payload[..];
        if self.has(0x8) {
            let (pad, rest) = content.split_first()?;
            content = rest.get(..rest.len().checked_sub(usize::from(*pad))?)?;
        }
        if self.kind == 1 && self.has(0x20) {
            content = content.get(5..)?;
        }
        Some(content)
    }
}

/// One direction of a connection.
#[derive(Default, Debug)]
pub(super) struct Scanner {
    pending: Vec<u8>,
    awaits_preface: bool,
    /// The preface is wrong: nothing after it means anything.
    lost: bool,
}

impl Scanner {
    /// `from_client`: the preface comes first.
    pub(super) fn new(from_client: bool) -> Scanner {
        Scanner {
            awaits_preface: from_client,
            ..Scanner::default()
        }
    }

    pub(super) fn push(&mut self, octets: &[u8]) {
        self.pending.extend_from_slice(octets);
    }

    /// Whether the octets so far are whole frames.
    pub(super) fn is_between_frames(&self) -> bool {
        self.pending.is_empty() && !self.awaits_preface
    }

    pub(super) fn is_lost(&self) -> bool {
        self.lost
    }

    pub(super) fn next(&mut self) -> Option<Frame> {
        if self.awaits_preface {
            let common = self.pending.len().min(PREFACE.len());
            self.lost |= self.pending[..common] != PREFACE[..common];
            if common < PREFACE.len() {
                return None;
            }
            self.awaits_preface = false;
            self.pending.drain(..common);
        }
        if self.lost || self.pending.len() < 9 {
            return None;
        }
        let head = &self.pending[..9];
        let len = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let mut frame = Frame {
            kind: head[3],
            flags: head[4],
            stream: u32::from_be_bytes([head[5], head[6], head[7], head[8]]) & 0x7fff_ffff,
            payload: Vec::new(),
        };
        frame.payload = self.pending.get(9..9 + len)?.to_vec();
        self.pending.drain(..9 + len);
        Some(frame)
    }
}
