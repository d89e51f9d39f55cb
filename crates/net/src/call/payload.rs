//! One message between the codec and the wire, as interceptors see it.

use bytes::{Buf, Bytes};
use farcall_core::{
    Codec, Prost, Status,
    message::{Compressor, PREFIX, encode_message, encode_payload},
};
use std::{fmt, ops::Deref};

/// One message as its codec wrote it: uncompressed, without the prefix. Dereferences to its bytes.
///
/// Interceptors see messages in this form, so that they cost nothing to those who do not look: decode what you want to read.
///
/// ```
/// use farcall::interceptor::Payload;
/// # use farcall_examples::hello::HelloRequest;
///
/// # fn main() -> Result<(), farcall::Status> {
/// let mut payload = Payload::encode(&HelloRequest { name: "Ada".into() })?;
/// assert_eq!(payload.len(), 5);
/// let mut request: HelloRequest = payload.decode()?;
/// request.name.push_str(" Lovelace");
/// payload = Payload::encode(&request)?;
/// # assert_eq!(payload.len(), 14);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Payload {
    data: Bytes,
    /// `data` begins with the prefix of an uncompressed message.
    prefixed: bool,
}

impl Payload {
    /// An encoded message.
    pub fn new(bytes: impl Into<Bytes>) -> Payload {
        Payload {
            data: bytes.into(),
            prefixed: false,
        }
    }

    /// A message with its prefix, as [`encode_message`] makes it without a compressor.
    pub(crate) fn prefixed(data: Bytes) -> Payload {
        Payload {
            data,
            prefixed: true,
        }
    }

    /// Encodes a Protobuf message.
    ///
    /// # Errors
    /// `INTERNAL` if the codec fails.
    pub fn encode<T>(message: &T) -> Result<Payload, Status>
    where
        Prost: Codec<T>,
    {
        Payload::encode_with(&Prost, message)
    }

    /// Encodes a message with its codec.
    ///
    /// # Errors
    /// `INTERNAL` if the codec fails.
    pub fn encode_with<T, C: Codec<T>>(codec: &C, message: &T) -> Result<Payload, Status> {
        encode_message(codec, message, None, usize::MAX).map(Payload::prefixed)
    }

    /// Decodes a Protobuf message.
    ///
    /// # Errors
    /// `INTERNAL` if the bytes are no such message.
    pub fn decode<T>(&self) -> Result<T, Status>
    where
        Prost: Codec<T>,
    {
        self.decode_with(&Prost)
    }

    /// Decodes a message with its codec.
    ///
    /// # Errors
    /// `INTERNAL` if the bytes are no such message.
    pub fn decode_with<T, C: Codec<T>>(&self, codec: &C) -> Result<T, Status> {
        codec
            .decode(self.clone().into_bytes())
            .map_err(|error| Status::internal(format!("a message could not be decoded: {error}")))
    }

    /// The encoded message.
    pub fn into_bytes(mut self) -> Bytes {
        if self.prefixed {
            self.data.advance(PREFIX);
        }
        self.data
    }

    /// The message with its prefix, ready to be sent.
    ///
    /// # Errors
    /// As for [`encode_message`].
    pub(crate) fn into_wire(
        self,
        compressor: Option<&dyn Compressor>,
        limit: usize,
    ) -> Result<Bytes, Status> {
        if self.prefixed && compressor.is_none() && self.data.len() - PREFIX <= limit {
            return Ok(self.data);
        }
        encode_payload(&self, compressor, limit)
    }
}

impl Deref for Payload {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self.prefixed {
            true => &self.data[PREFIX..],
            false => &self.data,
        }
    }
}

impl fmt::Debug for Payload {
    /// The size alone: messages may be secret, and long.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({} bytes)", self.len())
    }
}
