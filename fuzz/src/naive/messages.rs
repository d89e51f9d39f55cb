//! gRPC's message framing on a payload that lies there as a whole.

/// How a payload is cut into messages.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct Cut {
    /// Flag and bytes as they came.
    pub(crate) messages: Vec<(bool, Vec<u8>)>,
    pub(crate) end: End,
}

#[derive(PartialEq, Eq, Debug)]
pub(crate) enum End {
    /// At the end of a message, or of nothing.
    Whole,
    /// So many bytes are missing; 0 inside of a prefix.
    Inside(usize),
    /// A flag or a length that is refused.
    Refused,
}

pub(crate) fn cut(mut payload: &[u8], max_size: usize, compression: bool) -> Cut {
    let mut messages = Vec::new();
    loop {
        if payload.len() < 5 {
            let end = if payload.is_empty() {
                End::Whole
            } else {
                End::Inside(0)
            };
            return Cut { messages, end };
        }
        let size = u32::from_be_bytes([payload[1], payload[2], payload[3], payload[4]]) as usize;
        if payload[0] > 1 || payload[0] == 1 && !compression || size > max_size {
            let end = End::Refused;
            return Cut { messages, end };
        }
        if payload.len() - 5 < size {
            let end = End::Inside(size - (payload.len() - 5));
            return Cut { messages, end };
        }
        messages.push((payload[0] == 1, payload[5..5 + size].to_vec()));
        payload = &payload[5 + size..];
    }
}
