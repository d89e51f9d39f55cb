//! Messages whose type is known at run time only.

use bytes::Bytes;
use farcall::codec::{Codec, CodecError, EncodeBuf};
use prost::Message;
use prost_reflect::{DynamicMessage, MessageDescriptor};

/// Encodes any message; decodes responses.
#[derive(Clone)]
pub(super) struct Dynamic {
    pub(super) response: MessageDescriptor,
}

impl Codec<DynamicMessage> for Dynamic {
    fn encode(&self, message: &DynamicMessage, buf: &mut EncodeBuf) -> Result<(), CodecError> {
        buf.put_slice(&message.encode_to_vec());
        Ok(())
    }

    fn size_hint(&self, message: &DynamicMessage) -> usize {
        message.encoded_len()
    }

    fn decode(&self, message: Bytes) -> Result<DynamicMessage, CodecError> {
        DynamicMessage::decode(self.response.clone(), message).map_err(CodecError::new)
    }

    fn content_subtype(&self) -> &'static str {
        "proto"
    }
}
