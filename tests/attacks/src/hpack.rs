//! Header blocks, written by hand (RFC 7541 §5, §6): no Huffman code, and indexing only where it is asked for.

/// A header block that grows.
#[derive(Clone, Default)]
pub(crate) struct Block(pub(crate) Vec<u8>);

impl Block {
    /// A literal without indexing, with a literal name.
    pub(crate) fn field(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.0.push(0);
        self.string(name.as_bytes()).string(value.as_ref())
    }

    /// A literal that goes into the dynamic table.
    pub(crate) fn insert(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.0.push(0x40);
        self.string(name.as_bytes()).string(value.as_ref())
    }

    /// An entry of the tables; 62 is the youngest of the dynamic one.
    pub(crate) fn index(self, index: u32) -> Self {
        self.integer(0x80, 7, index)
    }

    pub(crate) fn table_size(self, size: u32) -> Self {
        self.integer(0x20, 5, size)
    }

    /// Bytes, whatever they are.
    pub(crate) fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    fn string(self, value: &[u8]) -> Self {
        self.integer(0, 7, value.len() as u32).raw(value)
    }

    fn integer(mut self, pattern: u8, bits: u8, value: u32) -> Self {
        let most = (1u32 << bits) - 1;
        if value < most {
            self.0.push(pattern | value as u8);
            return self;
        }
        self.0.push(pattern | most as u8);
        let mut rest = value - most;
        while rest >= 0x80 {
            self.0.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        self.0.push(rest as u8);
        self
    }
}

/// The service that every server under attack offers.
pub(crate) const UNARY: &str = "/grpc.testing.BenchmarkService/UnaryCall";
pub(crate) const BIDI: &str = "/grpc.testing.BenchmarkService/StreamingCall";
pub(crate) const DOWN: &str = "/grpc.testing.BenchmarkService/StreamingFromServer";

/// The pseudo-header fields of a call.
pub(crate) fn pseudo(path: &str) -> Block {
    Block::default()
        .index(3) // :method POST
        .index(6) // :scheme http
        .field(":path", path)
        .field(":authority", "localhost")
}

/// The header list of a call. The handler is asked to do something, so that it is known for an attacker's: "sleep", "nap",
/// "slowly", or nothing that it knows.
pub(crate) fn call(path: &str, what: &str) -> Block {
    pseudo(path)
        .field("te", "trailers")
        .field("content-type", "application/grpc")
        .field("x-do", what)
}

/// The header list of a call whose handler is not counted.
pub(crate) fn harmless() -> Vec<u8> {
    let block = pseudo(UNARY).field("te", "trailers");
    block.field("content-type", "application/grpc").0
}

/// A gRPC message: flag, length, payload.
pub(crate) fn message(flag: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![flag];
    bytes.extend_from_slice(&(payload.len() as u32).to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// `SimpleRequest { response_size }`, as a message.
pub(crate) fn request(response_size: u32) -> Vec<u8> {
    let mut payload = vec![0x10];
    let mut rest = response_size;
    while rest >= 0x80 {
        payload.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    payload.push(rest as u8);
    message(0, &payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_integers_of_the_rfcs_appendix_come_out() {
        // RFC 7541 C.1.1 and C.1.2: 10 and 1337 with a prefix of 5 bits.
        assert_eq!(Block::default().table_size(10).0, [0x2a]);
        assert_eq!(Block::default().table_size(1337).0, [0x3f, 0x9a, 0x0a]);
    }

    #[test]
    fn a_request_names_the_size_of_its_response() {
        assert_eq!(request(300), [0, 0, 0, 0, 3, 0x10, 0xac, 0x02]);
    }
}
