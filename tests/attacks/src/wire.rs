//! Frames, written by hand: no rule is applied, and no line is shared with the product (RFC 9113 §4, §6).

/// Frame types.
pub(crate) mod kind {
    pub(crate) const DATA: u8 = 0;
    pub(crate) const HEADERS: u8 = 1;
    pub(crate) const PRIORITY: u8 = 2;
    pub(crate) const RST_STREAM: u8 = 3;
    pub(crate) const SETTINGS: u8 = 4;
    pub(crate) const PUSH_PROMISE: u8 = 5;
    pub(crate) const PING: u8 = 6;
    pub(crate) const GOAWAY: u8 = 7;
    pub(crate) const WINDOW_UPDATE: u8 = 8;
    pub(crate) const CONTINUATION: u8 = 9;
}

/// Flags.
pub(crate) mod flag {
    pub(crate) const NONE: u8 = 0;
    pub(crate) const ACK: u8 = 1;
    pub(crate) const END_STREAM: u8 = 1;
    pub(crate) const END_HEADERS: u8 = 4;
    pub(crate) const PADDED: u8 = 8;
}

/// Parameters of SETTINGS.
pub(crate) mod setting {
    pub(crate) const HEADER_TABLE_SIZE: u16 = 1;
    pub(crate) const ENABLE_PUSH: u16 = 2;
    pub(crate) const MAX_CONCURRENT_STREAMS: u16 = 3;
    pub(crate) const INITIAL_WINDOW_SIZE: u16 = 4;
    pub(crate) const MAX_FRAME_SIZE: u16 = 5;
    pub(crate) const MAX_HEADER_LIST_SIZE: u16 = 6;
}

/// Error codes.
pub(crate) mod code {
    pub(crate) const NO_ERROR: u32 = 0;
    pub(crate) const PROTOCOL_ERROR: u32 = 1;
    pub(crate) const FLOW_CONTROL_ERROR: u32 = 3;
    pub(crate) const STREAM_CLOSED: u32 = 5;
    pub(crate) const REFUSED_STREAM: u32 = 7;
    pub(crate) const CANCEL: u32 = 8;
    pub(crate) const COMPRESSION_ERROR: u32 = 9;
    pub(crate) const ENHANCE_YOUR_CALM: u32 = 11;

    /// The name of RFC 9113 §7.
    pub(crate) fn name(code: u32) -> String {
        const NAMES: [&str; 14] = [
            "NO_ERROR",
            "PROTOCOL_ERROR",
            "INTERNAL_ERROR",
            "FLOW_CONTROL_ERROR",
            "SETTINGS_TIMEOUT",
            "STREAM_CLOSED",
            "FRAME_SIZE_ERROR",
            "REFUSED_STREAM",
            "CANCEL",
            "COMPRESSION_ERROR",
            "CONNECT_ERROR",
            "ENHANCE_YOUR_CALM",
            "INADEQUATE_SECURITY",
            "HTTP_1_1_REQUIRED",
        ];
        match NAMES.get(code as usize) {
            Some(name) => (*name).to_owned(),
            None => format!("{code:#x}"),
        }
    }
}

/// What an HTTP/2 client says first (RFC 9113 §3.4).
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Bytes on their way out.
#[derive(Default)]
pub(crate) struct Wire(pub(crate) Vec<u8>);

impl Wire {
    /// Bytes, whatever they are.
    pub(crate) fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// The head of a frame whose payload may be another length, or never come.
    pub(crate) fn head(&mut self, len: usize, kind: u8, flags: u8, stream: u32) -> &mut Self {
        self.0.extend_from_slice(&(len as u32).to_be_bytes()[1..]);
        self.0.extend_from_slice(&[kind, flags]);
        self.raw(&stream.to_be_bytes())
    }

    pub(crate) fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> &mut Self {
        self.head(payload.len(), kind, flags, stream).raw(payload)
    }

    /// A whole header block.
    pub(crate) fn headers(&mut self, stream: u32, block: &[u8], end: bool) -> &mut Self {
        let flags = flag::END_HEADERS | if end { flag::END_STREAM } else { 0 };
        self.frame(kind::HEADERS, flags, stream, block)
    }

    /// A header block in frames of so many bytes.
    pub(crate) fn headers_in(
        &mut self,
        size: usize,
        stream: u32,
        block: &[u8],
        end: bool,
    ) -> &mut Self {
        let mut kind = kind::HEADERS;
        let last = block.len().div_ceil(size).max(1) - 1;
        let mut pieces = block.chunks(size);
        for i in 0..=last {
            let done = if i == last { flag::END_HEADERS } else { 0 };
            let first = if i == 0 && end { flag::END_STREAM } else { 0 };
            self.frame(kind, done | first, stream, pieces.next().unwrap_or(&[]));
            kind = kind::CONTINUATION;
        }
        self
    }

    pub(crate) fn data(&mut self, stream: u32, payload: &[u8], end: bool) -> &mut Self {
        self.frame(kind::DATA, u8::from(end), stream, payload)
    }

    pub(crate) fn rst(&mut self, stream: u32, code: u32) -> &mut Self {
        self.frame(kind::RST_STREAM, flag::NONE, stream, &code.to_be_bytes())
    }

    pub(crate) fn settings(&mut self, parameters: &[(u16, u32)]) -> &mut Self {
        self.head(6 * parameters.len(), kind::SETTINGS, flag::NONE, 0);
        for (id, value) in parameters {
            self.raw(&id.to_be_bytes()).raw(&value.to_be_bytes());
        }
        self
    }

    pub(crate) fn settings_ack(&mut self) -> &mut Self {
        self.frame(kind::SETTINGS, flag::ACK, 0, &[])
    }

    pub(crate) fn ping(&mut self, payload: u64) -> &mut Self {
        self.frame(kind::PING, flag::NONE, 0, &payload.to_be_bytes())
    }

    pub(crate) fn window(&mut self, stream: u32, increment: u32) -> &mut Self {
        let increment = increment.to_be_bytes();
        self.frame(kind::WINDOW_UPDATE, flag::NONE, stream, &increment)
    }

    /// PRIORITY of RFC 7540 §6.3.
    pub(crate) fn priority(&mut self, stream: u32, on: u32) -> &mut Self {
        let mut payload = on.to_be_bytes().to_vec();
        payload.push(15);
        self.frame(kind::PRIORITY, flag::NONE, stream, &payload)
    }

    pub(crate) fn goaway(&mut self, last: u32, code: u32, debug: &[u8]) -> &mut Self {
        let payload = [&last.to_be_bytes(), &code.to_be_bytes(), debug].concat();
        self.frame(kind::GOAWAY, flag::NONE, 0, &payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_have_the_layout_of_the_rfc() {
        let mut wire = Wire::default();
        wire.ping(1).rst(3, code::CANCEL);
        assert_eq!(
            wire.0,
            [
                0, 0, 8, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, // PING
                0, 0, 4, 3, 0, 0, 0, 0, 3, 0, 0, 0, 8, // RST_STREAM
            ]
        );
    }

    #[test]
    fn a_block_is_cut_into_headers_and_continuations() {
        let mut wire = Wire::default();
        wire.headers_in(2, 1, b"abc", true);
        assert_eq!(
            wire.0,
            [
                0, 0, 2, 1, 1, 0, 0, 0, 1, b'a', b'b', 0, 0, 1, 9, 4, 0, 0, 0, 1, b'c'
            ]
        );
    }
}
