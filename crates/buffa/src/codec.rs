//! Messages and views to bytes, and back.

use crate::View;
use buffa::{HasMessageView, Message, SizeCache, checked_encode_size};
use bytes::Bytes;
use farcall_core::codec::{Codec, CodecError, EncodeBuf};

/// The codec of buffa's messages, and of [`View`]s of them. `bytes` fields of type [`Bytes`] share memory with what was read.
///
/// buffa's own limits hold beside the sizes of channel and server: messages inside of messages are read to a depth of 100, and at most
/// 1,000,000 unknown fields are kept of one message. What cannot be read fails its call with INTERNAL.
///
/// ```
/// use farcall::{Method, MethodKind};
/// use farcall_buffa::{Buffa, View};
/// # use farcall_buffa_example::messages::hello::{HelloReply, HelloRequest};
///
/// // What farcall-build writes for `Config::codec("::farcall_buffa::Buffa").requests_as("::farcall_buffa::View")`:
/// static SAY_HELLO: Method<View<HelloRequest>, HelloReply, Buffa> =
///     Method::with_codec("/hello.Greeter/SayHello", MethodKind::Unary, Buffa);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Buffa;

impl<M: Message + 'static> Codec<M> for Buffa {
    fn encode(&self, message: &M, buf: &mut EncodeBuf) -> Result<(), CodecError> {
        // In two passes: the sizes of what is inside are computed once and written then.
        let mut sizes = SizeCache::default();
        let size = message.compute_size(&mut sizes);
        let size = checked_encode_size(size).map_err(CodecError::new)?;
        buf.reserve(size as usize);
        message.write_to(&mut sizes, buf.vec_mut());
        Ok(())
    }

    fn decode(&self, mut message: Bytes) -> Result<M, CodecError> {
        M::decode(&mut message).map_err(CodecError::new)
    }

    fn content_subtype(&self) -> &'static str {
        "proto"
    }
}

impl<M: HasMessageView + 'static> Codec<View<M>> for Buffa {
    fn encode(&self, message: &View<M>, buf: &mut EncodeBuf) -> Result<(), CodecError> {
        buf.put_slice(message.bytes());
        Ok(())
    }

    fn size_hint(&self, message: &View<M>) -> usize {
        message.bytes().len()
    }

    fn decode(&self, message: Bytes) -> Result<View<M>, CodecError> {
        View::decode(message).map_err(CodecError::new)
    }

    fn content_subtype(&self) -> &'static str {
        "proto"
    }
}
